"""A file appears whole under its name, or not at all.

`atomic_write` hands out a draft in the target's own folder, syncs it to the disk and
only then gives it the target's name. Refused: clobbering, unless asked for, even when
two programs race for the same name, because a lost file cannot be asked for again.

A symbolic link at the target is replaced, not followed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ppim_port.errors import OutputExistsError

STALE_AFTER_S = 600.0
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EXDEV})


@dataclass(frozen=True, slots=True)
class Draft:
    """A file on its way to its final name.

    Attributes:
        path: Where the bytes are now.
        file: Open for writing and reading.
    """

    path: Path
    file: BinaryIO

    def sync(self) -> None:
        """Make the bytes outlive a power cut.

        By path, because a library may have put a new file under the draft's name.
        """
        self.file.flush()
        handle = os.open(self.path, os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def atomic_write(path: str | Path, *, overwrite: bool = False) -> Iterator[Draft]:
    """Give a draft that takes the name `path` when the block ends without an error.

    An error inside the block, or a KeyboardInterrupt, removes the draft and leaves
    what was at `path` as it was.

    Args:
        path: The final name; its folder must exist.
        overwrite: Whether a file at `path` may be replaced.

    Raises:
        OutputExistsError: Something is at `path`, or came there meanwhile.
        OSError: The disk said no; `path` is as it was.
    """
    target = Path(path)
    _refuse_early(target, overwrite)
    remove_stale_drafts(target)
    draft = _create(target)
    try:
        with draft.file:
            _lock(draft.file.fileno())
            yield draft
            draft.sync()
            _publish(draft.path, target, overwrite)
    finally:
        with contextlib.suppress(OSError):
            draft.path.unlink(missing_ok=True)
    _sync_folder(target.parent)


def remove_stale_drafts(target: Path) -> None:
    """Remove what killed runs left of `target`.

    A draft goes when it is old *and* unlocked. The lock alone would not do: it does
    not reach other hosts on a network file system, and a draft is unlocked for an
    instant after its creation. The age alone would not do: a writer may be suspended.
    """
    with contextlib.suppress(OSError):
        for entry in os.scandir(target.parent):
            if _is_draft_of(target, entry.name) and _is_abandoned(entry):
                with contextlib.suppress(OSError):
                    Path(entry.path).unlink()


def _refuse_early(target: Path, overwrite: bool) -> None:
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "Is a directory", str(target))
    if not overwrite and os.path.lexists(target):
        raise _exists(target)


def _exists(target: Path) -> OutputExistsError:
    return OutputExistsError(
        f"{target} exists already and is unchanged; nothing was written. Choose "
        f"another name, or ask for overwriting."
    )


def _create(target: Path) -> Draft:
    path = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    # Not tempfile: its 0600 would outlive the rename, whatever the user's umask is.
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    return Draft(path, os.fdopen(handle, "w+b"))


def _publish(draft: Path, target: Path, overwrite: bool) -> None:
    if overwrite:
        draft.replace(target)
        return
    try:
        # Unlike a rename, a link fails when the name is taken.
        target.hardlink_to(draft)
    except FileExistsError:
        raise _exists(target) from None
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        _claim_and_replace(draft, target)


def _claim_and_replace(draft: Path, target: Path) -> None:
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except FileExistsError:
        raise _exists(target) from None
    try:
        draft.replace(target)
    except OSError:
        target.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    # The file is in place: some file systems cannot sync a folder, and an error
    # here would read as "not written".
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _is_draft_of(target: Path, name: str) -> bool:
    return bool(re.fullmatch(rf"\.{re.escape(target.name)}\.[0-9a-f]{{16}}\.tmp", name))


def _is_abandoned(entry: os.DirEntry[str]) -> bool:
    status = entry.stat(follow_symlinks=False)
    old = time.time() - status.st_mtime > STALE_AFTER_S
    return old and not _is_locked(entry.path)


def _is_locked(path: str) -> bool:
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        return not _lock(handle)
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    """Take the lock that ends with the process; False if another one holds it."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks: the age decides alone
    return True
