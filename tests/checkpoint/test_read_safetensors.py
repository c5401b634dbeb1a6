"""What the safetensors library writes, we read to the same bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from ppim_port.checkpoint import FileFormat, read
from tests.checkpoint.frameworks import torch
from tests.checkpoint.made import assert_same_bits, safetensors_bytes, small_state


def test_the_librarys_files_are_read(tmp_path: Path) -> None:
    state = {k: np.array(v, order="C") for k, v in small_state().items()}
    save_file(state, tmp_path / "a")
    checkpoint = read(tmp_path / "a")
    assert_same_bits({key: checkpoint.state[key] for key in state}, state)
    assert checkpoint.file_format is FileFormat.SAFETENSORS
    assert checkpoint.container == ()
    assert not any(v.flags.writeable for v in checkpoint.state.values())


def test_bfloat16_is_widened_exactly_and_named(tmp_path: Path) -> None:
    from safetensors.torch import save_file as save_torch

    torch()
    tensor = torch().tensor([1.0, -3.0]).bfloat16()
    save_torch({"w": tensor}, tmp_path / "a")
    checkpoint = read(tmp_path / "a")
    assert_same_bits(checkpoint.state, {"w": np.array([1.0, -3.0], "f4")})
    assert checkpoint.stored_dtypes == {"w": "bfloat16"}


@pytest.mark.parametrize(
    ("key", "metadata", "framework"),
    [
        ("bn._mean", None, "paddle"),
        ("bn._variance", {}, "paddle"),
        ("bn.running_mean", None, "torch"),
        ("w", None, "torch"),
        ("w", {"format": "pd"}, "paddle"),
        ("bn._mean", {"format": "pt"}, "torch"),
        ("w", {"ppim_port": '{"framework":"paddle"}'}, "paddle"),
        ("bn._mean", {"ppim_port": '{"framework":"torch"}'}, "torch"),
        ("bn._mean", {"ppim_port": "not json"}, "paddle"),
    ],
)
def test_framework_is_noted_or_told_by_the_keys(
    tmp_path: Path, key: str, metadata: dict[str, str] | None, framework: str
) -> None:
    save_file({key: np.ones(1)}, tmp_path / "a", metadata=metadata)
    assert read(tmp_path / "a").framework == framework


def test_the_headers_order_is_the_files_order(tmp_path: Path) -> None:
    header = (
        b'{"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},'
        b'"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'
    )
    (tmp_path / "a").write_bytes(safetensors_bytes(header, b"xy"))
    assert list(read(tmp_path / "a").state) == ["b", "a"]


def test_unaligned_tensors_are_copied(tmp_path: Path) -> None:
    header = (
        b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},'
        b'"b":{"dtype":"F64","shape":[1],"data_offsets":[1,9]}}'
    )
    data = b"\x07" + np.array([2.5]).tobytes()
    (tmp_path / "a").write_bytes(safetensors_bytes(header, data))
    array = read(tmp_path / "a").state["b"]
    assert array.flags.aligned
    assert array == 2.5
