"""The files that `evaluate` writes beside a run folder: tried before, written after."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from ppim_port.errors import OutputError, UsageError
from ppim_port.output import write_text

if TYPE_CHECKING:
    from eval.outcome import Outcome


def check_outputs(options: argparse.Namespace) -> None:
    """Refuse before a run of hours what would lose its result, or an input.

    Raises:
        OutputError: a file cannot be written where it was asked for.
        UsageError: two files are one.
    """
    files = (options.out, options.ledger, options.junit)
    outputs = [path for path in files if path]
    taken = {path.resolve() for path in (options.weights, options.val_list) if path}
    for path in outputs:
        if path.is_dir() or not _takes_files(path.parent):
            what = "is a folder" if path.is_dir() else "lies in no writable folder"
            message = f"{path}: {what}. Name a file to write. Nothing was evaluated."
            raise OutputError(message)
        claim(path, taken, "Nothing was evaluated.")


def claim(path: Path, taken: set[Path], state: str) -> None:
    """Take a file for an output, once, and never an input.

    Args:
        path: of the output.
        taken: resolved paths of inputs and earlier outputs; grows.
        state: what is to be said was not done.

    Raises:
        UsageError: it is taken.
    """
    if path.resolve() in taken:
        message = f"{path}: named twice, and writing it would lose the other. {state}"
        raise UsageError(message)
    taken.add(path.resolve())


def _takes_files(folder: Path) -> bool:
    """Tried and not asked: the administrator may write anywhere, but not to /proc."""
    try:
        with TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def write_files(options: argparse.Namespace, outcome: Outcome) -> None:
    """Write the files that were asked for.

    Raises:
        OutputError: the disk said no; an older file is as it was.
    """
    from eval.ci import write_junit
    from eval.ledger import write_csv
    from eval.outcome import as_json

    if options.ledger:
        write_csv(outcome.result.rows, options.ledger)
    if options.out:
        write_text(as_json(outcome) + "\n", options.out)
    if options.junit:
        write_junit(outcome.result, outcome.baseline, options.junit)
