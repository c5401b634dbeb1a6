"""Writing a checkpoint that is on the disk, proved to hold the same bits, or nowhere.

The file is written beside its final name, synced, read back with our own reader and
compared bit for bit; only then does it take its name. Same weights, same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from ppim_port.atomic import Draft, atomic_write
from ppim_port.checkpoint.hdf5 import natural
from ppim_port.checkpoint.prepared import check_state
from ppim_port.checkpoint.records import OWNER, WriteKind, Written, sha256_file
from ppim_port.checkpoint.verify_written import check_same_bits
from ppim_port.checkpoint.write_keras import (
    CONFIG_KEY,
    VERSION_KEY,
    write_archive,
    write_weights,
)
from ppim_port.errors import CheckpointError, UsageError
from ppim_port.state_dict import KNOWN_FRAMEWORKS, FrameworkName, StateDict

_KINDS: tuple[WriteKind, ...] = get_args(WriteKind)
_KERAS = ("weights.h5", "keras")
_NOTED = frozenset({"framework", "keys"})


def write(
    state: StateDict,
    path: str | Path,
    *,
    kind: WriteKind,
    framework: FrameworkName,
    metadata: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> Written:
    """Write weights, prove them, and only then give the file its name.

    Args:
        state: Key to array: float16/32/64, integers, booleans, any strides.
        path: The final name; its folder must exist.
        kind: The format.
        framework: Whose convention the keys follow; given by the kind except for
            safetensors, which notes it.
        metadata: Text to note inside a safetensors file; for a Keras archive the net's
            own "config" and the "keras_version"; other kinds have no place.
        overwrite: Whether a file at `path` may be replaced.

    Raises:
        UsageError: A kind, framework and metadata that do not go together.
        OutputExistsError: Something is at `path`; it is unchanged.
        CheckpointError: It cannot be written; what was at `path` is unchanged.
        MissingPackageError: A Keras file, and h5py is not installed.
    """
    target = Path(path)
    _check_request(kind, framework, metadata)
    check_state(state, kind, str(target))
    if kind in _KERAS:
        # HDF5 keeps no order of its own: ours is that in which files are read.
        state = {key: state[key] for key in sorted(state, key=natural)}
    try:
        with atomic_write(target, overwrite=overwrite) as draft:
            _write_kind(state, draft, kind, framework, metadata or {})
            draft.sync()
            check_same_bits(state, draft.path, framework=framework, target=target)
            written = Written(
                target, sha256_file(draft.path), draft.path.stat().st_size
            )
    except OSError as error:
        raise _not_written(state, target, error) from error
    return written


def _check_request(
    kind: str, framework: str, metadata: Mapping[str, str] | None
) -> None:
    if kind not in _KINDS or framework not in KNOWN_FRAMEWORKS:
        text = f"cannot write {kind!r} for {framework!r}; kinds are {_KINDS}"
        raise UsageError(text)
    if OWNER.get(kind, framework) != framework:
        text = f"a .{kind} file holds {OWNER[kind]} weights, not {framework}'s"
        raise UsageError(text)
    if kind == "keras" and set(metadata or {}) != {CONFIG_KEY, VERSION_KEY}:
        text = f"a .keras archive needs a {CONFIG_KEY} and a {VERSION_KEY}, no more"
        raise UsageError(text)
    if metadata and kind not in ("safetensors", "keras"):
        text = f"a .{kind} file has no place for metadata; write it beside the file"
        raise UsageError(text)
    if _NOTED & set(metadata or {}):
        text = f"the metadata keys {sorted(_NOTED)} are ours; choose other names"
        raise UsageError(text)


def _write_kind(
    state: StateDict,
    draft: Draft,
    kind: WriteKind,
    framework: FrameworkName,
    metadata: Mapping[str, str],
) -> None:
    if kind == "pdparams":
        from ppim_port.checkpoint.write_pdparams import write_pdparams

        write_pdparams(state, draft.file)
    elif kind == "pth":
        from ppim_port.checkpoint.write_pth import write_pth

        write_pth(state, draft.file)
    elif kind == "weights.h5":
        write_weights(state, draft.file)
    elif kind == "keras":
        write_archive(state, draft.file, metadata=metadata)
    else:
        from ppim_port.checkpoint.write_safetensors import write_safetensors

        write_safetensors(state, draft.file, framework=framework, metadata=metadata)


def _not_written(state: StateDict, target: Path, error: OSError) -> CheckpointError:
    need = sum(value.nbytes for value in state.values())
    left = (
        "The file of that name is unchanged" if target.exists() else "Nothing is left"
    )
    if not target.parent.is_dir():
        return CheckpointError(
            f"{target}: not written: the folder {target.parent} does not exist. Make "
            f"it first."
        )
    reason = error.strerror or type(error).__name__
    return CheckpointError(
        f"{target}: not written: {reason}. {left}. The weights need about {need:,} "
        f"bytes in {target.parent}."
    )
