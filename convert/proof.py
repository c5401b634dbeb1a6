"""Prove a port: the source's net and the target's net give the same float64 logits.

float64 is the oracle and not fp32 `allclose`: a right port differs by less than 1e-9
of the largest logit, a wrong one by more than 1e-6, while fp32 at 1e-4 misses half of
the faults (measured with 11 planted ones). A NaN anywhere never passes.
"""

from __future__ import annotations

import numpy as np

from convert.records import Plan, Proof
from ppim_port.backends import get_backend
from ppim_port.errors import VerificationError
from ppim_port.mapping import apply, describe, plan
from ppim_port.models.family import Config
from ppim_port.state_dict import Array, FrameworkName, StateDict, nonfinite_keys

# A right RedNet is at 1e-12..1e-10: Paddle's batch norm keeps a float32 epsilon.
TOLERANCE = 1e-9
SEED = 0
IMAGES = 2
# Not smaller: at 64x64 the last stage is 2x2 and most taps of its 7x7 kernels only
# ever see padding, so a fault in their weights would not reach the logits.
IMAGE_SIZE = 224


def verify(planned: Plan, converted: StateDict) -> Proof:
    """Run both nets and compare.

    Args:
        planned: the plan, with its upstream.
        converted: what is about to be written.

    Raises:
        VerificationError: the logits differ, or something is not finite.
        MissingPackageError: one of the two frameworks is not installed.
    """
    _refuse_nonfinite(planned, converted)
    mapping = planned.mapping
    source, target = mapping.source_framework, mapping.target_framework
    images = np.random.default_rng(SEED).standard_normal(
        (IMAGES, 3, IMAGE_SIZE, IMAGE_SIZE)
    )
    before = _logits(source, mapping.config, _native(planned), images)
    after = _logits(target, mapping.config, converted, images)
    difference = relative_difference(before, after)
    if not difference <= TOLERANCE:
        raise VerificationError(_refusal(planned, difference))
    return Proof(
        max_relative_difference=difference,
        tolerance=TOLERANCE,
        precision="float64",
        images=IMAGES,
        image_size=IMAGE_SIZE,
        seed=SEED,
        source=f"{source} {get_backend(source).version()}",
        target=f"{target} {get_backend(target).version()}",
    )


def relative_difference(reference: Array, other: Array) -> float:
    """Largest difference of a logit, relative to the largest logit of its row.

    Args:
        reference: `[N, classes]`.
        other: `[N, classes]`.

    Returns:
        NaN if anything is not finite or a row is all zeros, which would prove nothing,
        so that no comparison with it succeeds.
    """
    scale = np.abs(reference).max(axis=1)
    finite = np.isfinite(reference).all() and np.isfinite(other).all()
    if not (finite and scale.all()):
        return float("nan")
    return float((np.abs(reference - other).max(axis=1) / scale).max())


def _native(planned: Plan) -> StateDict:
    """The source's tensors under our names, in the source's own framework."""
    assert planned.upstream is not None
    state = planned.upstream.checkpoint.state
    framework = planned.mapping.source_framework
    own = plan(
        describe(state),
        family=planned.record.family,
        variant=planned.record.variant,
        source_framework=framework,
        target_framework=framework,
    )
    return apply(own, state)


def _logits(
    framework: FrameworkName, config: Config, state: StateDict, images: Array
) -> Array:
    backend = get_backend(framework)
    model = backend.build(config, precision="float64")
    backend.load(model, state)
    return backend.predict(model, images)


def _refuse_nonfinite(planned: Plan, converted: StateDict) -> None:
    """Logits would not tell: Paddle's relu and pooling swallow NaN (see state_dict)."""
    bad = nonfinite_keys(converted)
    if bad:
        message = (
            f"{planned.record.name}: NaN or infinities in {', '.join(bad)}: nothing "
            f"can be proven of them. Nothing was written to {planned.out}; "
            "--no-verify writes it all the same."
        )
        raise VerificationError(message)


def _refusal(planned: Plan, difference: float) -> str:
    mapping = planned.mapping
    nets = f"the {mapping.source_framework} and the {mapping.target_framework} net"
    what = (
        f"the logits of {nets} are not finite, or all zero, and prove nothing"
        if np.isnan(difference)
        else f"{nets} disagree by {difference:.3g} of the largest logit in float64"
    )
    return (
        f"{planned.record.name}: {what}; expected a difference of at most "
        f"{TOLERANCE:g}. Nothing was written to {planned.out}. Do not trust this port; "
        "--no-verify writes it all the same."
    )
