"""A file appears whole under its name, or not at all.

`atomic_write` hands out a draft in the target's own folder, syncs it to the disk and
only then gives it the target's name. Refused: clobbering, unless asked for, even when
two programs race for the same name, because a lost file cannot be asked for again.

A symbolic link at the target is replaced, not followed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO, Literal

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
        """Make the bytes outlive a power cut."""
        self.file.flush()
        os.fsync(self.file.fileno())


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
            yield draft
            draft.sync()
            _publish(draft.path, target, overwrite)
    finally:
        with contextlib.suppress(OSError):
            draft.path.unlink(missing_ok=True)
    _sync_folder(target.parent)


def remove_stale_drafts(target: Path) -> None:
    """Remove what killed runs left of `target`.

    A draft goes when nobody holds its lock *and* it was made under this running
    kernel, or is old. The lock alone would not do: it does not reach other hosts on
    every network file system. The age alone would not do: a writer may be suspended,
    and the next run shall find no litter.
    """
    with contextlib.suppress(OSError):
        for entry in os.scandir(target.parent):
            if (found := _draft_name(target).fullmatch(entry.name)) is not None:
                with contextlib.suppress(OSError):
                    _remove_if_abandoned(entry, ours=found["kernel"] == _kernel())


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
    while True:
        name = f".{target.name}.{_kernel()}{secrets.token_hex(4)}.tmp"
        path = target.with_name(name)
        # Not tempfile: its 0600 would outlive the rename, whatever the umask is.
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        file = os.fdopen(os.open(path, flags, 0o666), "w+b")
        # Until it is locked, another run may take it for litter: then once more.
        if _lock(file.fileno()) != "theirs" and path.exists():
            return Draft(path, file)
        file.close()


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


def _draft_name(target: Path) -> re.Pattern[str]:
    name = re.escape(target.name)
    return re.compile(rf"\.{name}\.(?P<kernel>[0-9a-f]{{8}})[0-9a-f]{{8}}\.tmp")


@cache
def _kernel() -> str:
    """Eight digits that stand for the kernel that runs since its last start.

    Locks reach all of its processes, in whatever container they are. Drawn by lot
    where the kernel gives no such number, so that the age decides.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_bytes()
    except OSError:
        return secrets.token_hex(4)
    return hashlib.sha256(boot).hexdigest()[:8]


def _remove_if_abandoned(entry: os.DirEntry[str], *, ours: bool) -> None:
    status = entry.stat(follow_symlinks=False)
    old = time.time() - status.st_mtime > STALE_AFTER_S
    if not (old or ours):
        return
    handle = os.open(entry.path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        lock = _lock(handle)
        if lock == "mine" or (lock == "none" and old):
            # Under the lock, or its writer could take it between look and deed.
            Path(entry.path).unlink()
    finally:
        os.close(handle)


def _lock(handle: int) -> Literal["mine", "theirs", "none"]:
    """Take the lock that ends with the process, if there are locks here."""
    if sys.platform == "win32":
        return "none"
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return "theirs"
    except OSError:
        return "none"  # a file system without locks: the age decides alone
    return "mine"
