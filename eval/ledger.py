"""The ledger: one row a picture, and the only thing that numbers are made from.

Refuses a picture twice, and logits that are not finite: NaN compares false with
everything, so it would be counted as a wrong answer instead of a broken net.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from eval.records import Batch, Row, Sample
from ppim_port.errors import DatasetError, VerificationError
from ppim_port.output import write_text
from ppim_port.state_dict import Array

TOP = 5


class Ledger:
    """Rows in the order in which they were scored."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def append(self, batch: Batch, logits: Array) -> list[Row]:
        """Add a scored batch, and return its rows.

        Args:
            batch: the pictures.
            logits: `[N, classes]`, a row a picture.

        Raises:
            VerificationError: a logit is NaN or infinite; names the picture.
            DatasetError: a picture is in the ledger already.
        """
        added = []
        for sample, digest, values in zip(
            batch.samples, batch.digests, logits, strict=True
        ):
            if not np.isfinite(values).all():
                message = (
                    f"{sample.path}: the net's logits for it are not finite. The run "
                    "was ended; check the weights."
                )
                raise VerificationError(message)
            added.append(row_of(sample, digest, values))
        self.extend(added)
        return added

    def extend(self, rows: Iterable[Row]) -> None:
        """Add rows of pictures that were scored before.

        Raises:
            DatasetError: a picture is in the ledger already.
        """
        for row in rows:
            if row.id in self._rows:
                message = f"{row.id!r} was scored twice; the run was ended."
                raise DatasetError(message)
            self._rows[row.id] = row


def row_of(sample: Sample, digest: str, logits: Array) -> Row:
    """What is kept of one picture.

    Args:
        sample: the picture.
        digest: sha256 of its file, in hex.
        logits: `[classes]`, finite.
    """
    order = np.argsort(-logits, kind="stable")
    best = order[:TOP]
    exact = logits.astype(np.float64)
    highest = exact.max()
    return Row(
        id=sample.id,
        digest=digest,
        label=sample.label,
        top5=tuple(best.tolist()),
        logits=tuple(logits[best].tolist()),
        label_logit=float(logits[sample.label]),
        rank=int(np.flatnonzero(order == sample.label)[0]),
        log_sum_exp=float(highest + np.log(np.exp(exact - highest).sum())),
    )


def top_classes(logits: Array, *, top: int = TOP) -> Array:
    """Class indices of the largest logits, `[N, top]`, largest first.

    Equal logits come in the order of their class index, whatever the sort.
    """
    return np.argsort(-logits, axis=1, kind="stable")[:, :top]


def write_csv(rows: Iterable[Row], path: Path) -> None:
    """Write the ledger as CSV: every field of its rows, a column each.

    Logits are written with the fewest digits that give the same float back. A net of
    fewer than five classes leaves the last places empty.

    Raises:
        OutputError: the disk said no; an older file is as it was.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    places = range(1, TOP + 1)
    classes = [f"top{place}" for place in places]
    writer.writerow(
        [
            *("id", "sha256", "label", *classes),
            *(f"{name}_logit" for name in classes),
            *("label_logit", "rank", "log_sum_exp"),
        ]
    )
    for row in rows:
        logits = [_shortest(value) for value in row.logits]
        writer.writerow(
            [
                *(row.id, row.digest, row.label, *_filled(row.top5), *_filled(logits)),
                *(_shortest(row.label_logit), row.rank, repr(row.log_sum_exp)),
            ]
        )
    write_text(text.getvalue(), path)


def _shortest(value: float) -> str:
    return np.format_float_positional(np.float32(value))


def _filled(values: Sequence[object]) -> list[object]:
    return [*values, *[""] * (TOP - len(values))]
