"""A pair's conversion, stage by stage: read, match, compare, map, prove, write.

Planning takes both nets from their records and needs no framework; with the proof the
live nets are described and planned for instead, so that what is proven is what is
installed. Refused before anything else is done: nets that are not the same, named by
the first layer and setting that differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from convert.pairing.records import PairOutcome, PairPlan, PairRequest, PairSource
from convert.pipeline import (
    Say,
    check_folder,
    given,
    out_path,
    refuse_misnamed,
    refuse_overwriting,
    refuse_values,
)
from convert.provenance import write_provenance
from ppim_port.backends import require
from ppim_port.checkpoint import NATIVE_KIND, read, write
from ppim_port.errors import MappingError, UsageError, VerificationError
from ppim_port.mapping import TensorInfo, describe
from ppim_port.pairs import (
    MENDS,
    NetDescription,
    NetName,
    apply_port,
    classes_of,
    compare,
    infer,
    net_name,
    plan_port,
    recorded,
    unmended,
)

Nets = tuple[NetDescription, NetDescription]


def plan_pair(request: PairRequest) -> PairPlan:
    """Decide every key's fate and write nothing; needs no framework.

    Raises:
        PpimError: see `convert_pair`.
    """
    source, target = _names(request)
    upstream = _read(request)
    return _decide(request, (recorded(source), recorded(target)), upstream)


def convert_pair(request: PairRequest, *, say: Say = lambda text: None) -> PairOutcome:
    """Convert weights from one net of a pair to the other, prove the port, write it.

    Args:
        request: what to convert, and into what.
        say: told one line for each thing that a person would want to know.

    Raises:
        UsageError: no checkpoint, or two nets of one framework.
        UnknownNameError: no such net.
        MissingPackageError: the verification needs a framework that is absent.
        OutputExistsError: the output exists and `force` was not asked for.
        OutputError: the output's folder does not exist.
        CheckpointError: the source cannot be read, or the output written.
        MappingError: layers without counterpart; keys, shapes or dtypes that do not
            fit.
        VerificationError: the two nets disagree; nothing was written.
    """
    source, target = _names(request)
    _check_early(request)
    upstream = _read(request)
    assert upstream is not None
    planned = _decide(request, (recorded(source), recorded(target)), upstream)
    _refuse(planned)
    refuse_overwriting(planned.out, force=request.force)
    if not request.allow_nonfinite:
        refuse_values(upstream)
    if request.verify:
        from convert.pairing.nets import live_nets

        say("describing both nets as they are installed")
        live = _decide(request, live_nets(planned), upstream, mended=True)
        _refuse(live)
        planned = replace(live, differences=planned.differences)
    converted = apply_port(planned.mapping, planned.match, upstream.checkpoint.state)
    proof = None
    if request.verify:
        from convert.pairing.proof import verify

        say("verifying: both nets, float64")
        proof = verify(planned, converted)
    written = write(
        converted,
        planned.out,
        kind=planned.kind,
        framework=target.framework,
        overwrite=request.force,
    )
    sidecar = write_provenance(
        planned, converted, written, proof, more={"pair": pair_object(planned)}
    )
    return PairOutcome(planned, written, sidecar, proof)


def pair_object(planned: PairPlan) -> dict[str, object]:
    """The two nets, what differs between them, and what was mended; for machines."""
    match = planned.match
    return {
        "from": str(match.source.net),
        "to": str(match.target.net),
        "made_with": {**match.source.made_with, **match.target.made_with},
        "num_classes": match.target.num_classes,
        "layers": sum(bool(match.source.ops[i].tensors) for i in match.nodes),
        "mends": [str(mend) for mend in planned.mends],
        "differences": [str(difference) for difference in planned.differences],
        "refused_for": [str(difference) for difference in planned.left],
    }


def _names(request: PairRequest) -> tuple[NetName, NetName]:
    source, target = net_name(request.source), net_name(request.target)
    if source.framework == target.framework:
        message = (
            f"{source} to {target}: both are {source.framework}'s; a port goes from "
            "one framework to the other."
        )
        raise UsageError(message)
    return source, target


def _check_early(request: PairRequest) -> None:
    if request.checkpoint is None:
        message = (
            f"{request.source}: its weights are needed: --checkpoint FILE. Nothing is "
            "downloaded for a pair; --plan shows the map without a file."
        )
        raise UsageError(message)
    if request.verify:
        require("torch")
        require("paddle")
    check_folder(request.out)


def _read(request: PairRequest) -> PairSource | None:
    origin = given(request.checkpoint)
    if origin is None:
        return None
    source = net_name(request.source)
    checkpoint = read(origin.path)
    if checkpoint.framework != source.framework:
        message = (
            f"{origin.path}: holds {checkpoint.framework} tensors, but {source} is "
            f"{source.framework}'s. Nothing was written; give the nets the other way "
            "round, or another file."
        )
        raise MappingError(message)
    return PairSource(origin, checkpoint)


def _decide(
    request: PairRequest,
    nets: Nets,
    upstream: PairSource | None,
    *,
    mended: bool = False,
) -> PairPlan:
    """Match, compare and map; `mended` nets have had their mends and get no other."""
    source, target = nets
    stored: Mapping[str, TensorInfo] = source.tensors
    if upstream:
        stored = describe(upstream.checkpoint.state)
        count = classes_of(source, stored)
        source, target = source.with_classes(count), target.with_classes(count)
    match = infer(source, target)
    origin = str(upstream.origin.path) if upstream else str(source.net)
    mapping = plan_port(match, stored, origin=origin)
    kind = NATIVE_KIND[target.net.framework]
    mends = MENDS.get(_paddle(source, target).model, ()) if request.mend else ()
    found = compare(match)
    left = unmended(
        (difference for difference in found if not difference.training_only),
        () if mended else mends,
        paddle_is_source=source.net.framework == "paddle",
    )
    refuse_misnamed(request.out, kind)
    out = out_path(request.out, f"{target.net.model}.{kind}")
    return PairPlan(match, mends, found, left, upstream, mapping, kind, out)


def _paddle(*nets: NetDescription) -> NetName:
    return next(net.net for net in nets if net.net.framework == "paddle")


def _refuse(planned: PairPlan) -> None:
    """Two nets that are not the same, whatever their keys and shapes say."""
    if not planned.left:
        return
    source, target = planned.match.source.net, planned.match.target.net
    count = len(planned.left)
    what = "1 setting differs:" if count == 1 else f"{count} settings differ, first"
    message = (
        f"{source} and {target} are not the same net: {what} {planned.left[0]}. "
        f"Nothing was written. {_way_out(planned)}"
    )
    raise VerificationError(message)


def _way_out(planned: PairPlan) -> str:
    model = _paddle(planned.match.source, planned.match.target).model
    if planned.mends or not MENDS.get(model):
        return "No mend of ours removes that."
    mends = "; ".join(map(str, MENDS[model]))
    return (
        "--mend ports it for Paddle's net mended by ppim_port.pairs.paddle_net("
        f"{model!r}, mended=True): {mends}."
    )
