"""The determinism certificate: what the bits depend on, and canaries that prove them.

A built-in picture is decoded, preprocessed and scored before the run. Two machines
whose canaries have the same digests compute the same ledger; a run is not resumed
where they differ. The same canaries in float64 measure the rounding of float32, which
says how close two logits must be for their order to mean nothing.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from eval.records import Certificate
from ppim_port.backends import Backend
from ppim_port.models.family import Config
from ppim_port.recipe import Recipe, Transform
from ppim_port.state_dict import Array, StateDict
from ppim_port.version import __version__

# Set by launchers and users; each changes how many threads share a sum.
_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def certify(
    transform: Transform,
    backend: Backend,
    *,
    model: Any,
    config: Config,
    state: StateDict,
    workers: int,
) -> Certificate:
    """Pin what can be pinned, run the canaries, and write down the rest.

    Args:
        transform: the run's recipe.
        backend: runs the net.
        model: the run's net, loaded.
        config: of the net.
        state: what was loaded.
        workers: threads that decode.
    """
    flags = dict(backend.pin())
    pixels = transform.pixels(canary(), "the canary")
    cropped = transform.cropped(pixels)
    images = transform.finish(_variants(cropped))
    logits = backend.predict(model, images)
    exact = _in_float64(backend, config, state, images)
    return Certificate(
        versions=versions(backend, transform.recipe),
        threads=_threads(workers),
        flags=flags,
        canaries={
            "decode": _digest(pixels),
            "resize": _digest(cropped),
            "logits": _digest(logits),
        },
        rounding=_furthest(logits, exact),
    )


@cache
def canary() -> bytes:
    """A small JPEG that ships with us."""
    return files("eval").joinpath("canary.jpg").read_bytes()


def versions(backend: Backend, recipe: Recipe) -> dict[str, str]:
    """Of every library that touches a number; of Pillow where the recipe uses it."""
    import cv2

    found = {
        "ppim-port": __version__,
        backend.name: backend.version(),
        "opencv": cv2.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    if recipe.needs_pillow:
        import PIL

        found["pillow"] = PIL.__version__
    return found


def _variants(image: Array) -> Array:
    """As it is and mirrored both ways: one picture alone may round by luck."""
    return np.stack([image, image[:, ::-1], image[::-1]])


def _in_float64(
    backend: Backend, config: Config, state: StateDict, images: Array
) -> Array:
    model = backend.build(config, precision="float64")
    backend.load(model, state)
    return backend.predict(model, images.astype(np.float64))


def _furthest(logits: Array, exact: Array) -> float:
    """The largest distance in any picture; those that are not finite say nothing.

    A net that answers NaN is refused at its first real picture, by that one's name.
    """
    distances = np.abs(logits.astype(np.float64) - exact).max(axis=1)
    return float(distances[np.isfinite(distances)].max(initial=0.0))


def _threads(workers: int) -> dict[str, int | str]:
    found: dict[str, int | str] = {
        "cores": os.cpu_count() or 1,
        "decode": workers,
        "opencv": 1,
        "operators": 1,
    }
    environment: Mapping[str, str] = os.environ
    return found | {n: environment[n] for n in _VARIABLES if n in environment}


def _digest(array: Array) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
