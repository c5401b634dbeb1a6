"""A progress bar on standard error, only where a person watches it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(
    name: str, *, total: int | None, start: int, show: bool
) -> Iterator[Callable[[int], object]]:
    """A function to call with the number of bytes that just arrived.

    Args:
        name: Text before the bar.
        total: Bytes of the whole file, if known.
        start: Bytes that are here already.
        show: False shows nothing; True shows a bar on a terminal, nothing elsewhere.
    """
    if not show:
        yield lambda count: None
        return
    from tqdm import tqdm

    with tqdm(
        desc=name,
        total=total,
        initial=start,
        unit="B",
        unit_scale=True,
        unit_divisor=1024,
        disable=None,
    ) as bar:
        yield bar.update
