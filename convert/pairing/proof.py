"""Prove a pair's port: the same logits in float64, with the very weights of the file.

That both live nets do the same operations with the same settings was decided before;
here both run. Where torchvision is absent its recorded net is replayed, and then the
live Paddle net must also give the logits that the real torchvision gave, when it was
recorded, to weights and a picture that are the same bits everywhere. A NaN anywhere
never passes.
"""

from __future__ import annotations

import math

from convert.pairing.nets import build, logits, ran_by, witness
from convert.pairing.records import PairPlan, PairProof
from convert.proof import IMAGES, SEED, TOLERANCE, noise
from convert.verification.numbers import relative_difference
from convert.verification.tensors import digest, loaded
from ppim_port.backends import get_backend
from ppim_port.errors import VerificationError
from ppim_port.mapping import bad_values, describe
from ppim_port.pairs import apply_port, infer, native_state, plan_port
from ppim_port.pairs.catalogue import CLASSES
from ppim_port.pairs.recorded import answer
from ppim_port.pairs.records import NetDescription
from ppim_port.pairs.seeded import seeded_images, seeded_state, state_digest
from ppim_port.state_dict import StateDict


def verify(planned: PairPlan, converted: StateDict) -> PairProof:
    """Run both nets and compare.

    Args:
        planned: the plan, made from the live nets, with its upstream.
        converted: what is about to be written.

    Raises:
        VerificationError: the logits differ, or are not finite, or the target's net
            does not hold what was loaded.
    """
    assert planned.upstream is not None
    source, target = planned.match.source, planned.match.target
    mended, size = bool(planned.mends), source.image_size
    if bad := bad_values(converted):
        raise _refusal(planned, f"{bad}: nothing can be proven of them")
    held = _held_digest(planned, converted)
    images = noise(IMAGES, size)
    own = native_state(source, planned.upstream.checkpoint.state)
    before = logits(source, own, images, mended=mended)
    after = logits(target, converted, images, mended=mended)
    difference = relative_difference(before, after)
    _check(planned, difference, "both nets, with the weights of the file")
    reference = None
    if witness() == "replayed":
        reference = _reference(planned)
        _check(planned, reference, "Paddle's net and what torchvision's answered")
    return PairProof(
        max_relative_difference=difference,
        tolerance=TOLERANCE,
        precision="float64",
        images=IMAGES,
        image_size=size,
        seed=SEED,
        source=ran_by(source, mended=mended),
        target=ran_by(target, mended=mended),
        witness=witness(),
        reference=reference,
        recorded_with=dict(_of("torchvision", planned).made_with),
        operations=len(source.ops),
        tensors=len(converted),
        state_sha256=held,
    )


def _held_digest(planned: PairPlan, converted: StateDict) -> str:
    """Of what the target's net holds after loading, read back out of it.

    No more than that is kept: a VGG takes half a gigabyte each time.
    """
    target = planned.match.target
    backend = get_backend(target.net.framework)
    model = build(target, precision="float32", mended=bool(planned.mends))
    backend.load(model, converted)
    held = backend.state(model)
    findings = loaded(converted, held)
    if findings:
        raise _refusal(planned, "; ".join(finding.text for finding in findings[:5]))
    return digest(held)


def _reference(planned: PairPlan) -> float:
    """How far Paddle's live net is from the recorded logits of the real torchvision."""
    real = _of("torchvision", planned).with_classes(CLASSES)
    paddle = _of("paddle.vision", planned).with_classes(CLASSES)
    match = infer(real, paddle)
    used = planned.match.nodes
    if match.nodes not in (used, {b: a for a, b in used.items()}):
        raise _refusal(planned, "the map is not its own inverse's inverse")
    state, recorded = seeded_state(real), answer(real.net.model)
    if state_digest(state) != recorded.state_sha256:
        raise _refusal(planned, "numpy made other seeded weights than were recorded")
    ported = apply_port(plan_port(match, describe(state)), match, state)
    images = seeded_images(paddle.image_size)
    found = logits(paddle, ported, images, mended=bool(planned.mends))
    return relative_difference(recorded.logits, found)


def _of(package: str, planned: PairPlan) -> NetDescription:
    nets = (planned.match.source, planned.match.target)
    return next(net for net in nets if net.net.package == package)


def _check(planned: PairPlan, difference: float, what: str) -> None:
    if difference <= TOLERANCE:
        return
    apart = (
        "are not finite, or all zero, and prove nothing"
        if math.isnan(difference)
        else f"differ by {difference:.3g} of the largest logit in float64"
    )
    raise _refusal(planned, f"{what}: the logits {apart}; at most {TOLERANCE:g} may")


def _refusal(planned: PairPlan, what: str) -> VerificationError:
    return VerificationError(
        f"{planned.name}: {what}. Nothing was written to {planned.out}. Do not trust "
        "this port; --no-verify writes it all the same."
    )
