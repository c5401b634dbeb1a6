"""The pipeline by stage: pictures a second and core, of made-up JPEGs of 500x375.

    python -m benchmarks.stages

Each stage alone on one thread, medians of one run; Paddle's own transforms beside ours.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import cv2
import numpy as np

from benchmarks.evaluation import draw
from benchmarks.limits import seconds
from benchmarks.measure import machine
from benchmarks.plain import paddle_transforms
from eval.decoded import Decoded
from ppim_port.manifest import load_manifest
from ppim_port.recipe import Transform, open_recipe
from ppim_port.table import table

COUNT = 32


def main() -> None:
    cv2.setNumThreads(0)
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        pictures = draw(Path(folder) / "drawn", COUNT)
        found = _measure(pictures, Path(folder) / "decoded")
    rows = [[name, f"{1e3 * t:.2f}", f"{1 / t:.0f}"] for name, t in found.items()]
    print(table(["stage", "ms a picture", "pictures/s and core"], rows))


def _measure(pictures: list[Path], folder: Path) -> dict[str, float]:
    manifest = load_manifest()
    recipe = open_recipe(manifest.model("rednet26").recipe, manifest.recipes)
    transform = Transform(recipe)
    data = [path.read_bytes() for path in pictures]
    decoded = [transform.pixels(each) for each in data]
    cropped = np.stack([transform.cropped(each) for each in decoded])
    versions = {"opencv": cv2.__version__}
    kept = Decoded(transform, folder, recipe, versions=versions, say=print)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = paddle_transforms()

    def over(call, items) -> float:
        return seconds(lambda: [call(item) for item in items], budget=2) / len(items)

    return {
        "read": over(Path.read_bytes, pictures),
        "decode": over(transform.pixels, data),
        "resize and crop": over(transform.cropped, decoded),
        "read what was decoded before": over(kept.to_uint8, data),
        "normalise": over(transform.finish, cropped[:, np.newaxis]),
        "all of ours": over(lambda d: transform(d), data),
        "Paddle: imread, its transforms": over(
            lambda path: theirs(cv2.imread(str(path))), pictures
        ),
    }


if __name__ == "__main__":
    main()
