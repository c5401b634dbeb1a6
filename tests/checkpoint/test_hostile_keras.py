"""Keras files that point elsewhere, ask for too much, or are no weights at all."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ppim_port.checkpoint import read, sniff, write
from ppim_port.checkpoint.hdf5 import natural
from ppim_port.errors import (
    CheckpointError,
    CorruptCheckpointError,
    MissingPackageError,
    UnsafeCheckpointError,
    UsageError,
)

KEY = "layers/dense/vars/0"
VALUE = np.arange(6, dtype="f4").reshape(2, 3)
META = {"config": "{}", "keras_version": "3.15.1"}


def made(path: Path, change: Callable[[Any], object]) -> Path:
    with h5py.File(path, "w") as file:
        file[KEY] = VALUE
        change(file)
    return path


def cyclic(file: Any) -> None:
    file["layers/dense/again"] = file["layers"]


def external(file: Any) -> None:
    file.create_dataset(
        "layers/x/vars/0", (4,), "f4", external=[("/etc/hostname", 0, 16)]
    )


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((3,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (3,))
    file.create_virtual_dataset("layers/x/vars/0", layout)


def deep(file: Any) -> None:
    file["/".join(["a"] * 40)] = VALUE


POINTING = {
    "an external link": lambda f: f.__setitem__("x", h5py.ExternalLink("/etc/x", "/")),
    "a soft link": lambda f: f.__setitem__("layers/y", h5py.SoftLink("/layers")),
    "a group in itself": cyclic,
    "data in another file": external,
    "virtual data": virtual,
    "groups without end": deep,
    "a filter of a plugin": lambda f: f.create_dataset(
        "layers/x/vars/0", data=VALUE, chunks=True, compression="lzf"
    ),
    "a terabyte of zeros": lambda f: f.create_dataset(
        "layers/x/vars/0", (1 << 38,), "f4", chunks=(1 << 16,), compression="gzip"
    ),
}


@pytest.mark.parametrize("name", POINTING)
def test_a_keras_file_that_points_elsewhere_or_asks_too_much_is_refused(
    name: str, tmp_path: Path
) -> None:
    path = made(tmp_path / "bad.weights.h5", POINTING[name])
    with pytest.raises(UnsafeCheckpointError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}")


STRANGE = {
    "text": lambda f: f.__setitem__("layers/x/vars/0", "words"),
    "complex numbers": lambda f: f.__setitem__("layers/x/vars/0", np.ones(2, "c8")),
    "a table": lambda f: f.__setitem__("x", np.zeros(2, [("a", "f4"), ("b", "i4")])),
    "Keras 2's whole model": lambda f: f.__setitem__("model_weights/a/b", VALUE),
}


@pytest.mark.parametrize("name", STRANGE)
def test_keras_files_of_another_kind_are_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"bad\.h5"):
        read(made(tmp_path / "bad.h5", STRANGE[name]))


def test_an_hdf5_file_without_weights_is_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "empty.h5", "w") as file:
        file.create_group("layers")
    with pytest.raises(CheckpointError, match="an HDF5 file without weights"):
        read(tmp_path / "empty.h5")


def test_a_driver_block_whose_size_would_be_believed_is_refused(tmp_path: Path) -> None:
    path = made(tmp_path / "x.weights.h5", lambda file: None)
    raw = bytearray(path.read_bytes())
    assert raw[8] == 0
    assert raw[48:56] == b"\xff" * 8
    raw[48:56] = (31).to_bytes(8, "little")
    path.write_bytes(raw)
    with pytest.raises(UnsafeCheckpointError, match="block for a driver"):
        read(path)


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = made(tmp_path / "x.weights.h5", lambda file: None)
    raw = path.read_bytes()
    assert raw.count(b"dense\0") == 1
    path.write_bytes(raw.replace(b"dense\0", b"den\xffe\0"))
    with pytest.raises(CheckpointError, match="not proper text"):
        read(path)


def test_a_cut_keras_file_is_corrupt(tmp_path: Path) -> None:
    path = made(tmp_path / "whole.weights.h5", lambda f: None)
    data = path.read_bytes()
    cut = tmp_path / "cut.weights.h5"
    for length in range(8, len(data) - VALUE.nbytes, 37):
        cut.write_bytes(data[:length])
        with pytest.raises(CorruptCheckpointError, match="the HDF5 file is damaged"):
            read(cut)


def archive(members: dict[str, bytes], path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def weights() -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file[KEY] = VALUE
    return buffer.getvalue()


# A Lambda layer is code, which Keras itself would ask leave to run.
LAMBDA = b'{"class_name": "Lambda", "config": {"function": "import os; os.abort()"}}'
GOOD = {"metadata.json": b"{}", "config.json": LAMBDA, "model.weights.h5": weights()}


def test_a_keras_archives_code_is_left_unread(tmp_path: Path) -> None:
    found = read(archive(GOOD, tmp_path / "net.keras"))
    assert np.array_equal(found.state[KEY], VALUE)
    assert found.left_behind == ("metadata.json", "config.json")


@pytest.mark.parametrize(
    ("changed", "error", "text"),
    [
        ({"model.weights.h5": b"PK"}, CorruptCheckpointError, "is no HDF5 file"),
        ({"model.weights.h5": weights()[:900]}, CorruptCheckpointError, "is damaged"),
    ],
)
def test_a_damaged_keras_archive_is_corrupt(
    changed: dict[str, bytes], error: type[Exception], text: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=text):
        read(archive({**GOOD, **changed}, tmp_path / "net.keras"))


def test_a_keras_archive_without_hdf5_weights_is_named(tmp_path: Path) -> None:
    members = {"metadata.json": b"{}", "config.json": b"{}", "model.weights.npz": b"x"}
    with pytest.raises(CheckpointError, match="a Keras archive without model"):
        read(archive(members, tmp_path / "net.keras"))


@pytest.mark.parametrize("kind", ["weights.h5", "keras"])
def test_what_is_written_is_read_back_and_is_the_same_bytes(
    kind: Any, tmp_path: Path
) -> None:
    state = {
        "layers/dense_10/vars/0": VALUE.T,
        "layers/dense_2/vars/1": np.array(3, "i8"),
        "layers/dense/vars/0": VALUE.astype("f2"),
    }
    digests = set()
    for name in ("a", "b"):
        written = write(
            state,
            tmp_path / f"{name}.{kind}",
            kind=kind,
            framework="keras",
            metadata=META if kind == "keras" else None,
        )
        digests.add(written.sha256)
    found = read(tmp_path / f"a.{kind}")
    assert len(digests) == 1
    assert (found.framework, str(found.file_format)) == (
        "keras",
        {"weights.h5": "keras-h5", "keras": "keras-zip"}[kind],
    )
    assert list(found.state) == sorted(state, key=natural)
    assert all(np.array_equal(found.state[key], state[key]) for key in state)
    assert all(found.state[key].dtype == state[key].dtype for key in state)
    assert sniff(tmp_path / f"a.{kind}") is found.file_format


def test_bfloat16_is_widened_exactly(tmp_path: Path) -> None:
    import ml_dtypes

    path = tmp_path / "narrow.weights.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset(KEY, data=VALUE.astype(ml_dtypes.bfloat16))
        data.attrs["dtype"] = "bfloat16"
    found = read(path)
    assert np.array_equal(found.state[KEY], VALUE)
    assert found.stored_dtypes == {KEY: "bfloat16"}


def test_what_a_keras_file_cannot_hold_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.weights.h5"
    with pytest.raises(CheckpointError, match="keys are paths like"):
        write({"fc.weight": VALUE}, path, kind="weights.h5", framework="keras")
    with pytest.raises(UsageError, match="holds keras weights, not torch's"):
        write({KEY: VALUE}, path, kind="weights.h5", framework="torch")
    with pytest.raises(UsageError, match="needs a config and a keras_version"):
        write({KEY: VALUE}, tmp_path / "x.keras", kind="keras", framework="keras")
    assert list(tmp_path.iterdir()) == []


def test_without_h5py_the_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    path = made(tmp_path / "a.weights.h5", lambda f: None)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingPackageError, match="h5py is not installed"):
        read(path)
