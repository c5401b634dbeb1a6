"""A ledger as a table for other programs, with the same bits in it.

CSV writes each float with the fewest digits that give it back; Parquet keeps float32
as float32 and float64 as float64, and carries the settings and the chain along.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.records import Row
from ppim_port.atomic import atomic_write
from ppim_port.errors import MissingPackageError, OutputError


def write_parquet(
    rows: Sequence[Row], path: Path, *, settings: Mapping[str, Any], chain: str
) -> None:
    """Write a ledger's rows; the file's metadata holds `settings` and `chain`.

    A file name that is no valid Unicode makes the column `id` binary instead of text.

    Raises:
        MissingPackageError: pyarrow is not installed.
        OutputError: the disk said no; an older file is as it was.
    """
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        package = "pyarrow"
        raise MissingPackageError(package, "report") from error
    table = _table(rows).replace_schema_metadata(
        {"settings": json.dumps(settings), "chain": chain}
    )
    try:
        with atomic_write(path, overwrite=True) as draft:
            pq.write_table(table, draft.file)
    except OSError as error:
        message = f"{path}: cannot be written: {error.strerror or error}. "
        raise OutputError(message + "What was there before is unchanged.") from error


def _table(rows: Sequence[Row]) -> Any:
    import pyarrow as pa

    columns = {
        "id": _names(rows),
        "digest": pa.array([row.digest for row in rows], pa.string()),
        "label": pa.array([row.label for row in rows], pa.int32()),
        "top5": pa.array([row.top5 for row in rows], pa.list_(pa.int32())),
        "logits": pa.array([row.logits for row in rows], pa.list_(pa.float32())),
        "label_logit": pa.array([row.label_logit for row in rows], pa.float32()),
        "rank": pa.array([row.rank for row in rows], pa.int32()),
        "log_sum_exp": pa.array([row.log_sum_exp for row in rows], pa.float64()),
    }
    return pa.table(columns)


def _names(rows: Sequence[Row]) -> Any:
    import pyarrow as pa

    names = [row.id.encode("utf-8", "surrogateescape") for row in rows]
    try:
        return pa.array([name.decode() for name in names], pa.string())
    except UnicodeDecodeError:
        return pa.array(names, pa.binary())
