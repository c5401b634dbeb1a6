"""Small CIFAR sets in every form, written without the code under test.

`original` spells a pickle opcode by opcode as Python 2 and an old numpy wrote the
published files (protocol 2, byte strings), because no Python 3 can write such a file.
"""

from __future__ import annotations

import io
import pickle
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from struct import pack
from typing import Any

import numpy as np

from ppim_port.state_dict import Array

CLASSES = {"cifar10": 10, "cifar100": 100}
KEYS = {"cifar10": "labels", "cifar100": "fine_labels"}


def pictures(count: int = 7) -> Array:
    """uint8 `[count, 32, 32, 3]`, RGB."""
    rng = np.random.default_rng(count)
    return rng.integers(0, 256, (count, 32, 32, 3), np.uint8)


def labels(name: str, count: int = 7) -> list[int]:
    return [int(v) for v in np.arange(count) * 37 % CLASSES[name]]


def planes(images: Array) -> Array:
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)).reshape(len(images), -1)


def ppm(image: Array) -> bytes:
    """What a sample's bytes must be."""
    return b"P6\n32 32\n255\n" + image.tobytes()


def batch(name: str, images: Array, given: list[int]) -> dict[str, Any]:
    found = {
        "batch_label": "testing batch 1 of 1",
        KEYS[name]: given,
        "data": planes(images),
        "filenames": [f"{at}.png" for at in range(len(given))],
    }
    if name == "cifar100":
        found["coarse_labels"] = [label // 5 for label in given]
    return found


def original(tree: Mapping[str, Any]) -> bytes:
    """A pickle as the published files are."""
    return b"\x80\x02}(" + b"".join(map(_old, _flat(tree))) + b"u."


def _flat(tree: Mapping[str, Any]) -> list[Any]:
    return [item for pair in tree.items() for item in pair]


def _old(value: Any) -> bytes:
    if isinstance(value, str):
        return b"U" + pack("<B", len(value)) + value.encode()
    if isinstance(value, int):
        return b"K" + pack("<B", value)
    if isinstance(value, list):
        return b"](" + b"".join(map(_old, value)) + b"e"
    rows, columns = value.shape
    data = value.tobytes()
    return (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01J" + pack("<i", rows) + b"M" + pack("<H", columns) + b"\x86"
        b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89T" + pack("<i", len(data)) + data + b"tb"
    )


def again(tree: Mapping[str, Any], protocol: int, *, as_bytes: bool) -> bytes:
    """The same saved from Python 3, with text or bytes for keys."""
    if not as_bytes:
        return pickle.dumps(dict(tree), protocol)
    names = [name.encode() for name in tree.get("filenames", [])]
    found = {key.encode(): value for key, value in tree.items()}
    label = str(tree.get("batch_label", "")).encode()
    return pickle.dumps({**found, b"filenames": names, b"batch_label": label}, protocol)


def rows(name: str, images: Array, given: list[int]) -> bytes:
    coarse = [[label // 5] if name == "cifar100" else [] for label in given]
    heads = [bytes([*c, label]) for c, label in zip(coarse, given, strict=True)]
    return b"".join(h + p.tobytes() for h, p in zip(heads, planes(images), strict=True))


def png(image: Array) -> bytes:
    import cv2

    return bytes(cv2.imencode(".png", image[:, :, ::-1])[1].tobytes())


def shard(
    path: Path, columns: Mapping[str, list[Any]], *, image: str = "img", size: int = 3
) -> Path:
    """A Parquet file; the pictures' column holds encoded bytes."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    data = dict(columns)
    cells = [{"bytes": each, "path": None} for each in data.pop(image)]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = {image: pa.array(cells, kind)}
    table |= {key: pa.array(value, pa.int64()) for key, value in data.items()}
    pq.write_table(pa.table(table), path, row_group_size=size)
    return path


def packed(path: Path, files: Mapping[str, bytes], mode: str = "w:gz") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


FOLDERS = {
    "cifar10": ("cifar-10-batches-py", "cifar-10-batches-bin", "test_batch"),
    "cifar100": ("cifar-100-python", "cifar-100-binary", "test"),
}
ARCHIVE = {"cifar10": "cifar-10", "cifar100": "cifar-100"}


def python(root: Path, name: str) -> Path:
    folder, _, file = FOLDERS[name]
    tree = batch(name, pictures(), labels(name))
    put(root / folder / file, original(tree))
    return root


def binary(root: Path, name: str) -> Path:
    _, folder, file = FOLDERS[name]
    put(root / folder / f"{file}.bin", rows(name, pictures(), labels(name)))
    return root


def parquet(root: Path, name: str) -> Path:
    """Two shards of the test split, beside one of the training split."""
    given = labels(name)
    key = {"cifar10": "label", "cifar100": "fine_label"}[name]
    every: dict[str, list[Any]] = {"img": list(map(png, pictures())), key: given}
    if name == "cifar100":
        every["coarse_label"] = [label // 5 for label in given]
    for at, part in enumerate((slice(0, 4), slice(4, None))):
        columns = {column: values[part] for column, values in every.items()}
        shard(root / f"test-0000{at}-of-00002.parquet", columns)
    shard(root / "train-00000-of-00001.parquet", every)
    return root


def archive_python(root: Path, name: str) -> Path:
    folder, _, file = FOLDERS[name]
    tree = batch(name, pictures(), labels(name))
    path = root / f"{ARCHIVE[name]}-python.tar.gz"
    files = {f"{folder}/data_batch_1": b"x" * 5000, f"{folder}/{file}": original(tree)}
    return packed(path, files)


def archive_binary(root: Path, name: str) -> Path:
    _, folder, file = FOLDERS[name]
    data = rows(name, pictures(), labels(name))
    path = root / f"{ARCHIVE[name]}-binary.tar.gz"
    return packed(path, {f"{folder}/{file}.bin": data})


FORMS: dict[str, Callable[[Path, str], Path]] = {
    "python": python,
    "binary": binary,
    "parquet": parquet,
    "archive-python": archive_python,
    "archive-binary": archive_binary,
}
