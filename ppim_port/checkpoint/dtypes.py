"""Which dtypes weights may have, and what each format calls them.

Refused: objects (they need code), complex and 8-bit floats (no net here has them).
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

BFLOAT16 = "bfloat16"

# Pickled numpy codes; the byte order is stored beside them.
NUMPY_CODES = frozenset(
    {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}
)

TORCH_STORAGES = MappingProxyType(
    {
        "HalfStorage": "f2",
        "FloatStorage": "f4",
        "DoubleStorage": "f8",
        "BFloat16Storage": BFLOAT16,
        "CharStorage": "i1",
        "ShortStorage": "i2",
        "IntStorage": "i4",
        "LongStorage": "i8",
        "ByteStorage": "u1",
        "BoolStorage": "b1",
    }
)
TORCH_STORAGE_OF = MappingProxyType({v: k for k, v in TORCH_STORAGES.items()})

SAFETENSORS_CODES = MappingProxyType(
    {
        "F16": "f2",
        "F32": "f4",
        "F64": "f8",
        "BF16": BFLOAT16,
        "I8": "i1",
        "I16": "i2",
        "I32": "i4",
        "I64": "i8",
        "U8": "u1",
        "U16": "u2",
        "U32": "u4",
        "U64": "u8",
        "BOOL": "b1",
    }
)


def little_endian(code: str) -> np.dtype[np.generic]:
    """The dtype that holds a code's bits; bfloat16 as uint16."""
    return np.dtype("<u2" if code == BFLOAT16 else f"<{code}")


def code_of(dtype: np.dtype[np.generic]) -> str | None:
    """The code of a numpy dtype without its byte order; None if it has none here."""
    code = f"{dtype.kind}{dtype.itemsize}"
    return code if code in NUMPY_CODES else None
