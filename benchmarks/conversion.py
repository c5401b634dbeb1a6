"""`convert` against the usual script: torch.load, rename, transpose, paddle.save.

    python -m benchmarks.conversion [--models rednet26 ...] [--rounds N]

Both sides are whole processes, imports included, and neither verifies anything here;
ours accounts for every key, reads back what it wrote and leaves a sidecar.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.measure import machine, report_side, run_sides
from ppim_port.table import table

SIDES = ("usual script", "convert")


def main() -> None:
    options = _options()
    if options.side:
        report_side(lambda: _work(options))
        return
    print(machine())
    print(f"verification off, median of {options.rounds} rounds\n")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for model in options.models:
            source = Path(folder) / f"{model}.pth"
            _write_official(model, source)
            arguments = ["--models", model, "--source", str(source)]
            results = run_sides(
                "benchmarks.conversion", SIDES, arguments, rounds=options.rounds
            )
            rows += _rows(model, source.stat().st_size, results)
    header = ["model", "file MiB", "side", "seconds", "times faster", "peak MiB"]
    print(table(header, rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=["rednet26", "rednet152"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--source", type=Path)
    return parser.parse_args()


def _work(options: argparse.Namespace) -> int:
    out = options.source.with_suffix(".pdparams")
    if options.side == "usual script":
        _usual_script(options.source, out)
        return 1
    from convert.cli import main as convert

    convert(
        [
            options.models[0],
            *("--checkpoint", str(options.source), "--out", str(out)),
            *("--no-verify", "--force", "--quiet"),
        ]
    )
    return 1


def _usual_script(source: Path, out: Path) -> None:
    import paddle
    import torch

    loaded = torch.load(source, map_location="cpu", weights_only=False)
    state = {}
    for key, value in loaded["state_dict"].items():
        if key.endswith("num_batches_tracked"):
            continue
        name = key.replace("backbone.", "").replace("head.", "")
        name = name.replace("running_mean", "_mean")
        name = name.replace("running_var", "_variance")
        array = value.numpy()
        state[name] = paddle.to_tensor(array.T if name == "fc.weight" else array)
    paddle.save(state, str(out))


def _write_official(model: str, path: Path) -> None:
    """A seeded checkpoint in the official layout."""
    import torch

    from ppim_port.mapping import tensors
    from ppim_port.models.family import load_family

    family = load_family("rednet")
    official = family.namings[0]
    layers = family.layers(family.configure(model.removeprefix("rednet")))
    rng = np.random.default_rng(0)
    state = {}
    for spec in tensors(layers, "torch"):
        value = rng.random(spec.shape).astype(spec.dtype)
        state[official.publish(spec.key)] = torch.from_numpy(np.asarray(value))
    torch.save({"meta": {"epoch": 1}, "state_dict": state}, path)


def _rows(
    model: str, size: int, results: dict[str, dict[str, float]]
) -> list[list[str]]:
    usual = results[SIDES[0]]["seconds"]
    return [
        [
            model if side == SIDES[0] else "",
            f"{size / 2**20:.0f}" if side == SIDES[0] else "",
            side,
            f"{result['seconds']:.2f}",
            f"{usual / result['seconds']:.1f}",
            f"{result['mib']:.0f}",
        ]
        for side, result in results.items()
    ]


if __name__ == "__main__":
    main()
