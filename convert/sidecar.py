"""Reading a provenance sidecar back, believing nothing of it.

A sidecar comes from strangers as its weights file does: its size, its JSON and every
field that is used are checked first. Fields that another version added are ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convert.provenance import SUFFIX, provenance_path
from ppim_port.errors import CheckpointError
from ppim_port.mapping import Action
from ppim_port.schema import Check, ListOf, Nullable, Number, Shape, Text, problems

# RedNet-152's has 0.7 MB.
MAX_BYTES = 64 << 20
_SHOWN = 5

_DIGEST = Check(
    lambda text: re.fullmatch("[0-9a-f]{64}", text) is not None, "64 lower-case hex"
)
_PLAIN = Check(str.isprintable, "printable text")
_COUNT = Number(0, 1 << 48, whole=True)
_TENSOR: Mapping[str, Shape] = {
    "source": Nullable(_PLAIN),
    "target": Nullable(_PLAIN),
    "action": Text(tuple(Action)),
    "shape": ListOf(_COUNT, least=0),
    "dtype": _PLAIN,
    "source_sha256": Nullable(_DIGEST),
    "target_sha256": Nullable(_DIGEST),
    "axes": ListOf(Number(0, 31, whole=True), least=0),
}
_FIELDS: Mapping[str, Shape] = {
    "schema": Number(1, 1, whole=True),
    "model": _PLAIN,
    "source": {
        "file": Check(bool, "a file name"),
        "sha256": _DIGEST,
        "origin": _PLAIN,
        "url": Nullable(_PLAIN),
        "trust": _PLAIN,
        "framework": _PLAIN,
    },
    "target": {"file": Check(bool, "a file name"), "sha256": _DIGEST, "size": _COUNT},
    "tensors": ListOf(_TENSOR),
}


@dataclass(frozen=True, slots=True)
class Move:
    """What became of one tensor, as the sidecar has it; fields as in `Fate`."""

    source: str | None
    target: str | None
    action: Action
    shape: tuple[int, ...]
    dtype: str
    source_sha256: str | None
    target_sha256: str | None
    axes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Sidecar:
    """One hop of a chain: from which file, to which file, tensor by tensor.

    Attributes:
        path: of the sidecar.
        model: name in the manifest.
        source_file: its name then; anybody may have renamed it since.
        source_sha256: of the file that was converted.
        origin: where that came from: a source of the manifest, or "file".
        url: its address, if it was fetched.
        trust: why its bytes were believed.
        target_file: the name of what was written.
        target_sha256: of what was written.
        proven: whether its logits were proven.
        moves: every tensor of both files.
    """

    path: Path
    model: str
    source_file: str
    source_sha256: str
    origin: str
    url: str | None
    trust: str
    target_file: str
    target_sha256: str
    proven: bool
    moves: tuple[Move, ...]

    def source_digests(self) -> dict[str, str | None]:
        """Key -> digest of every tensor of the file that was converted."""
        return {m.source: m.source_sha256 for m in self.moves if m.source is not None}

    def target_digests(self) -> dict[str, str | None]:
        """Key -> digest of every tensor of the file that was written."""
        return {m.target: m.target_sha256 for m in self.moves if m.target is not None}


def is_sidecar(path: Path) -> bool:
    """Whether a file is a sidecar by its name."""
    return path.name.endswith(SUFFIX)


def sidecar_beside(file: Path) -> Sidecar | None:
    """The sidecar of a weights file; None if none lies beside it.

    Raises:
        CheckpointError: there is one that cannot be used.
    """
    path = provenance_path(file)
    return read_sidecar(path) if path.is_file() else None


def read_sidecar(path: Path) -> Sidecar:
    """Read and check a sidecar.

    Raises:
        CheckpointError: it is too large, no JSON, or not what a sidecar must be.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _unusable(path, f"larger than {MAX_BYTES >> 20} MiB")
        value = json.loads(path.read_bytes(), object_pairs_hook=_unique)
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:
        raise _unusable(path, f"no proper JSON ({type(error).__name__})") from None
    used = _used(value, _FIELDS)
    found = list(problems(used, _FIELDS))
    if found:
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise _unusable(path, ascii("; ".join(found[:_SHOWN]))[1:-1] + more)
    return _record(path, used, proven=bool(value.get("parity")))


def _used(value: Any, shape: Shape) -> Any:
    """The parts of a document that a shape knows, so that the rest is not judged."""
    if isinstance(shape, ListOf) and isinstance(value, list):
        return [_used(item, shape.shape) for item in value]
    if isinstance(shape, Mapping) and isinstance(value, dict):
        # Only where the axes of more than a matrix were turned.
        value = {"axes": [], **value} if shape is _TENSOR else value
        return {k: _used(value[k], inner) for k, inner in shape.items() if k in value}
    return value


def _record(path: Path, value: dict[str, Any], *, proven: bool) -> Sidecar:
    source, target = value["source"], value["target"]
    moves = [_move(entry) for entry in value["tensors"]]
    for keys in ([m.source for m in moves], [m.target for m in moves]):
        named = [key for key in keys if key is not None]
        if len(set(named)) != len(named):
            raise _unusable(path, "the same key twice")
    return Sidecar(
        path,
        value["model"],
        source["file"],
        source["sha256"],
        source["origin"],
        source["url"],
        source["trust"],
        target["file"],
        target["sha256"],
        proven,
        tuple(moves),
    )


def _move(entry: dict[str, Any]) -> Move:
    return Move(
        entry["source"],
        entry["target"],
        Action(entry["action"]),
        tuple(entry["shape"]),
        entry["dtype"],
        entry["source_sha256"],
        entry["target_sha256"],
        tuple(entry["axes"]),
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        text = "the same name twice"
        raise ValueError(text)
    return made


def _unusable(path: Path, why: str) -> CheckpointError:
    return CheckpointError(
        f"{path}: not a usable provenance sidecar: {why}. Convert again to get one."
    )
