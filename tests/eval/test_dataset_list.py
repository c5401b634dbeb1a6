"""A flat folder with a list: every line right, every listed picture there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.dataset import open_dataset
from eval.dataset.val_list import read_list
from eval.records import Dataset
from ppim_port.errors import DatasetError
from ppim_port.imagenet import wnids

SHARED = Path(__file__).parents[3] / "shared"
SAMPLES = SHARED / "imagenet-sample"


def opened(root: Path, text: str | bytes, *names: str) -> Dataset:
    """Make the pictures `names` and a list beside the folder, and open them."""
    pictures = root / "val"
    for name in names:
        path = pictures / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not looked at here")
    val_list = root / "list.txt"
    val_list.write_bytes(text.encode() if isinstance(text, str) else text)
    return open_dataset(pictures, val_list=val_list, class_wnids=wnids())


def labels(dataset: Dataset) -> dict[str, int]:
    return {sample.id: sample.label for sample in dataset.samples}


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the samples are not at {SHARED}")
def test_sample_list_opens_whole_with_existing_files() -> None:
    dataset = open_dataset(
        SAMPLES / "val", val_list=SAMPLES / "val_list.txt", class_wnids=wnids()
    )
    assert (len(dataset.samples), dataset.layout) == (42, "list")
    assert (dataset.unlisted, dataset.ignored) == (0, ())
    assert labels(dataset)["ILSVRC2012_val_00000006.JPEG"] == 57
    assert all(sample.path.is_file() for sample in dataset.samples)


@pytest.mark.parametrize(
    "text",
    [
        "a.JPEG 1\nb.JPEG 2\n",
        "b.JPEG 2\na.JPEG 1",
        "a.JPEG 1\r\nb.JPEG 2\r\n",
        "a.JPEG\t1\nb.JPEG \t 2  \n",
        "# made by hand\n\na.JPEG 1\n   \nb.JPEG 2\n\n",
        "\ufeffa.JPEG 1\nb.JPEG 2\n",
        "./a.JPEG 1\nb.JPEG 002\n",
    ],
)
def test_ways_to_write_a_list_mean_the_same(text: str, tmp_path: Path) -> None:
    dataset = opened(tmp_path, text, "a.JPEG", "b.JPEG")
    assert list(labels(dataset).items()) == [("a.JPEG", 1), ("b.JPEG", 2)]


def test_odd_names_are_kept_as_the_index_is_the_last_field(tmp_path: Path) -> None:
    names = ["a  b 7.JPEG", "-x.JPEG", "é\u2028ü\u00a0.JPEG", " lead.JPEG"]
    text = "".join(f"{name} {n}\n" for n, name in enumerate(names))
    assert labels(opened(tmp_path, text, *names)) == {
        name: n for n, name in enumerate(names)
    }


def test_names_may_lead_into_subfolders(tmp_path: Path) -> None:
    dataset = opened(tmp_path, "x/a.JPEG 1\nb.JPEG 2\n", "x/a.JPEG", "b.JPEG")
    assert labels(dataset) == {"b.JPEG": 2, "x/a.JPEG": 1}


def test_a_partial_list_counts_what_it_leaves_out(tmp_path: Path) -> None:
    dataset = opened(
        tmp_path, "b.JPEG 2\n", "a.JPEG", "b.JPEG", "c.png", "read.me", ".hid.JPEG"
    )
    assert len(dataset.samples) == 1
    assert dataset.unlisted == 2
    assert dataset.ignored == ("read.me",)


def test_a_list_among_the_pictures_is_no_stray_file(tmp_path: Path) -> None:
    (tmp_path / "a.JPEG").touch()
    val_list = tmp_path / "val_list.txt"
    val_list.write_text("a.JPEG 3\n")
    dataset = open_dataset(tmp_path, val_list=val_list, class_wnids=wnids())
    assert dataset.ignored == ()


def test_listed_pictures_need_no_picture_suffix(tmp_path: Path) -> None:
    assert labels(opened(tmp_path, "a 3\n", "a")) == {"a": 3}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.JPEG 1\nb.JPEG\n", r"1 bad lines: .*line 2: expected `name index`"),
        ("a.JPEG one\n", r"line 1: the label 'one' of 'a.JPEG' is no whole number"),
        ("a.JPEG 1.0\n", "is no whole number"),
        ("a.JPEG ١\n", "is no whole number"),
        ("\na.JPEG 1000\n", r"line 2: label 1000 of 'a.JPEG' is not in 0..999"),
        ("a.JPEG -1\n", r"label -1 of 'a.JPEG' is not in 0..999"),
        ("a.JPEG 1\na.JPEG 1\n", r"line 2: 'a.JPEG' is listed twice"),
        ("a.JPEG 1\n./a.JPEG 2\n", r"line 2: 'a.JPEG' is listed twice"),
        ("../a.JPEG 1\n", "leads out of the folder"),
        ("/a.JPEG 1\n", "leads out of the folder"),
        ("490\n361\n171\n", r"expected 50,000 ids of 1\.\.1000, .* got 3 words"),
        ("", "the list names no picture"),
        ("# only this\n\n", "the list names no picture"),
        (b"a.JPEG 1\n\xff\xfe 2\n", "is not UTF-8"),
    ],
)
def test_a_bad_list_is_refused_with_its_lines(
    text: str | bytes, expected: str, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=expected) as caught:
        opened(tmp_path, text, "a.JPEG", "b.JPEG")
    assert "list.txt" in str(caught.value)


def test_missing_pictures_are_counted_and_the_first_named(tmp_path: Path) -> None:
    text = "a.JPEG 1\n" + "".join(f"no{n} x.JPEG {n}\n" for n in range(7))
    with pytest.raises(
        DatasetError, match="7 of 8 listed pictures are not in"
    ) as caught:
        opened(tmp_path, text, "a.JPEG")
    assert "'no0 x.JPEG'" in str(caught.value)
    assert "and 2 more" in str(caught.value)


def test_a_dead_link_is_a_missing_picture(tmp_path: Path) -> None:
    (tmp_path / "val").mkdir()
    (tmp_path / "val" / "a.JPEG").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="1 of 1 listed pictures are not in"):
        opened(tmp_path, "a.JPEG 1\n")


def test_a_missing_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.JPEG").touch()
    with pytest.raises(DatasetError, match=r"none.txt'.*No such file"):
        open_dataset(tmp_path, val_list=tmp_path / "none.txt", class_wnids=wnids())


def test_an_empty_folder_is_refused_before_the_list(tmp_path: Path) -> None:
    (tmp_path / "val").mkdir()
    with pytest.raises(DatasetError, match="the folder is empty"):
        opened(tmp_path, "a.JPEG 1\n")


NAMES = st.text(
    st.characters(exclude_characters="\n\r\0/", exclude_categories=["Cs"]), min_size=1
).filter(lambda name: name[-1] not in " \t" and name[0] != "#" and name not in "..")


@given(st.dictionaries(NAMES, st.integers(0, 999), min_size=1, max_size=5))
def test_a_written_list_reads_back(wanted: dict[str, int]) -> None:
    import tempfile

    wanted = {name: label for name, label in wanted.items() if name[0] != "\ufeff"}
    if not wanted:
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write("".join(f"{n} {k}\n" for n, k in wanted.items()).encode())
        file.flush()
        assert read_list(Path(file.name), num_classes=1000) == wanted
