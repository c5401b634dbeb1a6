"""The net that is exported, and what its export has to agree with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ppim_port.backends import Backend, get_backend
from ppim_port.checkpoint import sha256_file
from ppim_port.errors import UsageError, VerificationError
from ppim_port.export.records import Batch, Check
from ppim_port.imagenet import wnids
from ppim_port.manifest import ModelRecord, load_manifest
from ppim_port.models.family import Config, load_family, picture_size
from ppim_port.partial import framework_of, record_of
from ppim_port.recipe import recipe_from_dict
from ppim_port.state_dict import Array, StateDict
from ppim_port.version import __version__

# Of a picture's largest logit. Another order of the same float32 sums: 5.3e-6 was the
# most over all families, both runtimes and the pictures below (onnxruntime 1.32.0,
# paddlepaddle 3.3.1; see docs/export.md).
TOLERANCE = 5e-5

Run = Callable[[Array], Array]


@dataclass(frozen=True, slots=True)
class Subject:
    """A live net of ours, ready to be exported.

    Attributes:
        record: of its model.
        backend: of its framework.
        config: of the net.
        state: its tensors, copied.
        image_size: height and width of the pictures, in pixels.
    """

    record: ModelRecord
    backend: Backend
    config: Config
    state: StateDict
    image_size: int


def subject_of(model: Any, image_size: int | None, usual: int) -> Subject:
    """A net of `create_model`, held still.

    Args:
        model: of either framework, float32.
        image_size: pixels of a side; None takes the net's own, else `usual`.
        usual: what a net without a size of its own is exported for.

    Raises:
        UsageError: no net of ours, or none that classifies in float32.
        InputSizeError: a size that the net cannot take.
    """
    backend = get_backend(framework_of(model))
    record = record_of(model)
    config: Config = model.config
    size = picture_size(config, usual) if image_size is None else image_size
    load_family(config.family).check_input_size(size, size)
    state = {key: np.array(value) for key, value in backend.state(model).items()}
    if not any(key.startswith(load_family(config.family).classifier) for key in state):
        message = (
            f"A {type(model).__name__} has no classifier; only nets of create_model "
            "are exported. Nothing was written."
        )
        raise UsageError(message)
    if any(value.dtype == np.float64 for value in state.values()):
        message = (
            "The net is in float64; a float32 one is exported. Nothing was written."
        )
        raise UsageError(message)
    return Subject(record, backend, config, state, size)


def pictures(count: int, size: int) -> Array:
    """Seeded normalised pictures, rough and smooth by turns, `[N, 3, size, size]`."""
    rng = np.random.default_rng(0)
    images = rng.standard_normal((count, 3, size, size))
    ramp = np.linspace(-2, 2, size)
    for at in range(1, count, 2):
        angle = rng.uniform(0, 3, 3)[:, None, None]
        images[at] = np.cos(angle) * ramp + np.sin(angle) * ramp[:, None]
    return images.astype(np.float32)


def batches(batch: Batch) -> tuple[int, ...]:
    """The numbers of pictures at once that an export is tried with."""
    return (1, 2) if batch == "dynamic" else (batch,)


@dataclass(frozen=True, slots=True)
class Reference:
    """Pictures, and the net's own logits of them.

    Attributes:
        images: `[N, 3, size, size]`, float32.
        float32: logits of the net as it is.
        float64: logits of the same net in float64.
    """

    images: Array
    float32: Array
    float64: Array


def reference(subject: Subject, count: int) -> Reference:
    """Run the net itself, and its float64 twin, on `pictures`.

    Raises:
        VerificationError: in float32 the net does not do what it does in float64, so
            that there is nothing to agree with.
    """
    images = pictures(count, subject.image_size)
    logits = []
    for precision in ("float32", "float64"):
        net = subject.backend.build(subject.config, precision=precision)
        subject.backend.load(net, subject.state)
        logits.append(subject.backend.predict(net, images.astype(precision)))
    noise = _difference(logits[0], logits[1])
    if not noise <= TOLERANCE:
        message = (
            f"{subject.record.name}: the net's own float32 logits are {noise:.1e} of "
            f"the largest from those in float64 (limit {TOLERANCE:.0e}): no export can "
            "be proven with these weights. Nothing was written."
        )
        raise VerificationError(message)
    return Reference(images, *logits)


def verify(
    ways: Sequence[tuple[str, Run]], known: Reference, batch: Batch, path: Path
) -> tuple[Check, ...]:
    """Run an export in every way, with every size of batch.

    Args:
        ways: what each is called, and how it is run.
        known: what it has to agree with.
        batch: what the export takes.
        path: its name, for the message.

    Raises:
        VerificationError: one of them does not agree.
    """
    checks = []
    for name, run in ways:
        for size in batches(batch):
            logits = run(known.images[:size])
            found = [
                _difference(logits, whole[:size])
                for whole in (known.float32, known.float64)
            ]
            checks.append(Check(name, size, *found))
    # Not max(): of a NaN and a number it may be either.
    near = [c for c in checks if c.float32 <= TOLERANCE and c.float64 <= TOLERANCE]
    wrong = [c for c in checks if c not in near]
    if wrong:
        lines = "\n  ".join(
            f"{c.runtime}, {c.batch} at once: {c.float32:.1e} of the largest logit "
            f"from the net, {c.float64:.1e} from it in float64"
            for c in wrong
        )
        message = (
            f"{path}: the export does not compute what the net does (limit "
            f"{TOLERANCE:.0e}); nothing was written:\n  {lines}"
        )
        raise VerificationError(message)
    return tuple(checks)


def _difference(logits: Array, whole: Array) -> float:
    if logits.shape != whole.shape:
        return float("inf")
    with np.errstate(all="ignore"):
        gap = np.abs(logits.astype(np.float64) - whole).max(axis=1)
        return float((gap / np.abs(whole).max(axis=1)).max())


def metadata(
    subject: Subject, *, form: str, versions: dict[str, str], weights: Path | None
) -> dict[str, str]:
    """What an export says about itself.

    Args:
        subject: the net.
        form: how its graph was made.
        versions: package -> version, of who made it.
        weights: the file that the net was loaded from, if there is one.
    """
    recipe = recipe_from_dict(
        subject.record.recipe, load_manifest().recipes[subject.record.recipe]
    )
    made = {"ppim_port": __version__, **versions}
    found: dict[str, str] = {
        "model": subject.record.name,
        "form": form,
        "recipe": subject.record.recipe,
        "recipe_fingerprint": recipe.fingerprint(),
        "image_size": str(subject.image_size),
        "num_classes": str(subject.config.num_classes),
        "made_with": ", ".join(f"{name} {at}" for name, at in made.items()),
    }
    if weights is not None:
        found["weights"] = weights.name
        found["weights_sha256"] = sha256_file(weights)
    if subject.config.num_classes == len(wnids()) == subject.record.num_classes:
        found["classes"] = " ".join(wnids())
    return found
