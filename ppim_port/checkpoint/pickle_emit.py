"""The few pickle opcodes that our writers need, as bytes.

We write the opcodes ourselves so that a file's bytes depend on the weights alone: not
on the numpy that is installed, a name counter, or which objects happen to be shared.
"""

from __future__ import annotations

from struct import pack

STOP = b"."


def proto(version: int) -> bytes:
    """The header."""
    return b"\x80" + bytes([version])


def integer(value: int) -> bytes:
    """A non-negative integer."""
    if value < 1 << 8:
        return b"K" + pack("<B", value)
    if value < 1 << 16:
        return b"M" + pack("<H", value)
    if value < 1 << 31:
        return b"J" + pack("<i", value)
    length = value.bit_length() // 8 + 1
    return b"\x8a" + pack("<B", length) + value.to_bytes(length, "little")


def text(value: str) -> bytes:
    """Text, for any protocol."""
    raw = value.encode("utf-8")
    return b"X" + pack("<I", len(raw)) + raw


def global_name(module: str, name: str) -> bytes:
    """A global, for any protocol."""
    return f"c{module}\n{name}\n".encode("ascii")


def integers(values: tuple[int, ...]) -> bytes:
    """A tuple of non-negative integers."""
    if not values:
        return b")"
    body = b"".join(integer(value) for value in values)
    short = {1: b"\x85", 2: b"\x86", 3: b"\x87"}.get(len(values))
    return body + short if short else b"(" + body + b"t"


def bytes_head(size: int) -> bytes:
    """What stands before `size` raw bytes."""
    if size < 1 << 8:
        return b"C" + pack("<B", size)
    if size < 1 << 32:
        return b"B" + pack("<I", size)
    return b"\x8e" + pack("<Q", size)


def put(index: int) -> bytes:
    """Remember the value on top of the stack."""
    return b"q" + pack("<B", index)


def get(index: int) -> bytes:
    """Recall a value."""
    return b"h" + pack("<B", index)
