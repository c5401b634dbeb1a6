"""The sidecar that says where a converted file came from, tensor by tensor.

It holds no paths, dates or host names, so the same input gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convert.records import Decided, Proof
from ppim_port.checkpoint import Written
from ppim_port.errors import OutputError
from ppim_port.mapping import Action, Fate
from ppim_port.mapping.dropped import dropped_values
from ppim_port.output import write_text
from ppim_port.state_dict import Array, StateDict
from ppim_port.version import __version__

if TYPE_CHECKING:
    from convert.pairing.records import PairProof

SUFFIX = ".provenance.json"


def provenance_path(out: Path) -> Path:
    """Where the sidecar of an output is."""
    return out.with_name(out.name + SUFFIX)


def write_provenance(
    planned: Decided,
    converted: StateDict,
    written: Written,
    proof: Proof | PairProof | None,
    *,
    more: Mapping[str, Any] | None = None,
) -> Path:
    """Write the sidecar beside its output, replacing the one of an older output.

    Args:
        planned: what was decided.
        converted: what was written.
        written: where it was written.
        proof: that it is right, None if that was waived.
        more: further fields.

    Raises:
        OutputError: it cannot be written; the output itself is complete.
    """
    path = provenance_path(written.path)
    # ASCII, so that a file name that is no proper text still makes a proper file.
    document = {**_document(planned, converted, written, proof), **(more or {})}
    text = json.dumps(document, indent=2)
    try:
        write_text(text + "\n", path)
    except OutputError as error:
        message = (
            f"{error} {written.path} is complete; only this sidecar is not its own."
        )
        raise OutputError(message) from error
    return path


def tensor_digest(value: Array) -> str:
    """sha256 of a tensor's little-endian bytes in C order."""
    ordered = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
    return hashlib.sha256(ordered.data).hexdigest()


def _document(
    planned: Decided,
    converted: StateDict,
    written: Written,
    proof: Proof | PairProof | None,
) -> dict[str, Any]:
    mapping = planned.mapping
    return {
        "schema": 1,
        "model": planned.name,
        "source": _source(planned),
        "target": {
            "file": written.path.name,
            "sha256": written.sha256,
            "size": written.size,
            "format": planned.kind,
            "framework": mapping.target_framework,
        },
        "keys": key_counts(planned),
        "rules": mapping.tally(),
        "dropped": dropped(planned),
        "parity": asdict(proof) if proof else None,
        "versions": _versions(),
        "tensors": [_tensor(fate, planned, converted) for fate in mapping.fates],
    }


def key_counts(planned: Decided) -> dict[str, int]:
    """Keys of the source, dropped ones among them, and keys of the target."""
    return {
        "source": planned.mapping.source_count,
        "dropped": len(planned.mapping.dropped),
        "target": planned.mapping.target_count,
    }


def _source(planned: Decided) -> dict[str, Any]:
    assert planned.upstream is not None
    origin, checkpoint = planned.upstream.origin, planned.upstream.checkpoint
    return {
        "file": origin.path.name,
        "sha256": origin.sha256,
        "origin": origin.name,
        "url": origin.url,
        "trust": origin.trust,
        "format": str(checkpoint.file_format),
        "framework": checkpoint.framework,
        "naming": planned.mapping.naming,
        "container": list(checkpoint.container),
        "left_behind": list(checkpoint.left_behind),
    }


def _tensor(fate: Fate, planned: Decided, converted: StateDict) -> dict[str, Any]:
    assert planned.upstream is not None
    source = planned.upstream.checkpoint.state
    before = source[fate.source] if fate.source else None
    after = converted[fate.target] if fate.target else None
    digest = _digest(before)
    return {
        "source": fate.source,
        "target": fate.target,
        "action": str(fate.action),
        "reason": fate.reason,
        "shape": list(fate.shape),
        "dtype": fate.dtype,
        **({"axes": list(fate.axes)} if fate.action is Action.PERMUTE else {}),
        "source_sha256": digest,
        # Most tensors are not touched: no need to digest the same array twice.
        "target_sha256": digest if after is before else _digest(after),
    }


def dropped(planned: Decided) -> dict[str, int | float | None]:
    """What a plan leaves behind, with its values; none if no file was read."""
    if planned.upstream is None:
        return {}
    return dropped_values(planned.mapping, planned.upstream.checkpoint.state)


def _digest(value: Array | None) -> str | None:
    return None if value is None else tensor_digest(value)


def _versions() -> dict[str, str | None]:
    names = ("numpy", "torch", "paddlepaddle", "keras", "h5py", "safetensors")
    return {"ppim-port": __version__, **{name: _version(name) for name in names}}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
