"""A progress bar over batches: pictures done, images/s, ETA."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from eval.records import Batch


def with_bar(stream: Iterable[Batch], total: int) -> Generator[Batch, None, None]:
    """Pass batches on and count their pictures on standard error.

    Args:
        stream: the batches.
        total: pictures in all of them.
    """
    from tqdm import tqdm

    with tqdm(total=total, unit="image", smoothing=0.05, dynamic_ncols=True) as bar:
        for batch in stream:
            yield batch
            bar.update(len(batch.samples))
