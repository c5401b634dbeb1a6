"""Safetensors headers that lie about their bytes."""

from __future__ import annotations

import json
from pathlib import Path
from struct import pack
from typing import Any

import pytest

from ppim_port.checkpoint import read
from ppim_port.errors import (
    CheckpointError,
    CorruptCheckpointError,
    UnsafeCheckpointError,
)
from tests.checkpoint.made import safetensors_bytes

DATA = bytes(8)
GOOD = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
HALF = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


def header(**entries: Any) -> bytes:
    return json.dumps(entries).encode()


CORRUPT = {
    "not JSON": b"{nope}",
    "not UTF-8": b'{"\xff": 1}',
    "deep JSON": b'{"a":' * 100_000,
    "deep lists": b'{"a":' + b"[" * 100_000,
    "a number of a million digits": b'{"a":' + b"9" * 1_000_000 + b"}",
    "the same key twice": b'{"w":%b,"w":%b}' % ((json.dumps(GOOD).encode(),) * 2),
    "the same field twice": b'{"w":{"dtype":"F32","shape":[2],"shape":[2],'
    b'"data_offsets":[0,8]}}',
    "an entry that is a number": header(w=3),
    "a field too few": header(w={"dtype": "F32", "shape": [2]}),
    "a field too many": header(w=GOOD | {"run": "me"}),
    "a shape too large": header(w=GOOD | {"shape": [3]}),
    "a negative size": header(w=GOOD | {"shape": [-2]}),
    "a size that is a float": header(w=GOOD | {"shape": [2.0]}),
    "a size that is true": header(w=GOOD | {"dtype": "F64", "shape": [True]}),
    "a shape that is text": header(w=GOOD | {"shape": "2"}),
    "one offset": header(w=GOOD | {"data_offsets": [8]}),
    "offsets reversed": header(w=GOOD | {"data_offsets": [8, 0]}),
    "negative offsets": header(w=GOOD | {"data_offsets": [-8, 0]}),
    "offsets beyond the file": header(w=GOOD | {"data_offsets": [8, 16]}),
    "a gap": header(w=HALF),
    "an overlap": header(a=GOOD, b=HALF),
    "bytes used twice": header(a=GOOD, b=GOOD),
    "nothing but bytes": header(),
    "metadata that is a number": header(w=GOOD, __metadata__={"a": 1}),
    "metadata that is a list": header(w=GOOD, __metadata__=[]),
    "an order that does not fit": header(
        w=GOOD, __metadata__={"ppim_port": '{"keys":["v"]}'}
    ),
    "an order with a key twice": header(
        w=GOOD, __metadata__={"ppim_port": '{"keys":["w","w"]}'}
    ),
    "an order of numbers": header(w=GOOD, __metadata__={"ppim_port": '{"keys":[1]}'}),
}
UNREADABLE = {
    "8-bit floats": header(w=GOOD | {"dtype": "F8_E4M3", "shape": [8]}),
    "complex": header(w=GOOD | {"dtype": "C64", "shape": [1]}),
    "a dtype that is a list": header(w=GOOD | {"dtype": [[["F32"]]]}),
    "an unknown dtype": header(w=GOOD | {"dtype": "x" * 1000}),
    "an empty key": header(**{"": GOOD}),
    "a key that moves the cursor": header(**{"a\x1b[2J": GOOD}),
    "half a surrogate": b'{"\\ud800":%b}' % json.dumps(GOOD).encode(),
}
UNSAFE = {
    "an absurd size": header(w=GOOD | {"shape": [0, 1 << 47, 1 << 47]}),
    "too many axes": header(w=GOOD | {"shape": [1] * 100}),
}


def turned_away(
    tmp_path: Path,
    content: bytes,
    error: type[CheckpointError],
    says: str | None = None,
) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    with pytest.raises(error, match=says) as caught:
        read(path)
    assert type(caught.value) is error
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("name", CORRUPT)
def test_a_header_that_lies_is_corrupt(tmp_path: Path, name: str) -> None:
    content = safetensors_bytes(CORRUPT[name], DATA)
    turned_away(tmp_path, content, CorruptCheckpointError)


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_we_do_not_read_is_named(tmp_path: Path, name: str) -> None:
    turned_away(tmp_path, safetensors_bytes(UNREADABLE[name], DATA), CheckpointError)


@pytest.mark.parametrize("name", UNSAFE)
def test_absurd_shapes_are_refused(tmp_path: Path, name: str) -> None:
    turned_away(tmp_path, safetensors_bytes(UNSAFE[name], DATA), UnsafeCheckpointError)


@pytest.mark.parametrize("length", [1 << 31, 200_000_000, 1000])
def test_a_header_longer_than_the_file_is_corrupt(tmp_path: Path, length: int) -> None:
    content = pack("<Q", length) + header(w=GOOD) + DATA
    turned_away(tmp_path, content, CorruptCheckpointError, "a header of")


def test_a_cut_at_any_byte_is_noticed(tmp_path: Path) -> None:
    whole = safetensors_bytes(header(w=GOOD), DATA)
    for end in range(1, len(whole)):
        (tmp_path / "a").write_bytes(whole[:end])
        with pytest.raises(CheckpointError):
            read(tmp_path / "a")


def test_bytes_behind_the_end_are_noticed(tmp_path: Path) -> None:
    content = safetensors_bytes(header(w=GOOD), DATA + b"\0")
    turned_away(tmp_path, content, CorruptCheckpointError, "do not fill")
