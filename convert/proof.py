"""Prove a port: tensors, live nets and logits of source and target agree.

float64 is the oracle and not fp32 `allclose`: a right port differs by less than 1e-9
of the largest logit, a wrong one by more than 1e-6. Beside it stand each framework's
own float32 noise, the settings of both live nets, and the tensors themselves, read back
out of the nets and through the inverse map. A NaN anywhere never passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from convert.records import GradientProof, NoiseFloor, Plan, Proof
from convert.verification.diagnosis import diagnose, explained
from convert.verification.gradients import carried, gradients_of, unlike_gradients
from convert.verification.numbers import relative_difference
from convert.verification.records import Finding, Observed
from convert.verification.settings import unlike_settings
from convert.verification.tensors import digest, loaded, ported, returned
from ppim_port.backends import get_backend
from ppim_port.errors import VerificationError
from ppim_port.mapping import apply, bad_values
from ppim_port.models.family import Config, picture_size
from ppim_port.state_dict import Array, FrameworkName, StateDict

# A right RedNet is at 1e-12..1e-10: Paddle's batch norm keeps a float32 epsilon.
TOLERANCE = 1e-9
SEED = 0
IMAGES = 2
# Not smaller: at 64x64 the last stage is 2x2 and most taps of its 7x7 kernels only
# ever see padding, so a fault in their weights would not reach the logits.
IMAGE_SIZE = 224
# For gradients and the search for a fault, which are slow: the last stage is 4x4, and
# every tap of its kernels still sees the picture.
SMALL_SIZE = 128
SHOWN = 10


def verify(
    planned: Plan, converted: StateDict, *, gradients: bool = False, left: str = ""
) -> Proof:
    """Run both nets and compare everything that can be compared.

    Args:
        planned: the plan, with its upstream.
        converted: what is about to be written.
        gradients: compare the float64 gradients too; takes seconds.
        left: for the error: what state was left and what to do next; by default that
            nothing was written.

    Raises:
        VerificationError: something differs, or is not finite; the text names the first
            layer that does, and which of its tensors are not as planned.
        MappingError: the tensors do not fit the target's net.
        MissingPackageError: one of the two frameworks is not installed.
    """
    left = left or _nothing_written(planned)
    _refuse_nonfinite(planned, converted, left)
    mapping, record = planned.mapping, planned.record
    start, end = mapping.source_framework, mapping.target_framework
    own = _native(planned)
    size = picture_size(mapping.config, IMAGE_SIZE)
    images = noise(IMAGES, size)
    before = _observed(start, mapping.config, own, images)
    after = _observed(end, mapping.config, converted, images)
    difference = relative_difference(before.logits, after.logits)
    findings = [
        *returned(own, converted, record, start=start, end=end),
        *before.unlike,
        *after.unlike,
        *unlike_settings(before.layers, after.layers),
    ]
    backward = None
    if gradients:
        backward, more = _gradients(planned, own, converted)
        findings += more
    if findings or not difference <= TOLERANCE:
        lines = [*_shown(findings), *_diagnosis(planned, own, converted)]
        text = "\n  ".join([_refusal(planned, difference, left), *lines])
        raise VerificationError(text)
    return Proof(
        max_relative_difference=difference,
        tolerance=TOLERANCE,
        precision="float64",
        images=IMAGES,
        image_size=size,
        seed=SEED,
        source=before.framework,
        target=after.framework,
        noise_floor=NoiseFloor(_own_noise(before), _own_noise(after)),
        layers=len(after.layers),
        tensors=after.tensors,
        state_sha256=after.held,
        gradients=backward,
    )


def noise(count: int, size: int) -> Array:
    """Standard normal pictures, float64 `[count, 3, size, size]`, always the same."""
    return np.random.default_rng(SEED).standard_normal((count, 3, size, size))


def _native(planned: Plan) -> StateDict:
    """The source's tensors under our names, in the source's own framework."""
    assert planned.upstream is not None
    framework = planned.mapping.source_framework
    state = planned.upstream.checkpoint.state
    return ported(state, planned.record, start=framework, end=framework)[0]


def _observed(
    framework: FrameworkName, config: Config, state: StateDict, images: Array
) -> Observed:
    backend = get_backend(framework)
    model = backend.build(config)
    backend.load(model, state)
    held = backend.state(model)
    return Observed(
        framework=f"{framework} {backend.version()}",
        layers=backend.describe(model),
        unlike=tuple(loaded(state, held)),
        held=digest(held),
        tensors=len(held),
        logits=_logits(framework, config, state, images),
        float32=backend.predict(model, images.astype(np.float32)),
    )


def _own_noise(seen: Observed) -> float | None:
    # Told and not judged: where float32 overflows, PyTorch's logits are NaN, and
    # Paddle's need not be (its relu swallows them).
    apart = relative_difference(seen.logits, seen.float32)
    return None if np.isnan(apart) else apart


def _logits(
    framework: FrameworkName, config: Config, state: StateDict, images: Array
) -> Array:
    backend = get_backend(framework)
    model = backend.build(config, precision="float64")
    backend.load(model, state)
    return backend.predict(model, images)


def _gradients(
    planned: Plan, own: StateDict, converted: StateDict
) -> tuple[GradientProof, list[Finding]]:
    mapping, record = planned.mapping, planned.record
    start, end = mapping.source_framework, mapping.target_framework
    size = picture_size(mapping.config, SMALL_SIZE)
    images = noise(1, size)
    found = []
    for framework, state in ((start, own), (end, converted)):
        backend = get_backend(framework)
        model = backend.build(mapping.config, precision="float64")
        backend.load(model, state)
        net = (backend, model)
        found.append(gradients_of(net, images, mapping.config.num_classes))
    _, across = ported(own, record, start=start, end=end)
    expected = carried(found[0], across.fates)
    findings, key, apart = unlike_gradients(expected, found[1], TOLERANCE)
    return GradientProof(apart, key, len(expected), size), findings


def _refuse_nonfinite(planned: Plan, converted: StateDict, left: str) -> None:
    """Logits would not tell: Paddle's relu and pooling swallow NaN (see state_dict)."""
    bad = bad_values(converted)
    if bad:
        message = f"{planned.record.name}: {bad}: nothing can be proven of them. {left}"
        raise VerificationError(message)


def _nothing_written(planned: Plan) -> str:
    return (
        f"Nothing was written to {planned.out}. Do not trust this port; --no-verify "
        "writes it all the same."
    )


def _refusal(planned: Plan, difference: float, left: str) -> str:
    mapping = planned.mapping
    nets = f"the {mapping.source_framework} and the {mapping.target_framework} net"
    limit = f"expected a difference of at most {TOLERANCE:g}"
    if np.isnan(difference):
        what = (
            f"the logits of {nets} are not finite, or all zero, and prove nothing; "
            f"{limit}"
        )
    elif difference <= TOLERANCE:
        what = f"the logits of {nets} agree in float64, but not everything else does"
    else:
        what = (
            f"{nets} disagree by {difference:.3g} of the largest logit in float64; "
            f"{limit}"
        )
    return f"{planned.record.name}: {what}. {left}"


def _shown(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings[:SHOWN]:
        yield f"{finding.check}: {finding.text}"
    if len(findings) > SHOWN:
        yield f"... and {len(findings) - SHOWN} more"


def _diagnosis(planned: Plan, own: StateDict, converted: StateDict) -> Iterator[str]:
    mapping = planned.mapping
    found = diagnose(
        mapping.config,
        (get_backend(mapping.source_framework), own),
        (get_backend(mapping.target_framework), converted),
        images=noise(1, picture_size(mapping.config, SMALL_SIZE)),
        tolerance=TOLERANCE,
    )
    assert planned.upstream is not None
    right = apply(mapping, planned.upstream.checkpoint.state)
    yield from explained(found, mapping.fates, planned=right, converted=converted)
