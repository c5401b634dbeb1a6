"""Tensors whose description lies: windows off their storage, bombs, odd dtypes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ppim_port.checkpoint import pickle_emit as emit
from ppim_port.checkpoint import read
from ppim_port.errors import (
    CheckpointError,
    CorruptCheckpointError,
    UnsafeCheckpointError,
)
from tests.checkpoint.hostile import in_legacy, in_pdparams, in_zip
from tests.checkpoint.made import (
    array_opcodes,
    pickled,
    state_opcodes,
    storage_opcodes,
    tensor_opcodes,
)

MINUS = b"J\xff\xff\xff\xff"
HUGE = b"\x8a\x08" + b"\xff" * 7 + b"\x3f"
ROW = emit.integers

WINDOWS = {
    "a shape beyond the storage": {"shape": ROW((5,))},
    "an offset beyond the storage": {"offset": b"K\x01"},
    "a stride beyond the storage": {"stride": ROW((2,))},
    "a negative offset": {"offset": MINUS},
    "a negative size": {"shape": MINUS + b"\x85"},
    "a negative stride": {"stride": MINUS + b"\x85"},
    "a size of 2**62": {"shape": HUGE + b"\x85", "stride": ROW((0,))},
    "a stride of 2**62": {"stride": HUGE + b"\x85"},
    "an offset of 2**62": {"offset": HUGE},
    "more sizes than strides": {"shape": ROW((2, 2))},
    "a size that is text": {"shape": emit.text("4") + b"\x85"},
    "a size that is true": {"shape": b"\x88\x85"},
    "a size that is a float": {"shape": b"G" + bytes(8) + b"\x85"},
    "a shape that is a number": {"shape": b"K\x04"},
    "an offset that is nothing": {"offset": b"N"},
    "an empty window far away": {"shape": ROW((0,)), "offset": b"K\x05"},
}
STORAGES = {
    "a storage that is missing": {"key": "1"},
    "a storage smaller than it says": {"numel": 5},
    "a storage larger than it says": {"numel": 3},
    "a storage of another dtype": {"kind": "DoubleStorage"},
}
BOMBS = {
    "an expanded scalar": (ROW((1 << 20, 1 << 20)), ROW((0, 0))),
    "an expanded row": (ROW((1 << 30, 4)), ROW((0, 1))),
    "a sliding window": (ROW((2, 3, 1 << 33)), ROW((1, 1, 0))),
    "an axis of nothing beside a huge one": (ROW((0, 1 << 30, 1 << 30)), ROW((1,) * 3)),
    "more axes than numpy has": (ROW((1,) * 65), ROW((0,) * 65)),
}
ARRAYS = {
    "too few bytes": {"data": b"C\x04" + bytes(4)},
    "too many bytes": {"data": b"C\x0c" + bytes(12)},
    "no bytes": {"data": b"N"},
    "a list of objects": {"data": b"]"},
    "a negative size": {"shape": MINUS + b"\x85"},
    "a size that is true": {"shape": b"\x88\x85"},
    "a shape that is text": {"shape": emit.text("2")},
    "text that is not latin-1": {"data": emit.text("€" * 8)},
}
DTYPES = {
    "objects": {"code": "O8", "order": "|"},
    "text": {"code": "U1"},
    "bytes": {"code": "S4", "order": "|"},
    "void": {"code": "V4", "order": "|"},
    "complex": {"code": "c8"},
    "dates": {"code": "M8"},
    "unknown": {"code": "zz\x1b[2J" + "x" * 500},
    "native order": {"order": "="},
    "unknown order": {"order": "?"},
    "fields": {"fields": b"N" + emit.text("a") + b"\x85}"},
    "a subarray": {"fields": emit.text("f4") + b"\x85NN"},
}


def turned_away(tmp_path: Path, content: bytes, error: type[CheckpointError]) -> str:
    path = tmp_path / "net.pth"
    path.write_bytes(content)
    with pytest.raises(error) as caught:
        read(path)
    assert type(caught.value) is error
    said = str(caught.value)
    assert str(path) in said
    assert "'w'" in said
    assert said.isprintable()
    assert len(said) < 500
    return said


@pytest.mark.parametrize("carrier", [in_zip, in_legacy], ids=["zip", "legacy"])
@pytest.mark.parametrize("name", WINDOWS)
def test_a_window_off_its_storage_is_corrupt(
    tmp_path: Path, carrier: object, name: str
) -> None:
    assert callable(carrier)
    body = pickled(state_opcodes(tensor_opcodes(**WINDOWS[name])))
    turned_away(tmp_path, carrier(body), CorruptCheckpointError)


@pytest.mark.parametrize("name", STORAGES)
def test_a_storage_that_lies_is_corrupt(tmp_path: Path, name: str) -> None:
    body = tensor_opcodes(storage_opcodes(**STORAGES[name]))
    content = in_zip(pickled(state_opcodes(body)))
    assert "storage" in turned_away(tmp_path, content, CorruptCheckpointError)


@pytest.mark.parametrize("carrier", [in_zip, in_legacy], ids=["zip", "legacy"])
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_goes_off(
    tmp_path: Path, carrier: object, name: str
) -> None:
    assert callable(carrier)
    shape, stride = BOMBS[name]
    body = pickled(state_opcodes(tensor_opcodes(shape=shape, stride=stride)))
    turned_away(tmp_path, carrier(body), UnsafeCheckpointError)


def test_many_small_expansions_are_counted_together(tmp_path: Path) -> None:
    one = tensor_opcodes(shape=ROW((1 << 10, 1 << 10)), stride=ROW((0, 0)))
    entries = b"".join(emit.text(f"t{n}") + one for n in range(8))
    last = emit.text("w") + one
    path = tmp_path / "a"
    path.write_bytes(in_zip(pickled(b"}(" + entries + last + b"u")))
    with pytest.raises(UnsafeCheckpointError, match="times the file"):
        read(path)


def test_one_byte_string_for_many_arrays_is_counted(tmp_path: Path) -> None:
    """A copy of each would make gigabytes of a megabyte."""
    data = b"B" + (1 << 20).to_bytes(4, "little") + bytes(1 << 20)
    first = array_opcodes(shape=ROW((1 << 18,)), data=data + emit.put(9))
    again = array_opcodes(shape=ROW((1 << 18,)), data=emit.get(9))
    entries = emit.text("first") + first
    entries += b"".join(emit.text(f"t{n}") + again for n in range(2000))
    path = tmp_path / "a"
    path.write_bytes(pickled(b"}(" + entries + b"u"))
    with pytest.raises(UnsafeCheckpointError, match="times the file"):
        read(path)


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_that_lies_is_corrupt(tmp_path: Path, name: str) -> None:
    body = array_opcodes(**ARRAYS[name])
    turned_away(
        tmp_path, in_pdparams(pickled(state_opcodes(body))), CorruptCheckpointError
    )


def test_an_array_of_absurd_size_is_refused(tmp_path: Path) -> None:
    body = array_opcodes(shape=HUGE[:-1] + b"\0" + b"\x85")
    with_huge = in_pdparams(pickled(state_opcodes(body)))
    path = tmp_path / "a"
    path.write_bytes(with_huge)
    with pytest.raises((UnsafeCheckpointError, CorruptCheckpointError)):
        read(path)


@pytest.mark.parametrize("name", DTYPES)
def test_dtypes_that_weights_do_not_have_are_refused(tmp_path: Path, name: str) -> None:
    body = array_opcodes(**DTYPES[name])
    content = in_pdparams(pickled(state_opcodes(body)))
    assert "dtype" in turned_away(tmp_path, content, CheckpointError)


def test_boolean_bytes_other_than_0_and_1_are_corrupt(tmp_path: Path) -> None:
    """Numpy would compute with them, and differently from torch."""
    storage = storage_opcodes(kind="BoolStorage", numel=16)
    body = tensor_opcodes(storage, shape=ROW((16,)))
    content = in_zip(pickled(state_opcodes(body)))
    assert "boolean" in turned_away(tmp_path, content, CorruptCheckpointError)


def test_a_view_of_everything_costs_nothing(tmp_path: Path) -> None:
    """The limits leave honest expansion alone."""
    body = tensor_opcodes(shape=ROW((1000, 4)), stride=ROW((0, 1)))
    path = tmp_path / "a"
    path.write_bytes(in_zip(pickled(state_opcodes(body))))
    got = read(path).state["w"]
    assert np.array_equal(got, np.broadcast_to(np.array([1, 2, 3, 4], "f4"), (1000, 4)))
