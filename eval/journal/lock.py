"""One run at a time in a folder; the ranks of a sharded run are one run.

The kernel drops the locks of a process that dies, however it dies, so that nothing has
to be cleaned up before a run goes on. Refused: a second run, and ranks of another
number of processes beside running ones, because they would share the work differently
and score a picture twice.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

from eval.journal.shards import SHARDS
from ppim_port.errors import LedgerError

LOCK_NAME = "run.lock"
_PATIENCE_S = 2.0


class RunLock:
    """Held while a process works in a run folder.

    Args:
        folder: made if it is not there.
        world: processes of the run; 1 wants the folder for itself.

    Raises:
        LedgerError: when entered: another run is there, or the disk says no.
    """

    def __init__(self, folder: Path, world: int) -> None:
        self._path = folder / LOCK_NAME
        self._world = world

    def __enter__(self) -> RunLock:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a+b", buffering=0)
        except OSError as error:
            message = (
                f"{self._path.parent}: cannot be used as a run folder: "
                f"{error.strerror or error}. Nothing was evaluated."
            )
            raise LedgerError(message) from error
        try:
            self._acquire()
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def is_last(self) -> bool:
        """Whether no other process works here; then none can begin either.

        If there is one, this one's own lock may be gone: ask at the very end.
        """
        return _flock(self._file, exclusive=True)

    def _acquire(self) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            if _flock(self._file, exclusive=True):
                if self._world == 1 or self._share():
                    return
            elif self._world == 1:
                break
            elif _flock(self._file, exclusive=False):
                # Only a rank that has written the world shares the lock.
                if self._written() == str(self._world):
                    return
                break
            time.sleep(0.02)
        message = (
            f"{self._path.parent}: another run is writing to it. Nothing was changed; "
            "wait for it, or name another folder."
        )
        raise LedgerError(message)

    def _share(self) -> bool:
        """Make room for the other ranks; false if another run came in between."""
        self._file.truncate(0)
        self._file.write(str(self._world).encode())
        shared = _flock(self._file, exclusive=False)
        return shared and self._written() == str(self._world)

    def _written(self) -> str:
        self._file.seek(0)
        return self._file.read().decode("ascii", "replace")


@contextlib.contextmanager
def merging(folder: Path) -> Iterator[None]:
    """One rank at a time; the last to come sees what all of them have sealed."""
    with (folder / SHARDS / "merge.lock").open("ab") as file:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _flock(file: IO[bytes], *, exclusive: bool) -> bool:
    if sys.platform == "win32":
        return os.name == "nt"
    import fcntl

    kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
