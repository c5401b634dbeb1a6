"""What a file is, by its content; its name may say anything.

Web pages and error messages saved under a checkpoint's name are called what they are.
"""

from __future__ import annotations

import mmap
import stat
from pathlib import Path
from struct import unpack_from

from ppim_port.checkpoint.complaints import damaged, unreadable
from ppim_port.checkpoint.hdf5 import SIGNATURE
from ppim_port.checkpoint.keras_file import is_archive
from ppim_port.checkpoint.legacy_pth import MAGIC
from ppim_port.checkpoint.records import FileFormat
from ppim_port.errors import CheckpointError

_HEAD = 512
_MAGIC_BYTES = MAGIC.to_bytes(10, "little")
_AGAIN = "Download it by hand and give its path."
_NOT_A_CHECKPOINT = (
    (
        (b"<!doctype", b"<html", b"<head", b"<?xml"),
        "an HTML page: the link probably needs a browser or a login",
    ),
    ((b"{", b"["), "JSON text: probably a server's error message"),
    ((b"version https://git-lfs",), "a Git LFS pointer: the weights lie elsewhere"),
    ((b"\x1f\x8b",), "gzip data: unpack it first"),
    ((b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf"), "a packed archive: unpack it first"),
)


def sniff(path: str | Path) -> FileFormat:
    """Tell the format of a file.

    Raises:
        CheckpointError: It is missing, no regular file, or no checkpoint.
        CorruptCheckpointError: It is empty.
    """
    return sniff_view(map_file(Path(path)), str(path))


def map_file(path: Path) -> memoryview:
    """The bytes of a file, mapped read-only.

    The map outlives the file's name. A program that cuts the file short in place
    while we read it kills us; who replaces files by renaming does not.

    Raises:
        CheckpointError: It is missing, no regular file, or not readable.
        CorruptCheckpointError: It is empty.
    """
    try:
        status = path.stat()
        # Before it is opened: opening a pipe would wait for ever.
        if not stat.S_ISREG(status.st_mode):
            unreadable(f"{path} is not a regular file; name a checkpoint")
        if status.st_size == 0:
            damaged(f"{path} is empty. Download it again.")
        with path.open("rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except FileNotFoundError:
        text = f"{path} does not exist"
    except OSError as error:
        text = f"{path} cannot be read: {error.strerror}"
    except ValueError:
        text = f"{str(path)!a} is not a proper file name"
    raise CheckpointError(text)


def sniff_view(view: memoryview, where: str) -> FileFormat:
    """As `sniff`, of bytes that are mapped already."""
    head = bytes(view[:_HEAD])
    if head.startswith(b"PK\3\4"):
        return FileFormat.KERAS_ZIP if is_archive(view) else FileFormat.PTH_ZIP
    if head.startswith(SIGNATURE):
        return FileFormat.KERAS_H5
    # Before the pickles: a header of 128 bytes starts with their first byte, 0x80.
    if _is_safetensors(head, len(view)):
        return FileFormat.SAFETENSORS
    if not head.startswith(b"\x80"):
        unreadable(f"{where} is not a checkpoint; {_what(head)}")
    return FileFormat.PTH_LEGACY if _MAGIC_BYTES in head[:32] else FileFormat.PDPARAMS


def _is_safetensors(head: bytes, size: int) -> bool:
    if len(head) < 10 or head[8:9] != b"{":
        return False
    (length,) = unpack_from("<Q", head)
    # A cut file still has its kind: the reader says what is missing.
    return bool(2 <= length < max(size, 1 << 32))


def _what(head: bytes) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for starts, meaning in _NOT_A_CHECKPOINT:
        if head.startswith(starts) or text.startswith(starts):
            return f"it is {meaning}. {_AGAIN}"
    if head[257:262] == b"ustar":
        return "it is a tar archive: unpack it first"
    return (
        f"its first bytes are {head[:8].hex(' ')}. Expected .pth (zip or legacy), "
        f".pdparams, .safetensors, .weights.h5 or .keras"
    )
