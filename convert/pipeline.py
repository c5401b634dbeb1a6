"""A conversion, stage by stage: fetch, read, map, verify, write.

Nothing is written before everything is decided and, unless waived, proven. The
frameworks are loaded by the verification alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast, get_args

from convert.provenance import provenance_path, write_provenance
from convert.records import Origin, Outcome, Plan, Request, Sourced, Upstream
from ppim_port.backends import require
from ppim_port.checkpoint import (
    NATIVE_KIND,
    OWNER,
    FileFormat,
    WriteKind,
    read,
    sha256_file,
    sniff,
    write,
)
from ppim_port.errors import CheckpointError, OutputError, OutputExistsError, UsageError
from ppim_port.manifest import ModelRecord, load_manifest
from ppim_port.mapping import TensorInfo, apply, describe, refuse_bad_values, tensors
from ppim_port.mapping import plan as plan_mapping
from ppim_port.models.family import load_family, require_net
from ppim_port.sources import cached_weights, fetch_weights
from ppim_port.state_dict import KNOWN_FRAMEWORKS, FrameworkName

Say = Callable[[str], None]

OTHER: dict[FrameworkName, FrameworkName] = {
    "torch": "paddle",
    "paddle": "torch",
    "keras": "paddle",
}
"""Where a port goes when nobody says where to."""


def plan(request: Request) -> Plan:
    """Decide every key's fate and write nothing.

    Reads `request.checkpoint`, else the cached download; with neither, plans from the
    official layout as published, and never uses the network.

    Raises:
        PpimError: see `convert`.
    """
    record = load_manifest().model(request.model)
    _refuse_clashes(request)
    origin = given(request.checkpoint) or _in_cache(record, request)
    upstream = _open(record, origin) if origin else None
    return _decide(request, record, upstream)


def convert(request: Request, *, say: Say = lambda text: None) -> Outcome:
    """Convert a model's weights, prove the port, and write it.

    Args:
        request: what to convert, and into what.
        say: told one line for each thing that a person would want to know.

    Raises:
        UnknownNameError: no such model or source.
        MissingPackageError: the verification needs a framework that is absent.
        OutputExistsError: the output exists and `force` was not asked for.
        OutputError: the output's folder does not exist.
        FetchError: no source could be downloaded.
        CheckpointError: the source cannot be read, or the output written.
        MappingError: keys, shapes or dtypes that do not fit.
        VerificationError: the two nets disagree; nothing was written.
    """
    record = load_manifest().model(request.model)
    _check_early(request)
    origin = given(request.checkpoint) or _fetched(record, request, say)
    planned = _decide(request, record, _open(record, origin))
    refuse_overwriting(planned.out, force=request.force)
    assert planned.upstream is not None
    state = planned.upstream.checkpoint.state
    if not request.allow_nonfinite:
        refuse_values(planned.upstream)
    converted = apply(planned.mapping, state)
    proof = None
    if request.verify:
        require(planned.mapping.source_framework)
        require(planned.mapping.target_framework)
        from convert.proof import verify

        say("verifying: both nets, float64")
        proof = verify(planned, converted, gradients=request.gradients)
    written = write(
        converted,
        planned.out,
        kind=planned.kind,
        framework=planned.mapping.target_framework,
        metadata=_metadata(planned),
        overwrite=request.force,
    )
    sidecar = write_provenance(planned, converted, written, proof)
    return Outcome(planned, written, sidecar, proof)


def _metadata(planned: Plan) -> dict[str, str] | None:
    """What the format has a place for; the sidecar says it for all."""
    if planned.kind == "safetensors":
        return {"model": planned.record.name}
    if planned.kind == "keras":
        require("keras")
        from ppim_port.backends.keras import archive_parts

        return archive_parts(planned.mapping.config)
    return None


def _check_early(request: Request) -> None:
    """What can be refused before a long download or a long proof is."""
    _refuse_clashes(request)
    check_folder(request.out)
    if request.verify:
        for framework in _both(request):
            require(framework)


def _both(request: Request) -> set[FrameworkName]:
    """The frameworks of source and target, as far as they are known before reading."""
    kind = _asked_kind(request)
    target = request.framework or (OWNER.get(kind) if kind else None)
    # Only files at hand are Keras'; what is fetched is of the other two.
    formats = {FileFormat.KERAS_H5, FileFormat.KERAS_ZIP}
    file = request.checkpoint
    if file and file.is_file() and sniff(file) in formats:
        return {"keras", target or OTHER["keras"]}
    return {"keras"} if target == "keras" else {"torch", "paddle"}


def check_folder(out: Path | None) -> None:
    """Refuse an output whose folder does not exist.

    Raises:
        OutputError: it does not.
    """
    folder = Path() if out is None else out if out.is_dir() else out.parent
    if not folder.is_dir():
        message = (
            f"{folder}: no such folder; nothing was read or written. Make it first, "
            "or choose another place with --out."
        )
        raise OutputError(message)


def _refuse_clashes(request: Request) -> None:
    if request.checkpoint and request.source:
        message = "A checkpoint at hand and a source to fetch exclude each other."
        raise UsageError(message)
    if request.gradients and not request.verify:
        message = "Gradients are part of the proof, which was waived."
        raise UsageError(message)
    kind = _asked_kind(request)
    if kind:
        refuse_misnamed(request.out, kind)
        target = _target_framework(request, kind, "torch")
        family = load_manifest().model(request.model).family
        require_net(family, target, "Nothing was read or written.")


def _asked_kind(request: Request) -> WriteKind | None:
    """The format that was asked for, by itself, by a framework, or by a name."""
    named = _named_kind(request.out)
    framework = next((f for f in KNOWN_FRAMEWORKS if f == request.to), None)
    if framework is None:
        return cast("WriteKind | None", request.to) or named
    if request.framework not in (None, framework):
        message = f"--to {framework} and --framework {request.framework} clash."
        raise UsageError(message)
    return named if named and OWNER.get(named) == framework else NATIVE_KIND[framework]


def _named_kind(out: Path | None) -> WriteKind | None:
    """The format that an output's own name asks for."""
    if out is None or out.is_dir():
        return None
    kinds: tuple[WriteKind, ...] = get_args(WriteKind)
    return next((kind for kind in kinds if out.name.endswith(f".{kind}")), None)


def refuse_misnamed(out: Path | None, kind: WriteKind) -> None:
    """Refuse an output that is called by one format's name and would hold another.

    Raises:
        UsageError: it is called so.
    """
    if (named := _named_kind(out)) not in (None, kind):
        message = (
            f"{out}: is called a .{named} but would be a .{kind}; nothing was written. "
            f"Call it .{kind}, or ask for the other format."
        )
        raise UsageError(message)


def given(path: Path | None) -> Origin | None:
    """A file at hand; None without one.

    Raises:
        CheckpointError: it is not there.
    """
    if path is None:
        return None
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "does not exist"
        message = f"{path}: {kind}; expected a weights file. Nothing was written."
        raise CheckpointError(message)
    return Origin(path, "file", None, sha256_file(path), "given by the user")


def _fetched(record: ModelRecord, request: Request, say: Say) -> Origin:
    got = fetch_weights(
        record,
        request.source,
        by_hand="--checkpoint FILE",
        progress=request.progress,
        say=say,
    )
    return Origin(got.path, got.source, got.url, got.sha256, got.trust)


def _in_cache(record: ModelRecord, request: Request) -> Origin | None:
    got = cached_weights(record, request.source)
    if got is None:
        return None
    return Origin(got.path, got.source, got.url, got.sha256, got.trust)


def _open(record: ModelRecord, origin: Origin) -> Upstream:
    return Upstream(record, origin, read(origin.path))


def _decide(request: Request, record: ModelRecord, upstream: Upstream | None) -> Plan:
    source = upstream.checkpoint.framework if upstream else "torch"
    usual: WriteKind = NATIVE_KIND[OTHER[source]] if upstream else "pdparams"
    kind = _asked_kind(request) or usual
    mapping = plan_mapping(
        describe(upstream.checkpoint.state) if upstream else _published_layout(record),
        family=record.family,
        variant=record.variant,
        source_framework=source,
        target_framework=_target_framework(request, kind, source),
        origin=str(upstream.origin.path) if upstream else record.name,
    )
    return Plan(
        record, upstream, mapping, kind, out_path(request.out, f"{record.name}.{kind}")
    )


def _target_framework(
    request: Request, kind: WriteKind, source: FrameworkName
) -> FrameworkName:
    """A `.safetensors` holds either framework's tensors; the other formats do not."""
    framework = OWNER.get(kind)
    if framework and request.framework not in (None, framework):
        message = f"A .{kind} holds {framework} tensors, not {request.framework}'s."
        raise UsageError(message)
    return framework or request.framework or OTHER[source]


def _published_layout(record: ModelRecord) -> dict[str, TensorInfo]:
    """The official file's keys as its authors publish them, without a file."""
    family = load_family(record.family)
    config = family.configure(record.variant, num_classes=record.num_classes)
    official = family.namings[0]
    return {
        official.publish(spec.key): TensorInfo(spec.shape, spec.dtype)
        for spec in tensors(family.layers(config), "torch")
    }


def out_path(out: Path | None, name: str) -> Path:
    """Where an output goes that is to be called `name` unless `out` is a file."""
    if out is None:
        return Path(name)
    return out / name if out.is_dir() else out


def refuse_overwriting(out: Path, *, force: bool) -> None:
    """Refuse to replace an output or its sidecar unless that was asked for.

    Raises:
        OutputExistsError: one of them exists.
    """
    for path in (out, provenance_path(out)):
        if path.exists() and not force:
            message = (
                f"{path}: exists already; nothing was written. Overwrite it with "
                "--force, or choose another place with --out."
            )
            raise OutputExistsError(message)


def refuse_values(upstream: Sourced) -> None:
    """Refuse a source with values that no trained net has.

    Raises:
        CheckpointError: NaN, infinities, or negative variances.
    """
    refuse_bad_values(
        upstream.checkpoint.state,
        str(upstream.origin.path),
        "Nothing was written; --allow-nonfinite --no-verify converts it all the same, "
        "unproven.",
    )
