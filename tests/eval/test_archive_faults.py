"""Damaged, odd and hostile archives: refused by name, and nothing is made of them."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from eval.dataset import open_dataset
from eval.records import Dataset
from ppim_port.errors import DatasetError, ImageError, MissingPackageError
from ppim_port.imagenet import wnids
from ppim_port.validation_set import official_name
from tests.eval.sets import LAYOUTS, PICTURES, parquet, put, tar

ONE, TWO = official_name(1), official_name(2)


def opened(root: Path) -> Dataset:
    return open_dataset(root, val_list=None, class_wnids=wnids())


def cut(path: Path, size: int) -> Path:
    path.write_bytes(path.read_bytes()[:size])
    return path


def plain(root: Path) -> Path:
    return tar(root / "a.tar", PICTURES.items())


def second_header_damaged(root: Path) -> Path:
    path = plain(root)
    data = bytearray(path.read_bytes())
    at = 512 + -(-len(PICTURES[ONE]) // 512) * 512
    data[at + 148] ^= 0xFF
    path.write_bytes(data)
    return path


def with_member(root: Path, **fields: object) -> Path:
    path = root / "a.tar"
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo(ONE)
        for name, value in fields.items():
            setattr(member, name, value)
        archive.addfile(member)
    return path


def gzipped(root: Path) -> Path:
    path = plain(root)
    path.write_bytes(gzip.compress(path.read_bytes()))
    return path


def emptied(root: Path) -> Path:
    return put(root, {"a.tar": b""}) / "a.tar"


TARS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "cut in a member": (lambda r: cut(plain(r), 5000), "a.tar"),
    "cut after a member": (
        lambda r: cut(plain(r), 512 + -(-len(PICTURES[ONE]) // 512) * 512),
        f"cut short after '{ONE}'",
    ),
    "a damaged header": (second_header_damaged, f"damaged after '{ONE}'"),
    "no bytes": (emptied, "not a tar"),
    "HTML": (
        lambda r: put(r, {"a.tar": b"<html>" + b" " * 1000}) / "a.tar",
        "not a tar",
    ),
    "compressed": (gzipped, "compressed by gzip"),
    "no members": (lambda r: tar(r / "a.tar", []), "no name like"),
    "a link": (
        lambda r: with_member(r, type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        "1 members are links",
    ),
    "a hard link": (
        lambda r: with_member(r, type=tarfile.LNKTYPE, linkname="x"),
        "1 members are links",
    ),
    "a device": (lambda r: with_member(r, type=tarfile.CHRTYPE), "1 members are links"),
    "text": (lambda r: tar(r / "a.tar", [("read.me", b"")]), "no picture files"),
    "a stranger": (
        lambda r: tar(r / "a.tar", [(ONE, b""), ("cat.jpg", b"")]),
        "1 pictures have no name like .*'cat.jpg'",
    ),
    "one twice": (
        lambda r: tar(r / "a.tar", [(ONE, b"1"), (ONE, b"2")]),
        "1 pictures are there twice",
    ),
    "one in two folders": (
        lambda r: tar(r / "a.tar", [(f"x/{ONE}", b"1"), (f"y/{ONE}", b"2")]),
        "1 pictures are there twice",
    ),
}


@pytest.mark.parametrize("kind", TARS)
def test_a_bad_tar_is_refused(kind: str, tmp_path: Path) -> None:
    make, text = TARS[kind]
    path = make(tmp_path)
    with pytest.raises(DatasetError, match=text) as caught:
        opened(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("size", range(0, 60_000, 4099))
def test_no_cut_of_a_tar_passes_for_a_whole_one(size: int, tmp_path: Path) -> None:
    path = plain(tmp_path)
    whole = sum(512 + -(-len(data) // 512) * 512 for data in PICTURES.values())
    assert size < whole
    with pytest.raises(DatasetError):
        opened(cut(path, size))


def test_members_are_never_written_anywhere(tmp_path: Path) -> None:
    name = f"../../escaped/{ONE}"
    path = tar(tmp_path / "in" / "a.tar", [(name, b"1"), (f"/abs/{TWO}", b"2")])
    before = sorted(tmp_path.rglob("*"))
    samples = opened(path).samples
    assert [(s.id, s.read()) for s in samples] == [(ONE, b"1"), (TWO, b"2")]
    assert sorted(tmp_path.rglob("*")) == before


def test_a_tar_that_shrinks_meanwhile_ends_the_run_by_name(tmp_path: Path) -> None:
    path = plain(tmp_path)
    samples = opened(path).samples
    os.truncate(path, 2000)
    with pytest.raises(ImageError, match=f"{ONE}.*cut short meanwhile"):
        samples[0].read()


def test_a_tar_closes_its_file(tmp_path: Path) -> None:
    dataset = opened(plain(tmp_path))
    source = dataset.samples[0].source
    descriptor = source.tar.descriptor  # type: ignore[union-attr]
    os.fstat(descriptor)
    del source, dataset
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_odd_names_in_a_tar_are_kept(tmp_path: Path) -> None:
    names = ["-rf.jpg", "a b.jpg", "new\nline.jpg", "näme é.jpg", "日本.jpeg"]
    path = tar(tmp_path / "a.tar", [(name, name.encode()) for name in names])
    file = tmp_path / "list.txt"
    kept = [name for name in names if "\n" not in name]
    file.write_text("".join(f"{name} 1\n" for name in kept))
    dataset = open_dataset(path, val_list=file, class_wnids=wnids())
    assert {s.id: s.read().decode() for s in dataset.samples} == {n: n for n in kept}


def test_a_name_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    path = tar(tmp_path / "a.tar", [("a\udcff.jpg", b"1"), ("a\udcff.cls", b"1")])
    with pytest.raises(DatasetError, match="names are not valid UTF-8"):
        opened(path)


Files = list[tuple[str, bytes]]
SAMPLES: dict[str, tuple[Files, str]] = {
    "no label": (
        [("a.jpg", b""), ("b.jpg", b""), ("b.cls", b"1")],
        "sample 'a' has 'jpg'",
    ),
    "no picture": ([("a.cls", b"1")], "sample 'a' has 'cls'"),
    "two pictures": ([("a.jpg", b""), ("a.png", b""), ("a.cls", b"1")], "'cls', 'jpg'"),
    "one twice": ([("a.jpg", b""), ("a.jpg", b""), ("a.cls", b"1")], "is there twice"),
    "a word": ([("a.jpg", b""), ("a.cls", b"cat")], r"label of 'a' is \[b'cat'\]"),
    "too high": ([("a.jpg", b""), ("a.cls", b"1000")], r"0\.\.999"),
    "negative": ([("a.jpg", b""), ("a.json", b'{"label": -1}')], r"0\.\.999"),
    "true": ([("a.jpg", b""), ("a.json", b'{"label": true}')], "label of 'a'"),
    "none": ([("a.jpg", b""), ("a.json", b"{}")], r"label of 'a' is \[\]"),
    "no JSON": ([("a.jpg", b""), ("a.json", b"{")], "no JSON object"),
    "a list": ([("a.jpg", b""), ("a.json", b"[1]")], "no JSON object"),
    "huge": ([("a.jpg", b""), ("a.cls", b"1" * (2 << 20))], "no label"),
    "two minds": (
        [("a.jpg", b""), ("a.cls", b"1"), ("a.json", b'{"label": 2}')],
        r"label of 'a' is \[2, 1\]",
    ),
    "one key in two shards": ([("a.jpg", b""), ("a.cls", b"1")], "there twice"),
}


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_bad_webdataset_is_refused(kind: str, tmp_path: Path) -> None:
    files, text = SAMPLES[kind]
    tar(tmp_path / "wds" / "0.tar", files)
    if kind == "one key in two shards":
        tar(tmp_path / "wds" / "1.tar", files)
    with pytest.raises(DatasetError, match=text):
        opened(tmp_path / "wds")


def test_a_truncated_second_shard_is_refused(tmp_path: Path) -> None:
    root, _ = LAYOUTS["webdataset"](tmp_path)
    cut(root / "val-001.tar", 2048)
    with pytest.raises(DatasetError, match=r"val-001\.tar"):
        opened(root)


def row(
    name: str | None = ONE, label: object = 65, data: object = b"x"
) -> dict[str, object]:
    return {"image": {"bytes": data, "path": name}, "label": label}


ROWS: dict[str, tuple[list[dict[str, object]], str]] = {
    "no rows": ([], "hold no row"),
    "no label": ([row(label=None)], "label of .* is None"),
    "negative": ([row(label=-1)], r"0\.\.999"),
    "too high": ([row(label=1000)], r"0\.\.999"),
    "one twice": ([row(), row()], "1 pictures are there twice"),
}


@pytest.mark.parametrize("kind", ROWS)
def test_bad_rows_are_refused(kind: str, tmp_path: Path) -> None:
    rows, text = ROWS[kind]
    with pytest.raises(DatasetError, match=text):
        opened(parquet(tmp_path / "a.parquet", rows))


def test_a_row_without_bytes_ends_the_run_by_name(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", [row(data=None)])
    with pytest.raises(ImageError, match=r"a\.parquet', row 0 of group 0: no bytes"):
        opened(path).samples[0].read()


def test_rows_without_names_are_called_by_their_place(tmp_path: Path) -> None:
    rows = [row(name=None, label=n) for n in (4, 5, 6)]
    samples = opened(parquet(tmp_path / "a.parquet", rows)).samples
    assert [s.id for s in samples] == [f"a/0000{n // 2}-00000{n % 2}" for n in range(3)]


@pytest.mark.parametrize("size", [0, 3, 100, 1000])
def test_a_truncated_parquet_shard_is_refused(size: int, tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", [row(data=b"y" * 5000)])
    with pytest.raises(DatasetError, match=r"a\.parquet': not a Parquet file"):
        opened(cut(path, size))


def test_other_columns_are_named(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet as pq

    pq.write_table(pa.table({"img": [b""], "class": [1]}), tmp_path / "a.parquet")
    with pytest.raises(DatasetError, match="has the columns class, img"):
        opened(tmp_path)


def test_a_missing_pyarrow_is_told_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = parquet(tmp_path / "a.parquet", [row()])
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingPackageError, match=r"ppim-port\[report\]"):
        opened(path)


def test_an_unreadable_archive_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = plain(tmp_path)

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    # Not by its mode: who runs as root may read everything.
    monkeypatch.setattr("eval.dataset.archive.os.open", refuse)
    with pytest.raises(DatasetError, match="cannot be read: Permission denied"):
        opened(path)


def test_a_gnu_long_name_and_pax_headers_are_read(tmp_path: Path) -> None:
    for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT):
        path = tmp_path / f"{kind}.tar"
        folder = "f" * (90 if kind == tarfile.USTAR_FORMAT else 300)
        with tarfile.open(path, "w", format=kind) as archive:
            member = tarfile.TarInfo(f"{folder}/{ONE}")
            member.size = 3
            archive.addfile(member, io.BytesIO(b"abc"))
        assert [s.read() for s in opened(path).samples] == [b"abc"]
