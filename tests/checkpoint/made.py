"""State dicts, comparisons and pickles for the tests of checkpoints."""

from __future__ import annotations

import collections
import pickle
from pathlib import Path
from struct import pack
from typing import Any

import numpy as np

from ppim_port.checkpoint import pickle_emit as emit

GOLDEN = Path(__file__).parents[3] / "shared" / "golden" / "rednet26.pth"


def small_state() -> dict[str, np.ndarray]:
    """Every shape and value that has bitten somebody, in dtypes of both frameworks."""
    rng = np.random.default_rng(7)
    nan = np.array([0x7FC00001, 0xFF800000, 0x80000000, 0x7F800001], "u4").view("f4")
    return {
        "conv.weight": rng.standard_normal((4, 3, 3, 3)).astype("f4"),
        "fc.weight": rng.standard_normal((5, 4)).astype("f4").T,
        "bits": nan,
        "half": np.array([1.5, -0.0, 65504], "f2"),
        "double": rng.standard_normal((2, 1)),
        "bn.num_batches_tracked": np.array(2**40, "i8"),
        "mask": np.array([[True], [False]]),
        "bytes": np.arange(7, dtype="u1")[::2],
        "int": np.array([-1, 2], "i4"),
        "none": np.empty((2, 0, 3), "f4"),
        "größe.weight": np.array(1.0, "f4"),
    }


def assert_same_bits(got: Any, expected: Any) -> None:
    assert list(got) == list(expected)
    for key, value in expected.items():
        assert got[key].dtype == value.dtype, key
        assert got[key].shape == value.shape, key
        assert got[key].tobytes() == value.tobytes(), key


def numpy_pickle(value: Any, protocol: int = 4) -> bytes:
    """`value` as numpy itself pickles it."""
    return pickle.dumps(value, protocol)


def ordered(**tensors: Any) -> collections.OrderedDict[str, Any]:
    return collections.OrderedDict(tensors)


def pickled(body: bytes, protocol: int = 2) -> bytes:
    """A pickle whose stack machine does `body` and stops."""
    return emit.proto(protocol) + body + emit.STOP


def array_opcodes(
    *,
    shape: bytes = emit.integers((2,)),
    code: str = "f4",
    order: str = "<",
    data: bytes = b"C\x08" + bytes(8),
    fields: bytes = b"NNN",
) -> bytes:
    """A numpy array, spelt out, so that each part can be a lie."""
    dtype = emit.global_name("numpy", "dtype") + emit.text(code) + b"\x89\x88\x87R"
    dtype += b"(K\x03" + emit.text(order) + fields + b"J\xff\xff\xff\xff" * 2
    dtype += b"K\x00tb"
    shell = emit.global_name("numpy.core.multiarray", "_reconstruct")
    shell += emit.global_name("numpy", "ndarray") + b"K\x00\x85C\x01b\x87R"
    return shell + b"(K\x01" + shape + dtype + b"\x89" + data + b"tb"


def storage_opcodes(
    *, kind: str = "FloatStorage", key: str = "0", numel: int = 4, tail: bytes = b""
) -> bytes:
    """Torch's persistent id."""
    body = emit.text("storage") + emit.global_name("torch", kind) + emit.text(key)
    return b"(" + body + emit.text("cpu") + emit.integer(numel) + tail + b"tQ"


def tensor_opcodes(
    storage: bytes | None = None,
    *,
    offset: bytes = b"K\x00",
    shape: bytes = emit.integers((4,)),
    stride: bytes = emit.integers((1,)),
    tail: bytes = b"",
) -> bytes:
    """A torch tensor, spelt out."""
    window = (storage or storage_opcodes()) + offset + shape + stride + b"\x89"
    hooks = emit.global_name("collections", "OrderedDict") + b")R"
    rebuild = emit.global_name("torch._utils", "_rebuild_tensor_v2")
    return rebuild + b"(" + window + hooks + tail + b"tR"


def state_opcodes(value: bytes, key: str = "w") -> bytes:
    """A dict with one entry."""
    return b"}" + emit.text(key) + value + b"s"


def safetensors_bytes(header: bytes, data: bytes = b"") -> bytes:
    return pack("<Q", len(header)) + header + data
