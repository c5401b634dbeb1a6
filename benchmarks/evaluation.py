"""`evaluate` against the plain pipelines: pictures a second and memory, in one run.

    python -m benchmarks.evaluation [--rounds N]

Every side is a whole process that scores the same made-up JPEGs (500x375, as
ImageNet's are on average) with the same seeded rednet26. A side runs over few and over
many pictures, and its rate is that of the difference: what starting and loading cost is
in both, and would weigh nothing in 50,000.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.measure import machine, report_side, run_sides
from ppim_port.table import table

# Few and many pictures, by side.
SIDES = {
    "plain paddle": (16, 64),
    "plain torch": (16, 80),
    "ours paddle": (64, 1000),
    "ours torch": (64, 1000),
    # Beyond the sample that is scored in float32 too, which 50,000 hardly notice.
    "ours paddle bfloat16": (320, 1320),
    "ours torch bfloat16": (320, 1320),
    "ours paddle --plain": (64, 320),
    "ours torch --plain": (64, 320),
}
HEIGHT, WIDTH = 375, 500


def main() -> None:
    options = _options()
    if options.side:
        report_side(lambda: _work(options.side, options.weights, options.folder))
        return
    sides = options.sides or list(SIDES)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        weights = root / "rednet26.pdparams"
        _write_weights(weights)
        drawn = draw(root / "drawn", max(few for few, _ in SIDES.values()))
        results = {}
        for side in sides:
            results[side] = _two_sizes(side, root, weights, drawn, options.rounds)
            print(side, _rate(results[side]), flush=True)
    print(machine())
    print(f"rednet26, median of {options.rounds} rounds\n")
    print(_table(results))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sides", nargs="+", choices=SIDES)
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--folder", type=Path)
    return parser.parse_args()


def _two_sizes(
    side: str, root: Path, weights: Path, drawn: list[Path], rounds: int
) -> list[dict[str, float]]:
    """Count, seconds and peak over few and over many pictures."""
    found = []
    for count in SIDES[side]:
        folder = _folder(root / str(count), drawn, count)
        arguments = ["--weights", str(weights), "--folder", str(folder)]
        module = "benchmarks.evaluation"
        found.append(run_sides(module, [side], arguments, rounds=rounds)[side])
    return found


def _work(side: str, weights: Path, folder: Path) -> int:
    from benchmarks import plain

    if side == "plain paddle":
        return plain.paddle_hapi(weights, folder)
    if side == "plain torch":
        return plain.torch_loader(weights, folder)
    from eval.pipeline import evaluate
    from eval.records import Request

    request = Request(
        "rednet26",
        folder,
        framework="torch" if "torch" in side else "paddle",
        weights=weights,
        precision="bfloat16" if "bfloat16" in side else "float32",
        plain="--plain" in side,
    )
    return evaluate(request).score.n


def seeded_weights(framework: str) -> dict[str, np.ndarray]:
    """Seeded weights of a scale at which every logit is finite."""
    from ppim_port.mapping import tensors
    from ppim_port.models.family import load_family

    family = load_family("rednet")
    rng = np.random.default_rng(0)
    state = {}
    for spec in tensors(family.layers(family.configure("26")), framework):
        if spec.leaf.paddle == "_variance":
            value = np.ones(spec.shape)
        else:
            scale = 0.5 / np.sqrt(max(1, np.prod(spec.shape[1:])))
            value = rng.standard_normal(spec.shape) * scale
        state[spec.key] = value.astype(spec.dtype)
    return state


def _write_weights(path: Path) -> None:
    from ppim_port.checkpoint import write

    write(seeded_weights("paddle"), path, kind="pdparams", framework="paddle")


def draw(folder: Path, count: int) -> list[Path]:
    """Write JPEGs that compress like photographs."""
    import cv2

    rng = np.random.default_rng(0)
    folder.mkdir()
    for index in range(count):
        coarse = rng.integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
        image = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{index:05d}.jpg"), image)
    return sorted(folder.iterdir())


def _folder(root: Path, drawn: list[Path], count: int) -> Path:
    """`count` pictures in folders of wnids; the drawn ones again and again."""
    from ppim_port.imagenet import wnids

    for index in range(count if not root.exists() else 0):
        place = root / wnids()[index % 10]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{index:05d}.jpg").hardlink_to(drawn[index % len(drawn)])
    return root


def _rate(sizes: list[dict[str, float]]) -> float:
    few, many = sizes
    return (many["count"] - few["count"]) / (many["seconds"] - few["seconds"])


def _table(results: dict[str, list[dict[str, float]]]) -> str:
    rows = []
    for side, sizes in results.items():
        peak = sizes[1]["mib"]
        cells = [f"{_rate(sizes):.2f}"]
        for plain in ("plain paddle", "plain torch"):
            known = results.get(plain)
            cells.append(f"{_rate(sizes) / _rate(known):.1f}" if known else "")
        base = results.get("plain paddle")
        cells += [f"{peak:.0f}", f"{peak / base[1]['mib']:.2f}" if base else ""]
        rows.append([side, *cells, f"{sizes[0]['seconds']:.1f}"])
    header = ["side", "pictures/s", "times plain paddle", "times plain torch"]
    header += ["peak MiB", "of plain paddle's", "seconds over the few"]
    return table(header, rows)


if __name__ == "__main__":
    main()
