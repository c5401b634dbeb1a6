"""Append to a ledger so that a kill at any moment loses at most one batch."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from eval.journal.codec import Seal, header_line, next_chain, row_line, seal_line
from eval.journal.read import Sealed, read_ledger
from eval.records import Row
from ppim_port.errors import LedgerError

LEDGER_NAME = "ledger.jsonl"


class Journal:
    """A run folder's ledger, open for appending; one process at a time.

    Opening starts a new ledger or resumes one with exactly the same settings; what a
    killed run left unsealed is cut off.

    Args:
        folder: made if it is not there.
        settings: JSON values that decide the numbers.
        name: of the file.

    Raises:
        LedgerError: other settings, a damaged ledger, another process, or the disk.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], *, name: str = LEDGER_NAME
    ) -> None:
        self.path = folder / name
        with _disk_errors(self.path):
            folder.mkdir(parents=True, exist_ok=True)
            # Unbuffered: a buffer that the disk refused would raise again on closing.
            self._file = self.path.open("a+b", buffering=0)
        try:
            _lock(self._file, self.path)
            sealed = self._open(settings)
        except BaseException:
            self._file.close()
            raise
        self.resumed = sealed.rows
        self._batches = sealed.batches
        self._chain = sealed.chain

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    @property
    def batches(self) -> int:
        """Sealed batches: the index of the next one to score."""
        return self._batches

    @property
    def chain(self) -> str:
        """The fingerprint of everything sealed so far."""
        return self._chain

    def append(self, rows: Sequence[Row]) -> None:
        """Write a batch and its seal, and make them outlive a power cut.

        Raises:
            LedgerError: the disk said no; the batches before stay sealed.
        """
        lines = [row_line(row) for row in rows]
        seal = Seal(self._batches, len(rows), next_chain(self._chain, lines))
        self._write(b"".join(lines) + seal_line(seal))
        self._batches, self._chain = seal.batch + 1, seal.chain

    def _open(self, settings: Mapping[str, Any]) -> Sealed:
        header = header_line(settings)
        head = self.path.read_bytes()[: len(header)]
        if len(head) < len(header) and header.startswith(head):
            # New, or killed before its first line was whole.
            self._truncate(0)
            self._write(header)
        sealed = read_ledger(self.path)
        refuse_other_settings(self.path, sealed.settings, settings)
        self._truncate(sealed.size)
        return sealed

    def _truncate(self, size: int) -> None:
        with _disk_errors(self.path):
            self._file.truncate(size)

    def _write(self, data: bytes) -> None:
        with _disk_errors(self.path):
            while data:
                data = data[self._file.write(data) :]
            os.fsync(self._file.fileno())


def refuse_other_settings(
    path: Path, old: Mapping[str, Any], new: Mapping[str, Any]
) -> None:
    """Compare the settings of a ledger with those of the run that would go on with it.

    Raises:
        LedgerError: names each setting that differs.
    """
    names = sorted(old.keys() | new.keys())
    differing = [name for name in names if old.get(name) != new.get(name)]
    if differing:
        lines = "\n  ".join(
            f"{name}: {old.get(name)!r} there, {new.get(name)!r} now"
            for name in differing
        )
        message = (
            f"{path}: belongs to a run with other settings, and was not changed:\n  "
            f"{lines}\nResume it with its own settings, or name another folder."
        )
        raise LedgerError(message)


def _lock(file: IO[bytes], path: Path) -> None:
    if sys.platform == "win32":
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        message = f"{path}: another run is writing to it. Nothing was changed."
        raise LedgerError(message) from error


@contextlib.contextmanager
def _disk_errors(path: Path) -> Any:
    try:
        yield
    except OSError as error:
        message = (
            f"{path}: cannot be written: {error.strerror or error}. What was sealed "
            "before is intact: free the disk and run the same command again."
        )
        raise LedgerError(message) from error
