"""Keras files as other versions of the HDF5 library lay them out."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from ppim_port.checkpoint import read

KEY = "layers/dense/vars/0"
VALUE = np.arange(6, dtype="f4").reshape(2, 3)


@pytest.mark.parametrize(
    ("libver", "version"), [("earliest", 0), ("v108", 2), ("latest", 3)]
)
def test_every_version_of_the_superblock_is_read(
    tmp_path: Path, libver: str, version: int
) -> None:
    path = tmp_path / "x.weights.h5"
    with h5py.File(path, "w", libver=libver) as file:
        file[KEY] = VALUE
    assert path.read_bytes()[8] == version
    assert np.array_equal(read(path).state[KEY], VALUE)
