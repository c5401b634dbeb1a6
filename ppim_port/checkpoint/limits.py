"""How much a checkpoint may ask for before it is refused.

Each limit lies far above what real files need (RedNet-152 with an optimizer: 120,000
opcodes, 2,600 tensors) and far below what hurts a laptop.
"""

from __future__ import annotations

MAX_OPCODES = 2_000_000
MAX_MARKS = 1_000
MAX_TENSORS = 100_000
MAX_DIMS = 32  # numpy 1's own limit
MAX_NUMBER_BYTES = 64
MAX_GLOBAL_BYTES = 256
# Longer text stays undecoded until somebody needs it; keys are always shorter.
MAX_SHORT_TEXT = 4_096
MAX_MEMBERS = 200_000
MAX_HEADER_BYTES = 100_000_000  # the safetensors format's own limit

# What all tensors may occupy together, against the file's size: views and tied
# weights repeat bytes honestly, an "expand bomb" by many orders of magnitude.
EXPANSION = 8
EXPANSION_FLOOR = 1 << 24


def byte_budget(file_size: int) -> int:
    """Bytes that the tensors of a file of `file_size` bytes may occupy."""
    return EXPANSION * file_size + EXPANSION_FLOOR
