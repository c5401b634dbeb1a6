"""Any state dict that can be written comes back with every bit, from every kind."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from ppim_port.checkpoint import read, write
from tests.checkpoint.made import assert_same_bits

DTYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "?"]
SHAPES = nps.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4)
LETTERS = st.characters(exclude_categories=("C", "Z"))
KEYS = st.text(LETTERS, min_size=1, max_size=12).filter(
    lambda key: key not in ("__metadata__",)
)


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray:
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(SHAPES)
    size = int(np.prod(shape)) * dtype.itemsize
    raw = draw(st.binary(min_size=size, max_size=size))
    if dtype.kind == "b":
        raw = bytes(byte & 1 for byte in raw)
    array = np.frombuffer(raw, dtype).reshape(shape)
    return array.T if draw(st.booleans()) else array


@pytest.mark.parametrize(
    ("kind", "framework"),
    [("pdparams", "paddle"), ("pth", "torch"), ("safetensors", "torch")],
)
@settings(max_examples=60, deadline=None)
@given(state=st.dictionaries(KEYS, arrays(), min_size=1, max_size=6))
def test_every_bit_survives(
    kind: Any, framework: Any, state: dict[str, np.ndarray]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net"
        first = write(state, path, kind=kind, framework=framework)
        assert_same_bits(read(path).state, state)
        again = write(
            read(path).state, path, kind=kind, framework=framework, overwrite=True
        )
        assert again == first


def test_many_tensors_survive(tmp_path: Path) -> None:
    """More than one byte can count: memo entries and storage numbers."""
    state = {f"layer.{n}": np.full((n % 3,), n, "f4") for n in range(700)}
    for kind, framework in (("pdparams", "paddle"), ("pth", "torch")):
        k: Any = kind
        f: Any = framework
        write(state, tmp_path / kind, kind=k, framework=f)
        assert_same_bits(read(tmp_path / kind).state, state)
