"""What Paddle writes, we read to the same bits, executing nothing of it."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppim_port.checkpoint import FileFormat, read
from ppim_port.errors import CorruptCheckpointError
from tests.checkpoint.frameworks import paddle
from tests.checkpoint.made import (
    array_opcodes,
    assert_same_bits,
    numpy_pickle,
    pickled,
    small_state,
)

PROTOCOLS = pytest.mark.parametrize("protocol", [2, 3, 4])


@PROTOCOLS
def test_a_net_is_read_as_paddle_saved_it(tmp_path: Path, protocol: int) -> None:
    p = paddle()
    net = p.nn.Sequential(p.nn.Linear(7, 60), p.nn.BatchNorm1D(60), p.nn.Linear(60, 1))
    p.save(net.state_dict(), str(tmp_path / "a.pdparams"), protocol=protocol)
    checkpoint = read(tmp_path / "a.pdparams")
    expected = {key: value.numpy() for key, value in net.state_dict().items()}
    assert_same_bits(checkpoint.state, expected)
    assert checkpoint.file_format is FileFormat.PDPARAMS
    assert checkpoint.framework == "paddle"
    assert checkpoint.left_behind == ("StructuredToParameterName@@",)


@PROTOCOLS
@pytest.mark.parametrize("name", ["float16", "float64", "int64", "uint8", "bool"])
def test_every_dtype_keeps_its_bits(tmp_path: Path, protocol: int, name: str) -> None:
    tensor = paddle().arange(6).reshape([2, 3]).astype(name)
    paddle().save({"w": tensor}, str(tmp_path / "a"), protocol=protocol)
    assert_same_bits(read(tmp_path / "a").state, {"w": tensor.numpy()})


def test_bfloat16_stays_the_uint16_that_paddle_stores(tmp_path: Path) -> None:
    tensor = paddle().to_tensor([1.0, 2.0]).astype("bfloat16")
    paddle().save({"w": tensor}, str(tmp_path / "a"))
    state = read(tmp_path / "a").state
    assert_same_bits(state, {"w": np.array([0x3F80, 0x4000], "u2")})


@PROTOCOLS
def test_numpy_pickles_of_every_shape_are_read(tmp_path: Path, protocol: int) -> None:
    state = small_state()
    state["fortran"] = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    state["long"] = np.arange(70_000, dtype="i4")
    (tmp_path / "a").write_bytes(numpy_pickle(state, protocol))
    assert_same_bits(read(tmp_path / "a").state, state)


@PROTOCOLS
def test_big_endian_arrays_are_converted_exactly(tmp_path: Path, protocol: int) -> None:
    value = np.array([1.5, -2.25])
    (tmp_path / "a").write_bytes(numpy_pickle({"w": value.astype(">f8")}, protocol))
    assert_same_bits(read(tmp_path / "a").state, {"w": value})


def test_python_2_files_are_read(tmp_path: Path) -> None:
    data = b"T\x08\0\0\0" + np.array([1.0, 2.0], "f4").tobytes()
    body = b"}U\x01w" + array_opcodes(data=data).replace(b"C\x01b", b"U\x01b") + b"s"
    (tmp_path / "a").write_bytes(pickled(body))
    assert_same_bits(read(tmp_path / "a").state, {"w": np.array([1.0, 2.0], "f4")})


def sliced(**table: Any) -> dict[str, Any]:
    """What protocols 2 and 3 make of a tensor over 1 GiB, smaller."""
    return {
        "a": np.zeros(1, "f4"),
        "big@@.0": np.arange(4, dtype="f4"),
        "big@@.1": np.arange(4, 6, dtype="f4"),
        "z": np.ones(1, "f4"),
        "UnpackBigParamInfor@@": table,
    }


def test_sliced_tensors_are_joined_as_paddle_joins_them(tmp_path: Path) -> None:
    entry = {"OriginShape": (2, 3), "slices": ["big@@.0", "big@@.1"]}
    path = tmp_path / "a.pdparams"
    path.write_bytes(pickle.dumps(sliced(big=entry), 2))
    checkpoint = read(path)
    assert list(checkpoint.state) == ["a", "big", "z"]
    theirs = paddle().load(str(path), return_numpy=True)
    assert np.array_equal(checkpoint.state["big"], theirs["big"])
    assert not checkpoint.state["big"].flags.writeable


@pytest.mark.parametrize(
    "entry",
    [
        {"OriginShape": (2, 4), "slices": ["big@@.0", "big@@.1"]},
        {"OriginShape": (2, 3), "slices": ["big@@.0", "big@@.2"]},
        {"OriginShape": (2, 4), "slices": ["big@@.0", "big@@.0"]},
        {"OriginShape": "(2, 3)", "slices": ["big@@.0", "big@@.1"]},
        {"slices": ["big@@.0", "big@@.1"]},
        {"OriginShape": (2, 3), "slices": []},
        {"OriginShape": (2, 3), "slices": "big@@.0"},
        7,
    ],
    ids=str,
)
def test_slices_that_do_not_fit_are_refused(tmp_path: Path, entry: Any) -> None:
    (tmp_path / "a").write_bytes(pickle.dumps(sliced(big=entry), 2))
    with pytest.raises(CorruptCheckpointError, match=r"slice|shape"):
        read(tmp_path / "a")
