"""From a model's manifest record to its weights file on this disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ppim_port.errors import UnknownNameError, UsageError
from ppim_port.fetch import Download, Fetched, fetch, find_cached
from ppim_port.manifest import ModelRecord, Source


def weights_path(record: ModelRecord, weights: str | Path) -> Path:
    """The file that a user means: one that is there, or a source's, fetched.

    Args:
        record: the model.
        weights: a path, or a source's name; a file of that name goes first.

    Raises:
        UnknownNameError: it looks like a source's name, and is none.
        FetchError: the source could not be reached.
    """
    path = Path(weights)
    if path.exists() or isinstance(weights, Path):
        return path
    names: Sequence[str] = [source.name for source in record.sources]
    if weights in names:
        return fetch_weights(record, weights).path
    if path.name == weights and not path.suffix:
        raise UnknownNameError(weights, names, kind=f"file or source of {record.name}")
    return path


def downloads(record: ModelRecord, name: str | None = None) -> list[Download]:
    """What to fetch for a model: all of its sources in order, or the named one.

    Nothing for a model whose weights nobody publishes, unless a source is named.

    Raises:
        UnknownNameError: the model has no source of that name.
    """
    chosen = [s for s in record.sources if name in (None, s.name)]
    if not chosen and name is not None:
        known = [source.name for source in record.sources]
        raise UnknownNameError(name, known, kind=f"source of {record.name}")
    return [_download(source) for source in chosen]


def _download(source: Source) -> Download:
    return Download(source.name, source.url, source.filename, source.sha256)


def fetch_weights(
    record: ModelRecord,
    name: str | None = None,
    *,
    by_hand: str = "weights=PATH",
    progress: bool = False,
    say: Callable[[str], None] | None = None,
) -> Fetched:
    """The published weights of a model, from the cache or the network.

    Args:
        record: the model.
        name: this source only; None tries all in order.
        by_hand: how the user passes a file that was got by hand, for messages.
        progress: show a bar on standard error if that is a terminal.
        say: called with sentences for the user.

    Raises:
        FetchError: no source could be reached; lists each and how to go on by hand.
        UsageError: nobody publishes this model's weights.
    """
    if name is None and not record.sources:
        message = (
            f"Nobody publishes weights of {record.name}: nothing was fetched. Pass "
            f"your own: {by_hand}."
        )
        raise UsageError(message)
    return fetch(downloads(record, name), by_hand=by_hand, progress=progress, say=say)


def cached_weights(record: ModelRecord, name: str | None = None) -> Fetched | None:
    """The same, if it is in the cache already and verified; never uses the network."""
    return find_cached(downloads(record, name))
