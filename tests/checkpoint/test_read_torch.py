"""What torch writes, we read to the same bits, executing nothing of it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppim_port.checkpoint import FileFormat, read, sniff
from ppim_port.errors import CheckpointError
from tests.checkpoint.frameworks import torch
from tests.checkpoint.made import GOLDEN, assert_same_bits, ordered

LAYOUTS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])

DTYPES = ["float16", "float32", "float64", "bool", "uint8"]
DTYPES += ["int8", "int16", "int32", "int64"]


def save(value: Any, path: Path, zipped: bool, **options: Any) -> Path:
    torch().save(value, path, _use_new_zipfile_serialization=zipped, **options)
    return path


@LAYOUTS
@pytest.mark.parametrize("name", DTYPES)
def test_every_dtype_keeps_its_bits(tmp_path: Path, zipped: bool, name: str) -> None:
    tensor = torch().arange(-3, 9).reshape(3, 4).to(getattr(torch(), name))
    checkpoint = read(save({"w": tensor}, tmp_path / "a.pth", zipped))
    assert_same_bits(checkpoint.state, {"w": tensor.numpy()})
    assert checkpoint.stored_dtypes == {}


@LAYOUTS
def test_bfloat16_is_widened_exactly_and_named(tmp_path: Path, zipped: bool) -> None:
    bits = torch().arange(-(2**15), 2**15, dtype=torch().int16)
    tensor = bits.view(torch().bfloat16)
    scalar = torch().tensor(1.5, dtype=torch().bfloat16)
    path = save({"w": tensor, "s": scalar}, tmp_path / "a.pth", zipped)
    checkpoint = read(path)
    high = checkpoint.state["w"].view("u4")
    assert np.array_equal(high >> 16, np.arange(-(2**15), 2**15).astype("u2"))
    assert not (high & 0xFFFF).any()
    assert checkpoint.state["s"].shape == ()
    assert checkpoint.state["s"] == 1.5
    assert checkpoint.stored_dtypes == {"w": "bfloat16", "s": "bfloat16"}


@LAYOUTS
def test_views_of_one_storage_are_read_as_torch_sees_them(
    tmp_path: Path, zipped: bool
) -> None:
    base = torch().arange(24.0)
    views = {
        "base": base,
        "tail": base[5:],
        "transposed": base.reshape(4, 6).t(),
        "strided": base.reshape(2, 3, 4)[:, ::2, 1:3],
        "expanded": base[:3].reshape(3, 1).expand(3, 4),
        "scalar": base[7],
        "empty": base[3:3],
    }
    checkpoint = read(save(views, tmp_path / "a.pth", zipped))
    assert_same_bits(checkpoint.state, {k: v.numpy() for k, v in views.items()})


@LAYOUTS
def test_official_layout_is_unwrapped_and_meta_left_behind(
    tmp_path: Path, zipped: bool
) -> None:
    weights = ordered(a=torch().ones(2), b=torch().nn.Parameter(torch().zeros(1)))
    weights._metadata = {"": {"version": 1}}
    meta = {
        "epoch": np.float64(1.5),
        "classes": ("x" * 10_000, {"set"}, frozenset({1}), 2**100, 1j),
        "array": np.arange(3),
        "device": torch().device("cpu"),
        "dtype": torch().float16,
    }
    value = {"meta": meta, "state_dict": weights, "optimizer": {"state": {}}}
    checkpoint = read(save(value, tmp_path / "a.pth", zipped))
    assert list(checkpoint.state) == ["a", "b"]
    assert checkpoint.container == ("state_dict",)
    assert checkpoint.left_behind == ("meta", "optimizer")
    assert checkpoint.framework == "torch"


@LAYOUTS
@pytest.mark.parametrize("protocol", [3, 4])
def test_other_pickle_protocols_are_read(
    tmp_path: Path, zipped: bool, protocol: int
) -> None:
    value = {"w": torch().arange(3), "n": np.arange(4.0)}
    path = save(value, tmp_path / "a.pth", zipped, pickle_protocol=protocol)
    expected = {"w": np.arange(3), "n": np.arange(4.0)}
    assert_same_bits(read(path).state, expected)


@LAYOUTS
def test_kind_is_told_by_content(tmp_path: Path, zipped: bool) -> None:
    path = save({"w": torch().ones(1)}, tmp_path / "a.safetensors", zipped)
    assert sniff(path) is (FileFormat.PTH_ZIP if zipped else FileFormat.PTH_LEGACY)


def test_root_folder_may_have_any_name(tmp_path: Path) -> None:
    path = save({"w": torch().ones(1)}, tmp_path / "my best.model.v2.pth", True)
    assert list(read(path).state) == ["w"]


def test_aligned_tensors_are_views_of_the_mapped_file(tmp_path: Path) -> None:
    path = save({"w": torch().ones(1000)}, tmp_path / "a.pth", True)
    array = read(path).state["w"]
    assert not array.flags.owndata
    assert not array.flags.writeable


def test_copied_tensors_are_read_only_too(tmp_path: Path) -> None:
    for zipped in (True, False):
        value = {"w": torch().ones(3), "b": torch().ones(2).bfloat16()}
        state = read(save(value, tmp_path / "a.pth", zipped)).state
        assert not any(array.flags.writeable for array in state.values())


def test_torchscript_is_refused_as_a_program(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        # torch 2.13 deprecates TorchScript; files of it are still around.
        warnings.simplefilter("ignore")
        torch().jit.script(torch().nn.Linear(2, 2)).save(tmp_path / "a.pt")
    with pytest.raises(
        CheckpointError, match="TorchScript archive, which holds a program"
    ):
        read(tmp_path / "a.pt")


@pytest.mark.parametrize("kind", ["conj", "neg", "quantized", "sparse"])
def test_tensors_of_odd_kinds_are_refused(tmp_path: Path, kind: str) -> None:
    t = torch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # quantized tensors are deprecated in 2.13
        odd = {
            "conj": lambda: t.ones(2, dtype=t.complex64).conj(),
            "neg": lambda: t._neg_view(t.ones(2)),
            "quantized": lambda: t.quantize_per_tensor(t.ones(2), 1.0, 0, t.qint8),
            "sparse": lambda: t.eye(2).to_sparse(),
        }[kind]()
        save({"w": odd}, tmp_path / "a.pth", True)
    with pytest.raises(CheckpointError, match=r"resave|unknown kind|closed table"):
        read(tmp_path / "a.pth")


@pytest.mark.skipif(not GOLDEN.exists(), reason="shared/golden is absent")
def test_golden_checkpoint_reads_as_torch_reads_it() -> None:
    loaded = torch().load(GOLDEN, weights_only=True, map_location="cpu")
    expected = {key: value.numpy() for key, value in loaded["state_dict"].items()}
    checkpoint = read(GOLDEN)
    assert_same_bits(checkpoint.state, expected)
    assert len(expected) == 251
    assert checkpoint.container == ("state_dict",)
    assert checkpoint.left_behind == ("meta",)
