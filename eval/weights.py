"""The weights to evaluate: a file at hand, or by name from the cache or a source.

A converted file is cached beside the download that it was made from and named after
its digest, so the next run neither downloads nor converts. One whose own bytes changed
since, or that another version of ours made, is made anew. Its keys are all accounted
for; that its logits are right is what `convert` proves.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ppim_port.checkpoint import NATIVE_KIND, sha256_file, write
from ppim_port.errors import CheckpointError, OutputError
from ppim_port.fetch.converted import converted_dir, mark_of, mark_text
from ppim_port.manifest import ModelRecord
from ppim_port.output import write_text
from ppim_port.sources import fetch_weights
from ppim_port.state_dict import FrameworkName
from ppim_port.weights import Weights, load_weights


def open_weights(
    record: ModelRecord,
    framework: FrameworkName,
    path: Path | None,
    *,
    say: Callable[[str], None],
    progress: bool,
) -> Weights:
    """Weights in a framework's names and layouts.

    Args:
        record: the model.
        framework: whose net will take them.
        path: a file of either framework; None means by name.
        say: told where the weights come from.
        progress: show a bar while downloading.

    Raises:
        PpimError: they cannot be fetched, read or used; see `load_weights`.
    """
    if path is not None:
        return load_weights(path, record, framework=framework)
    got = fetch_weights(record, by_hand="--weights FILE", progress=progress, say=say)
    kept = _place(record, framework, got.sha256)
    if _is_as_made(kept, say):
        say(f"weights: {kept}, converted from {got.source} ({got.trust})")
        return load_weights(kept, record, framework=framework)
    say(f"weights: {got.path}, from {got.source} ({got.trust})")
    weights = load_weights(got.path, record, framework=framework)
    if weights.mapping.source_framework != framework:
        _keep(weights, kept, record, framework, say)
    return weights


def _place(record: ModelRecord, framework: FrameworkName, sha256: str) -> Path:
    name = f"{record.name}-{sha256[:16]}.{NATIVE_KIND[framework]}"
    return converted_dir() / name


def _is_as_made(place: Path, say: Callable[[str], None]) -> bool:
    """Whether a converted file is there whole: a .pdparams has no checksum inside."""
    try:
        if mark_of(place).read_text("utf-8") == mark_text(sha256_file(place)):
            return True
        say(f"weights: {place} is damaged or outdated; making it anew")
    except (OSError, UnicodeDecodeError):
        pass
    return False


def _keep(
    weights: Weights,
    place: Path,
    record: ModelRecord,
    framework: FrameworkName,
    say: Callable[[str], None],
) -> None:
    kind = NATIVE_KIND[framework]
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        done = write(
            weights.state, place, kind=kind, framework=framework, overwrite=True
        )
        write_text(mark_text(done.sha256), mark_of(place))
    except (OSError, CheckpointError, OutputError) as error:
        say(f"converted on the spot, but not kept: {error}")
        return
    say(f"converted on the spot to {place}; `convert {record.name}` proves the logits")
