"""The same six validation pictures in every layout."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ppim_port.imagenet import wnids
from ppim_port.validation_set import devkit_ids, official_name, val_labels
from tests.recipe.made import encoded, texture

NUMBERS = (1, 2, 3, 700, 701, 50_000)
LABELS = {official_name(n): val_labels()[n - 1] for n in NUMBERS}
PICTURES = {
    official_name(n): encoded(texture(260 + 8 * at, 300))
    for at, n in enumerate(NUMBERS)
}


def put(root: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def tar(path: Path, files: Iterable[tuple[str, bytes]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def ground_truth(path: Path) -> Path:
    lines = [f"{devkit_ids()[label]}\n" for label in val_labels()]
    path.write_text("".join(lines))
    return path


def parquet(path: Path, rows: Iterable[Mapping[str, object]], size: int = 2) -> Path:
    import pyarrow as pa
    from pyarrow import parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    schema = pa.schema([("image", image), ("label", pa.int64())])
    pq.write_table(pa.Table.from_pylist(list(rows), schema), path, row_group_size=size)
    return path


Made = tuple[Path, Path | None]


def folders(root: Path) -> Made:
    names = {n: f"{wnids()[label]}/{n}" for n, label in LABELS.items()}
    return put(root / "sorted", {names[n]: d for n, d in PICTURES.items()}), None


def listed(root: Path) -> Made:
    file = root / "list.txt"
    file.write_text("".join(f"{n} {label}\n" for n, label in LABELS.items()))
    return put(root / "val", PICTURES), file


def devkit(root: Path) -> Made:
    return put(root / "val", PICTURES), ground_truth(root / "truth.txt")


def flat(root: Path) -> Made:
    return put(root / "val", PICTURES), None


def plain_tar(root: Path) -> Made:
    # In another order than that of the names, as nobody promises one.
    return tar(root / "ILSVRC2012_img_val.tar", reversed(PICTURES.items())), None


def shards(root: Path) -> Made:
    """Two Parquet shards, rows out of order, one name with its class appended."""
    rows = [
        {"image": {"bytes": data, "path": name}, "label": LABELS[name]}
        for name, data in reversed(PICTURES.items())
    ]
    name = official_name(NUMBERS[-1]).replace(".", f"_{wnids()[LABELS[max(LABELS)]]}.")
    rows[0] = {**rows[0], "image": {"bytes": PICTURES[max(PICTURES)], "path": name}}
    for at in (0, 1):
        parquet(root / "parquet" / f"validation-{at}-of-2.parquet", rows[at::2])
    return root / "parquet", None


def webdataset(root: Path) -> Made:
    """Two shards, one with .cls, one with .json that knows the file's name."""
    first, second = list(PICTURES.items())[:3], list(PICTURES.items())[3:]
    plain: list[tuple[str, bytes]] = []
    for name, data in first:
        key = name.removesuffix(".JPEG")
        plain += [(f"{key}.cls", str(LABELS[name]).encode()), (f"{key}.jpg", data)]
    told: list[tuple[str, bytes]] = []
    for at, (name, data) in enumerate(second):
        record = {"label": LABELS[name], "filename": f"val/x/{name}"}
        told += [
            (f"{at:06d}.jpg", data),
            (f"{at:06d}.json", json.dumps(record).encode()),
        ]
    tar(root / "wds" / "val-000.tar", plain)
    tar(root / "wds" / "val-001.tar", told)
    return root / "wds", None


LAYOUTS: dict[str, Callable[[Path], Made]] = {
    "folders": folders,
    "list": listed,
    "devkit": devkit,
    "flat": flat,
    "tar": plain_tar,
    "parquet": shards,
    "webdataset": webdataset,
}
