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
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from eval.evidence import Certificate
from ppim_port.backends import Backend
from ppim_port.errors import VerificationError
from ppim_port.inference.native_net import NativeNet
from ppim_port.memory import give_back, trim
from ppim_port.models.family import Config
from ppim_port.recipe import Recipe, Transform
from ppim_port.state_dict import Array, StateDict
from ppim_port.version import __version__

# Of the largest logit. Measured over RedNets with made-up weights: 3e-6 and 1e-2.
ALLOWED = {"float32": 1e-3, "bfloat16": 0.1}

# Set by launchers and users; each changes how many threads share a sum.
_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Canaries:
    """The built-in picture at each stage of a recipe.

    Attributes:
        recipe: the run's.
        pixels: decoded.
        cropped: resized and cropped.
        images: `[3, 3, H, W]`: as it is and mirrored, normalised.
    """

    recipe: Recipe
    pixels: Array
    cropped: Array
    images: Array

    @classmethod
    def of(cls, transform: Transform) -> Canaries:
        """Decode and preprocess it."""
        pixels = transform.pixels(canary(), "the canary")
        cropped = transform.cropped(pixels)
        images = transform.finish(_variants(cropped))
        return cls(transform.recipe, pixels, cropped, images)


def certify(
    canaries: Canaries,
    backend: Backend,
    *,
    model: Any,
    exact: Array,
    workers: int,
) -> Certificate:
    """Pin what can be pinned, run the canaries, and write down the rest.

    Args:
        canaries: under the run's recipe.
        backend: runs the net.
        model: the run's net, loaded.
        exact: what `oracle` said.
        workers: threads that decode.
    """
    flags = dict(backend.pin())
    logits = backend.predict(model, canaries.images)
    _refuse_wrong(logits, exact, model)
    return Certificate(
        versions=versions(backend, canaries.recipe) | _kernels(model),
        threads=_threads(workers),
        flags=flags,
        canaries={
            "decode": _digest(canaries.pixels),
            "resize": _digest(canaries.cropped),
            "logits": _digest(logits),
        },
        rounding=_furthest(logits, exact),
    )


def oracle(
    canaries: Canaries, backend: Backend, config: Config, state: StateDict
) -> Array:
    """The canaries' logits in float64, of the framework's own layers.

    To be asked for before the run's net is built, picture by picture, and what it took
    is given back: in float64 at once this would be most of a run's memory.
    """
    backend.pin()
    model = backend.build(config, precision="float64")
    backend.load(model, state)
    wide = canaries.images.astype(np.float64)[:, np.newaxis]
    logits = []
    for picture in wide:
        logits.append(backend.predict(model, picture))
        trim()
    del model
    give_back()
    return np.concatenate(logits)


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


def _refuse_wrong(logits: Array, exact: Array, model: Any) -> None:
    """Hold the form that scores against the plain net in float64, on every run.

    Raises:
        VerificationError: they differ by more than rounding does.
    """
    precision = model.dtype if isinstance(model, NativeNet) else "float32"
    scale = float(np.abs(exact[np.isfinite(exact)]).max(initial=0.0))
    found = _furthest(logits, exact)
    if found > ALLOWED[precision] * scale:
        message = (
            f"On a built-in picture the net's {precision} logits are {found:.2g} from "
            f"its float64 ones, which are up to {scale:.2g}: that is not rounding. "
            "Run with --plain, and report this with the output of "
            "ppim_port.show_config(). Nothing was evaluated."
        )
        raise VerificationError(message)


def _kernels(model: Any) -> dict[str, str]:
    """What ran the inference form; nothing where the framework's own layers did."""
    return {"kernels": model.isa} if isinstance(model, NativeNet) else {}


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
