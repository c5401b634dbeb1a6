"""A finished run, opened by its folder or by its ledger's path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.journal import LEDGER_NAME, read_ledger
from eval.records import Row


@dataclass(frozen=True, slots=True)
class Run:
    """A run's sealed rows, and the settings that decided them."""

    path: Path
    settings: Mapping[str, Any]
    rows: tuple[Row, ...]


def open_run(path: Path) -> Run:
    """Read a run folder, or a `ledger.jsonl` anywhere.

    Raises:
        LedgerError: no ledger there, or a damaged one.
    """
    ledger = path / LEDGER_NAME if path.is_dir() else path
    sealed = read_ledger(ledger)
    return Run(path, sealed.settings, sealed.rows)
