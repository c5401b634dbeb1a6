"""Reading and writing weight files with numpy alone.

Kept: reading executes nothing of a file and imports no framework; a written file was
read back and compared bit for bit before it got its name. Refused: files that ask for
code, that are damaged, or that two readers could see differently, because a checkpoint
comes from strangers.
"""

from ppim_port.checkpoint.read import Opened, open_checkpoint, read
from ppim_port.checkpoint.records import (
    NATIVE_KIND,
    OWNER,
    Checkpoint,
    FileFormat,
    WriteKind,
    Written,
    sha256_file,
)
from ppim_port.checkpoint.sniff import sniff
from ppim_port.checkpoint.write import write

__all__ = [
    "NATIVE_KIND",
    "OWNER",
    "Checkpoint",
    "FileFormat",
    "Opened",
    "WriteKind",
    "Written",
    "open_checkpoint",
    "read",
    "sha256_file",
    "sniff",
    "write",
]
