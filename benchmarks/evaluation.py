"""`evaluate` against the plain pipelines: images/s and memory, in one run.

    python -m benchmarks.evaluation [--pictures N] [--rounds N]

Every side scores the same made-up JPEGs (500x375, as ImageNet's are on average) with
the same seeded rednet26; loading of framework and weights counts on every side alike.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.measure import machine, report_side, run_sides
from ppim_port.table import table

SIDES = ("plain paddle", "ours paddle", "plain torch", "ours torch")
HEIGHT, WIDTH = 375, 500


def main() -> None:
    options = _options()
    if options.side:
        report_side(lambda: _work(options.side, options.weights, options.folder))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        weights, pictures = root / "rednet26.pdparams", root / "val"
        _write_weights(weights)
        _draw(pictures, options.pictures)
        arguments = ["--weights", str(weights), "--folder", str(pictures)]
        results = run_sides(
            "benchmarks.evaluation", SIDES, arguments, rounds=options.rounds
        )
    print(machine())
    print(f"rednet26, {options.pictures} pictures, median of {options.rounds} rounds\n")
    print(_table(results))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--folder", type=Path)
    return parser.parse_args()


def _work(side: str, weights: Path, folder: Path) -> int:
    from benchmarks import plain

    if side == "plain paddle":
        return plain.paddle_hapi(weights, folder)
    if side == "plain torch":
        return plain.torch_loader(weights, folder)
    from eval.pipeline import evaluate
    from eval.records import Request

    framework = "torch" if side.endswith("torch") else "paddle"
    request = Request("rednet26", folder, framework=framework, weights=weights)
    return evaluate(request).score.n


def _write_weights(path: Path) -> None:
    """Seeded weights of a scale at which every logit is finite."""
    from ppim_port.checkpoint import write
    from ppim_port.mapping import tensors
    from ppim_port.models.family import load_family

    family = load_family("rednet")
    rng = np.random.default_rng(0)
    state = {}
    for spec in tensors(family.layers(family.configure("26")), "paddle"):
        if spec.leaf.paddle == "_variance":
            value = np.ones(spec.shape)
        else:
            scale = 0.5 / np.sqrt(max(1, np.prod(spec.shape[1:])))
            value = rng.standard_normal(spec.shape) * scale
        state[spec.key] = value.astype(np.float32)
    write(state, path, kind="pdparams", framework="paddle")


def _draw(folder: Path, count: int) -> None:
    import cv2

    from ppim_port.imagenet import wnids

    rng = np.random.default_rng(0)
    for index in range(count):
        coarse = rng.integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
        image = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        place = folder / wnids()[index % 10]
        place.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place / f"{index:05d}.jpg"), image)


def _table(results: dict[str, dict[str, float]]) -> str:
    rows = []
    for side, result in results.items():
        plain = results[f"plain {side.split()[1]}"]
        rows.append(
            [
                side,
                f"{result['count'] / result['seconds']:.2f}",
                f"{plain['seconds'] / result['seconds']:.2f}",
                f"{result['mib']:.0f}",
                f"{result['mib'] / plain['mib']:.2f}",
            ]
        )
    header = ["side", "images/s", "times plain", "peak MiB", "of plain's"]
    return table(header, rows)


if __name__ == "__main__":
    main()
