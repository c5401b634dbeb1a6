"""Prove a file that is there already, against what it was made from.

The source is the one that is given, or the one that the file's sidecar names, looked
for beside the file and in the cache by its digest. Without either, the file is held
against itself: both frameworks' nets must say the same about it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from convert.proof import verify
from convert.records import Origin, Plan, Proof, Upstream
from convert.search import Shelf
from convert.sidecar import sidecar_beside
from convert.verification.tensors import ported
from ppim_port.backends import require
from ppim_port.checkpoint import NATIVE_KIND, read, sha256_file
from ppim_port.errors import CheckpointError, UnknownNameError, VerificationError
from ppim_port.manifest import ModelRecord, load_manifest
from ppim_port.sources import fetch_weights
from ppim_port.state_dict import FrameworkName, StateDict

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Verified:
    """A file that was proven.

    Attributes:
        file: the file, its digest, and the model that it is.
        against: what it was held against; None if against itself.
        note: why that, for people.
        proof: how well they agree.
    """

    file: Upstream
    against: Upstream | None
    note: str
    proof: Proof


def verify_file(
    model: str,
    path: str | Path,
    *,
    against: str | Path | None = None,
    gradients: bool = False,
    progress: bool = False,
    say: Say = lambda text: None,
) -> Verified:
    """Prove a weights file of either framework.

    Args:
        model: name in the manifest.
        path: the file, in any format.
        against: its source: a file, or the name of a source in the manifest, which is
            fetched if it is not in the cache; None looks for what its sidecar names.
        gradients: compare the float64 gradients too.
        progress: show a bar while downloading.
        say: told one line for each thing that a person would want to know.

    Raises:
        VerificationError: it is not what it should be; the text names the first layer
            that differs.
        UnknownNameError: no such model.
        MissingPackageError: one of the two frameworks is not installed.
        FetchError: the source could not be downloaded.
        CheckpointError: a file cannot be read.
        MappingError: a file's keys, shapes or dtypes do not fit the model.
    """
    record = load_manifest().model(model)
    file = _opened(record, Path(path))
    if against is None:
        source, note = _source_of(file)
    else:
        source, note = _against(record, against, progress=progress, say=say)
    for net in {file.checkpoint.framework, _start(file, source)}:
        require(net)
    say("verifying: both nets, float64")
    planned, converted = _pair(file, source)
    left = f"{path} is as it was; do not use it."
    proof = verify(planned, converted, gradients=gradients, left=left)
    return Verified(file, source, note, proof)


def _opened(record: ModelRecord, path: Path, name: str = "file") -> Upstream:
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "does not exist"
        message = f"{path}: {kind}; expected a weights file."
        raise CheckpointError(message)
    origin = Origin(path, name, None, sha256_file(path), "given by the user")
    return Upstream(record, origin, read(path))


def _against(
    record: ModelRecord, against: str | Path, *, progress: bool, say: Say
) -> tuple[Upstream, str]:
    path, name = Path(against), str(against)
    names = [source.name for source in record.sources]
    if path.exists() or (name not in names and path.suffix):
        return _opened(record, path), "as given"
    if name not in names:
        raise UnknownNameError(name, names, kind=f"file or source of {record.name}")
    got = fetch_weights(
        record, name, by_hand="--against FILE", progress=progress, say=say
    )
    origin = Origin(got.path, got.source, got.url, got.sha256, got.trust)
    return Upstream(record, origin, read(got.path)), f"the {name} source"


def _source_of(file: Upstream) -> tuple[Upstream | None, str]:
    path = file.origin.path
    sidecar = sidecar_beside(path)
    if sidecar is None:
        return None, "itself in the other framework: no sidecar lies beside it"
    if sidecar.target_sha256 != file.origin.sha256:
        message = (
            f"{path}: its sha256 is {file.origin.sha256}, its sidecar says "
            f"{sidecar.target_sha256}: it is not the file that was converted. Do not "
            "use it, or name what to hold it against with --against."
        )
        raise VerificationError(message)
    found = Shelf(path, ()).find(sidecar, {file.origin.sha256}).file
    if found is None:
        return None, (
            f"itself in the other framework: its source (sha256 "
            f"{sidecar.source_sha256}) is not at hand"
        )
    return _opened(file.record, found, sidecar.origin), "as its sidecar says"


def _pair(file: Upstream, source: Upstream | None) -> tuple[Plan, StateDict]:
    """What was to be made, and what is there."""
    record, here = file.record, file.checkpoint.framework
    # First, so that a file of another model is told of by its own name.
    found, _ = ported(
        file.checkpoint.state,
        record,
        start=here,
        end=here,
        origin=str(file.origin.path),
    )
    end = here if source else _other(here)
    start = source or file
    state = start.checkpoint.state
    made, mapping = ported(
        state,
        record,
        start=start.checkpoint.framework,
        end=end,
        origin=str(start.origin.path),
    )
    planned = Plan(record, start, mapping, NATIVE_KIND[end], file.origin.path)
    return planned, made if source is None else found


def _start(file: Upstream, source: Upstream | None) -> FrameworkName:
    """The framework that a file is held against."""
    here = file.checkpoint.framework
    return source.checkpoint.framework if source else _other(here)


def _other(framework: FrameworkName) -> FrameworkName:
    return "torch" if framework == "paddle" else "paddle"
