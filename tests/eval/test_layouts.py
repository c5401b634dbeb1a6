"""The same pictures are the same samples, rows and ledger in every layout."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from eval.dataset import open_dataset
from eval.dataset.parquet import RowGroups
from eval.layout_names import LAYOUTS as NAMES
from eval.pipeline import evaluate
from eval.records import Dataset, Layout, Request
from ppim_port.errors import DatasetError, UnknownNameError, UsageError
from ppim_port.imagenet import wnids
from ppim_port.validation_set import official_name
from tests.eval.sets import LABELS, LAYOUTS, PICTURES, Made, listed, put, tar

SHARED = Path(__file__).parents[3] / "shared" / "imagenet-sample"


def opened(made: Made, layout: str | None = None) -> Dataset:
    root, val_list = made
    return open_dataset(root, val_list=val_list, class_wnids=wnids(), layout=layout)  # type: ignore[arg-type]


def test_the_command_line_knows_every_layout() -> None:
    # The last two are of CIFAR, which `tests/eval/cifar` has.
    assert get_args(Layout) == NAMES
    assert NAMES[:-2] == tuple(LAYOUTS)


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_samples_are_the_same(layout: str, named: bool, tmp_path: Path) -> None:
    dataset = opened(LAYOUTS[layout](tmp_path), layout if named else None)
    assert dataset.layout == layout
    assert [(s.id, s.label) for s in dataset.samples] == sorted(LABELS.items())
    assert {s.id: s.read() for s in dataset.samples} == PICTURES
    assert (dataset.ignored, dataset.unlisted) == ((), 0)


@pytest.mark.usefixtures("fake")
def test_the_ledger_is_the_same_to_the_byte(tmp_path: Path, made_weights: Path) -> None:
    ledgers = {}
    for layout, make in LAYOUTS.items():
        place = tmp_path / layout
        place.mkdir()
        root, val_list = make(place)
        run = place / "run"
        request = Request(
            "rednet26", root, val_list, weights=made_weights, batch_size=2, run=run
        )
        evaluate(request)
        ledgers[layout] = (run / "ledger.jsonl").read_bytes()
    assert len(set(ledgers.values())) == 1
    assert ledgers["flat"].count(b"ILSVRC2012_val_") == len(PICTURES)


@pytest.mark.usefixtures("fake")
def test_another_recipe_is_never_compared(tmp_path: Path, made_weights: Path) -> None:
    from eval.report import summary

    root, _ = LAYOUTS["flat"](tmp_path)
    own = Request("rednet26", root, weights=made_weights)
    assert evaluate(own).verdict.status == "partial"
    assert evaluate(replace(own, recipe="ppim-hapi")).verdict.status == "partial"
    other = evaluate(replace(own, recipe="torchvision-pil"))
    assert other.verdict.status == "not-comparable"
    assert other.verdict.reason.startswith("recipe torchvision-pil (")
    assert "published by" not in summary(other)


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no pictures at {SHARED}")
def test_the_shared_pictures_have_the_labels_of_their_list() -> None:
    flat = opened((SHARED / "val", None))
    by_list = opened((SHARED / "val", SHARED / "val_list.txt"))
    assert (flat.layout, by_list.layout) == ("flat", "list")
    assert flat.samples == by_list.samples


def test_archives_may_lie_in_a_folder_or_be_named(tmp_path: Path) -> None:
    root, _ = LAYOUTS["tar"](tmp_path / "x")
    assert opened((root.parent, None)).layout == "tar"
    folder, _ = LAYOUTS["parquet"](tmp_path)
    shard = min(folder.iterdir())
    assert len(opened((shard, None)).samples) == 3


def test_a_tar_takes_labels_from_a_list(tmp_path: Path) -> None:
    root = tar(tmp_path / "x.tar", [("a.jpg", b"1"), ("b/c.jpg", b"2"), ("d.jpg", b"")])
    names = tmp_path / "list.txt"
    names.write_text("b/c.jpg 7\na.jpg 8\n")
    dataset = opened((root, names))
    assert [(s.id, s.label, s.read()) for s in dataset.samples] == [
        ("a.jpg", 8, b"1"),
        ("b/c.jpg", 7, b"2"),
    ]
    assert dataset.unlisted == 1
    names.write_text("gone.jpg 7\n")
    with pytest.raises(DatasetError, match=r"1 of 1 listed .*'gone.jpg'"):
        opened((root, names))


def test_many_threads_read_one_archive(tmp_path: Path) -> None:
    for layout in ("tar", "parquet"):
        samples = opened(LAYOUTS[layout](tmp_path / layout)).samples * 20
        with ThreadPoolExecutor(8) as pool:
            read = pool.map(lambda sample: sample.read(), samples)
        assert list(read) == [PICTURES[sample.id] for sample in samples]


def test_row_groups_are_kept_within_bounds_and_decoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import eval.dataset.parquet as module

    folder, _ = LAYOUTS["parquet"](tmp_path)
    shard = min(folder.iterdir())
    decoded: list[int] = []
    lock = threading.Lock()
    inner = module.open_shard

    def spy(path: Path) -> object:
        with lock:
            decoded.append(1)
        return inner(path)

    monkeypatch.setattr(module, "open_shard", spy)
    roomy, tight = RowGroups(), RowGroups(most=1)
    for groups, expected in ((roomy, 2), (tight, 4)):
        decoded.clear()
        for group in (0, 1, 0, 1):
            groups.get(shard, group, "image.bytes")
        assert len(decoded) == expected


def test_a_folder_of_the_publishers_names_is_still_the_same_picture(
    tmp_path: Path,
) -> None:
    put(tmp_path, {"n01751748/ILSVRC2012_val_00000001_n01751748.JPEG": b""})
    assert [s.id for s in opened((tmp_path, None)).samples] == [official_name(1)]


def test_an_unknown_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean folders"):
        opened(LAYOUTS["flat"](tmp_path), "folder")


@pytest.mark.parametrize("layout", ["folders", "flat", "parquet", "webdataset"])
def test_a_list_beside_a_layout_that_has_labels_is_refused(
    layout: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="has labels of its own"):
        opened(listed(tmp_path), layout)


@pytest.mark.parametrize("layout", ["parquet", "tar", "webdataset"])
def test_a_layout_that_is_not_there_is_refused(layout: str, tmp_path: Path) -> None:
    root, _ = LAYOUTS["flat"](tmp_path)
    with pytest.raises(DatasetError, match="needs a"):
        opened((root, None), layout)


def test_a_list_is_needed_where_the_layout_says_so(tmp_path: Path) -> None:
    root, _ = LAYOUTS["flat"](tmp_path)
    with pytest.raises(UsageError, match="needs --val-list"):
        opened((root, None), "list")


def test_the_devkits_file_is_found_among_the_pictures(tmp_path: Path) -> None:
    root, truth = LAYOUTS["devkit"](tmp_path)
    assert truth is not None
    shutil.move(truth, root / "ILSVRC2012_validation_ground_truth.txt")
    dataset = opened((root, None), "devkit")
    assert (dataset.layout, dataset.ignored) == ("devkit", ())
