"""Writing .pdparams: the pickle that paddle.load reads, the same bytes every time.

The numpy global is spelt `numpy.core.multiarray`, which every numpy can find; the one
that numpy 2 writes is unknown before 1.26. The name table, which paddle.save fills
from a process-wide counter, maps every key to itself.
"""

from __future__ import annotations

from typing import BinaryIO

from ppim_port.checkpoint.pickle_emit import (
    STOP,
    bytes_head,
    get,
    global_name,
    integer,
    integers,
    proto,
    put,
    text,
)
from ppim_port.checkpoint.prepared import contiguous, raw_bytes
from ppim_port.checkpoint.records import NAME_TABLE
from ppim_port.state_dict import Array, StateDict

_RECONSTRUCT, _NDARRAY, _DTYPE, _EMPTY = range(4)


def write_pdparams(state: StateDict, file: BinaryIO) -> None:
    """Stream `state` as a pickle of protocol 4, one tensor in memory at a time."""
    file.write(proto(4) + b"}(")
    first = True
    for key, value in state.items():
        array = contiguous(value)
        file.write(text(key) + _array_head(array, first))
        file.write(raw_bytes(array))
        file.write(b"tb")
        first = False
    file.write(text(NAME_TABLE) + _name_table(state) + b"u" + STOP)


def _array_head(array: Array, first: bool) -> bytes:
    """Everything of a pickled array that comes before its raw bytes."""
    shell = _known(_RECONSTRUCT, "numpy.core.multiarray", "_reconstruct", first)
    shell += _known(_NDARRAY, "numpy", "ndarray", first) + integers((0,))
    shell += (bytes_head(1) + b"b" + put(_EMPTY)) if first else get(_EMPTY)
    shell += b"\x87R"
    fields = b"(" + integer(1) + integers(array.shape) + _dtype(array, first) + b"\x89"
    return shell + fields + bytes_head(array.nbytes)


def _known(index: int, module: str, name: str, first: bool) -> bytes:
    return global_name(module, name) + put(index) if first else get(index)


def _dtype(array: Array, first: bool) -> bytes:
    made = _known(_DTYPE, "numpy", "dtype", first)
    made += text(f"{array.dtype.kind}{array.dtype.itemsize}") + b"\x89\x88\x87R"
    order = "<" if array.dtype.itemsize > 1 else "|"
    unset = b"J\xff\xff\xff\xff"
    return made + b"(K\x03" + text(order) + b"NNN" + unset + unset + b"K\x00tb"


def _name_table(state: StateDict) -> bytes:
    return b"}(" + b"".join(text(key) + text(key) for key in state) + b"u"
