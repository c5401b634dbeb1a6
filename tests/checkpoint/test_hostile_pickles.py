"""Pickles that are cut, malformed, or ask for absurd resources, in every carrier."""

from __future__ import annotations

import time
from pathlib import Path
from struct import pack

import pytest

from ppim_port.checkpoint import limits, read
from ppim_port.checkpoint import pickle_emit as emit
from ppim_port.errors import (
    CheckpointError,
    CorruptCheckpointError,
    UnsafeCheckpointError,
)
from tests.checkpoint.hostile import CARRIERS, in_legacy, in_zip
from tests.checkpoint.made import (
    array_opcodes,
    pickled,
    state_opcodes,
    tensor_opcodes,
)

SECONDS = 10.0  # a refusal takes milliseconds; a bomb that works takes minutes
BIG = 1 << 40

CORRUPT = {
    "a stack underflow": b"0" * 3,
    "an append to nothing": b"N" + b"a",
    "a missing mark": b"}t",
    "items without a key": b"}(Nu",
    "values left over": b"NN",
    "an open mark": b"(N",
    "an unknown memo entry": b"h\x05",
    "a memo entry of nothing": b"q\x00N",
    "a second header": b"\x80\x02N",
    "text that is not UTF-8": b"X\x01\0\0\0\xff",
    "text that is too long": b"X\xff\xff\xff\x7fabc",
    "text of 2**64 bytes": b"\x8d" + b"\xff" * 8 + b"abc",
    "bytes that are too long": b"B\xff\xff\xff\xffabc",
    "bytes of 2**64": b"\x8e" + b"\xff" * 8 + b"abc",
    "a frame that is too long": b"\x95" + pack("<Q", BIG) + b"N",
    "an old string of negative length": b"T\xff\xff\xff\xffabc",
    "a name without an end": b"c" + b"a" * 1000,
    "the same key twice": b"}(" + (emit.text("a") + b"N") * 2 + b"u",
    "an open mark in a set": b"\x8f(K\x01",
    "a reduce without a tuple": emit.global_name("collections", "OrderedDict") + b"]R",
    "a dtype of a number": emit.global_name("numpy", "dtype") + b"K\x01\x85R",
    "a mapping of numbers": emit.global_name("collections", "OrderedDict")
    + b"](K\x01K\x02e\x85R",
    "an array with half a state": emit.global_name(
        "numpy.core.multiarray", "_reconstruct"
    )
    + emit.global_name("numpy", "ndarray")
    + b"K\x00\x85C\x01b\x87RK\x01\x85b",
}

UNSAFE = {
    "more marks than anybody needs": b"(" * (limits.MAX_MARKS + 2),
    "more opcodes than anybody needs": b"N0" * limits.MAX_OPCODES,
    "a number of a megabyte": b"\x8b" + pack("<i", 1 << 20) + bytes(1 << 20),
    "a number of negative length": b"\x8b\xff\xff\xff\xff",
    "a list as a key": b"}]Ns",
    "a dict as a key": b"}}Ns",
    "a deep tuple as a key": b"})" + b"\x85" * 200_000 + b"Ns",
    "a deep tuple in a frozenset": b"()" + b"\x85" * 200_000 + b"\x91",
    "a list in a set": b"\x8f(]\x90",
    "a key that collides for ever": b"}\x8a\x10" + b"\xff" * 15 + b"\x7f" + b"Ns",
    "long text as a key": b"}" + emit.text("x" * 5000) + b"Ns",
    "items of a list": b"]K\x01Ns",
    "an append to a dict": b"}Na",
    "an addition to a list": b"](N\x90",
}

DEEP = {
    "deep tuples": b")" + b"\x85" * 500_000,
    "deep lists": b"]" * 300_000 + b"a" * 299_999,
    "a billion laughs": b"]"
    + b"".join(
        b"q" + bytes([i]) + b"0](" + (b"h" + bytes([i])) * 10 + b"e" for i in range(200)
    ),
    "a far memo index": b"Nr\xff\xff\xff\x7f",
}


def write(tmp_path: Path, content: bytes) -> Path:
    (tmp_path / "net.pth").write_bytes(content)
    return tmp_path / "net.pth"


def assert_turned_away(
    path: Path, error: type[CheckpointError], says: str | None = None
) -> CheckpointError:
    started = time.perf_counter()
    with pytest.raises(error, match=says) as caught:
        read(path)
    assert time.perf_counter() - started < SECONDS
    assert type(caught.value) is error
    assert len(str(caught.value)) < 1000
    return caught.value


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("name", CORRUPT)
def test_a_malformed_pickle_is_corrupt(tmp_path: Path, carrier: str, name: str) -> None:
    path = write(tmp_path, CARRIERS[carrier](pickled(CORRUPT[name])))
    assert_turned_away(path, CorruptCheckpointError, "at byte")


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("name", UNSAFE)
def test_an_absurd_pickle_is_refused(tmp_path: Path, carrier: str, name: str) -> None:
    path = write(tmp_path, CARRIERS[carrier](pickled(UNSAFE[name])))
    assert_turned_away(path, UnsafeCheckpointError, "at byte")


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("name", DEEP)
def test_depth_and_sharing_cost_nothing_and_are_left_behind(
    tmp_path: Path, carrier: str, name: str
) -> None:
    weights = tensor_opcodes() if carrier != "pdparams" else array_opcodes()
    body = (
        b"}" + emit.text("w") + weights + b"s" + emit.text("meta") + DEEP[name] + b"s"
    )
    path = write(tmp_path, CARRIERS[carrier](pickled(body)))
    started = time.perf_counter()
    checkpoint = read(path)
    assert time.perf_counter() - started < SECONDS
    assert list(checkpoint.state) == ["w"]
    assert checkpoint.left_behind == ("meta",)


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("name", DEEP)
def test_depth_without_weights_is_an_ordinary_error(
    tmp_path: Path, carrier: str, name: str
) -> None:
    body = pickled(DEEP[name])
    bare = in_legacy(body, keys=b"]", data=b"")
    path = write(tmp_path, bare if carrier == "legacy" else CARRIERS[carrier](body))
    assert_turned_away(path, CheckpointError, "no weights found")


def honest(carrier: str) -> bytes:
    body = tensor_opcodes() if carrier != "pdparams" else array_opcodes()
    return CARRIERS[carrier](pickled(state_opcodes(body)))


@pytest.mark.parametrize("carrier", CARRIERS)
def test_the_honest_files_are_read(tmp_path: Path, carrier: str) -> None:
    """The twin of the tests around it: it shows what they break."""
    assert list(read(write(tmp_path, honest(carrier))).state) == ["w"]


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_cut_at_any_byte_is_noticed(tmp_path: Path, carrier: str) -> None:
    whole = honest(carrier)
    for end in range(1, len(whole)):
        path = write(tmp_path, whole[:end])
        with pytest.raises(CheckpointError) as caught:
            read(path)
        assert end < 4 or type(caught.value) is CorruptCheckpointError, end


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("tail", [b"\0", b"\n", pickled(b"N"), b"PK\5\6" + bytes(18)])
def test_bytes_behind_the_end_are_noticed(
    tmp_path: Path, carrier: str, tail: bytes
) -> None:
    path = write(tmp_path, honest(carrier) + tail)
    with pytest.raises((CorruptCheckpointError, UnsafeCheckpointError)):
        read(path)


def test_bytes_behind_the_inner_pickle_are_noticed(tmp_path: Path) -> None:
    content = in_zip(pickled(state_opcodes(tensor_opcodes())) + b"N.")
    assert_turned_away(write(tmp_path, content), CorruptCheckpointError, "2 bytes")


LEGACY = {
    "no storage keys": {"keys": b"]"},
    "a stray storage": {"keys": b"](" + emit.text("0") + emit.text("1") + b"e"},
    "a storage twice": {"keys": b"](" + emit.text("0") * 2 + b"e"},
    "keys that are numbers": {"keys": b"]K\x01a"},
    "keys that are no list": {"keys": b"}"},
    "a negative count": {"data": pack("<q", -1)},
    "an absurd count": {"data": pack("<q", 1 << 62) + bytes(16)},
    "a count too small": {"data": pack("<q", 3) + bytes(12)},
    "a count too large": {"data": pack("<q", 5) + bytes(20)},
    "data left over": {"data": pack("<q", 4) + bytes(17)},
    "no data": {"data": b""},
}


@pytest.mark.parametrize("name", LEGACY)
def test_legacy_storages_that_do_not_fit_are_corrupt(tmp_path: Path, name: str) -> None:
    content = in_legacy(pickled(state_opcodes(tensor_opcodes())), **LEGACY[name])
    assert_turned_away(write(tmp_path, content), CorruptCheckpointError)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (b"little_endian\x88", b"little_endian\x89", CheckpointError),
        (b"M\xe9\x03", b"M\xe8\x03", CorruptCheckpointError),
    ],
    ids=["big-endian", "version"],
)
def test_a_legacy_header_is_checked(
    tmp_path: Path, old: bytes, new: bytes, error: type[CheckpointError]
) -> None:
    content = honest("legacy")
    assert content.count(old) == 1
    assert_turned_away(write(tmp_path, content.replace(old, new)), error)
