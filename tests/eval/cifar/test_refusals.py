"""What is damaged, hostile or mislabelled is an error that names it; nothing runs."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.cifar_sets import SETS, class_names
from eval.cli import main
from eval.dataset import known_set, open_dataset
from eval.dataset.cifar.labels import check_labels
from eval.records import Dataset
from ppim_port.errors import DatasetError, ImageError, UsageError
from ppim_port.imagenet import wnids
from tests.checkpoint.canary import payload, watch
from tests.eval.cifar import made

PPM = made.ppm(made.pictures()[0])


def opened(root: Path, name: str = "cifar10", classes: int | None = None) -> Dataset:
    count = made.CLASSES.get(name, 1000) if classes is None else classes
    return open_dataset(
        root, val_list=None, class_wnids=wnids(), num_classes=count, test_set=name
    )


def tree(name: str = "cifar10", **changed: Any) -> dict[str, Any]:
    found = {**made.batch(name, made.pictures(), made.labels(name)), **changed}
    return {key: value for key, value in found.items() if value is not None}


def refused(path: Path, data: bytes, match: str, name: str = "cifar10") -> None:
    made.put(path, data)
    with pytest.raises(DatasetError, match=match) as caught:
        opened(path, name)
    assert str(path) in str(caught.value)


class Runs:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        import os

        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("where", ["labels", "batch_label", "data"])
def test_code_in_a_pickle_never_runs(where: str, protocol: int, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    data = pickle.dumps({**tree(), where: Runs(payload(canary))}, protocol)
    path = made.put(tmp_path / "test_batch", data)
    with watch() as events, pytest.raises(DatasetError, match=r"calls \w+.system"):
        opened(path)
    assert events == []
    assert not canary.exists()


def test_an_absurd_memo_and_nesting_cost_nothing(tmp_path: Path) -> None:
    path = tmp_path / "test_batch"
    refused(path, b"\x80\x02]j\x00\x00\x00\x08.", "memo entry 134217728")
    refused(path, b"\x80\x02" + b"(" * 5000 + b".", "open marks")
    doubled = b"\x80\x02}q\x00" + b"".join(b"h\x00h\x00s" for _ in range(50)) + b"."
    refused(path, doubled, "a key that is neither")


def test_an_array_that_claims_more_than_the_file_is_refused(tmp_path: Path) -> None:
    whole = made.original(tree())
    shape = b"J" + (7).to_bytes(4, "little") + b"M\x00\x0c"
    assert whole.count(shape) == 1
    bomb = whole.replace(shape, b"J" + (10**6).to_bytes(4, "little") + b"M\x00\x0c")
    refused(tmp_path / "test_batch", bomb, "times the file")
    less = whole.replace(shape, b"J" + (8).to_bytes(4, "little") + b"M\x00\x0c")
    refused(tmp_path / "test_batch", less, "24576 elements of uint8 expected")


def test_every_cut_of_a_pickle_is_refused(tmp_path: Path) -> None:
    whole = made.original(tree())
    for size in (0, 1, 2, 50, len(whole) // 2, len(whole) - 1):
        data = whole[:size]
        made.put(tmp_path / "test_batch", data)
        with pytest.raises(DatasetError):
            opened(tmp_path / "test_batch")


def test_a_pickle_with_more_behind_it_is_refused(tmp_path: Path) -> None:
    data = made.original(tree()) + b"\x80\x02]."
    refused(tmp_path / "test_batch", data, "bytes follow the end of the pickle")


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"labels": None}, "no 'labels', which CIFAR-10 has; there are 'batch_label'"),
        ({"labels": [0, 1]}, "7 pictures, 2 labels"),
        ({"labels": [0.5] * 7}, "no list of whole numbers"),
        ({"labels": [True] * 7}, "no list of whole numbers"),
        ({"labels": [0, 1, 2, 3, 4, 5, 10]}, "1 labels are not in 0..9: 'picture 6"),
        ({"labels": [0, 1, 2, 3, 4, 5, -1]}, "1 labels are not in 0..9: 'picture 6"),
        ({"data": None}, "no array under 'data'"),
        ({"data": np.zeros((7, 3072), np.float32)}, r"'data' is float32 \[7, 3072\]"),
        ({"data": np.zeros((7, 1024), np.uint8)}, r"'data' is uint8 \[7, 1024\]"),
        ({"data": np.array([None] * 7)}, "numpy dtype"),
        ({"data": np.zeros((0, 3072), np.uint8), "labels": []}, "holds no picture"),
        ({"batch_label": "training batch 3 of 5"}, "calls itself 'training batch 3"),
    ],
)
def test_tables_that_do_not_fit_are_refused(
    changed: dict[str, Any], match: str, tmp_path: Path
) -> None:
    refused(tmp_path / "test_batch", pickle.dumps(tree(**changed), 3), match)


def test_protocols_that_are_not_read_are_named(tmp_path: Path) -> None:
    path = tmp_path / "test_batch"
    refused(path, pickle.dumps(tree(), 5), "pickle protocol 5")
    made.put(path, b"garbage")
    with pytest.raises(DatasetError, match="no test pictures of CIFAR-10"):
        opened(path)


@pytest.mark.parametrize("name", made.CLASSES)
def test_a_cut_binary_file_is_refused(name: str, tmp_path: Path) -> None:
    data = made.rows(name, made.pictures(), made.labels(name))
    path = tmp_path / f"{made.FOLDERS[name][2]}.bin"
    refused(path, data[:-1], "are left over", name)
    refused(path, data[:100], "100 bytes are no whole number", name)


def test_the_other_sets_binary_file_is_named(tmp_path: Path) -> None:
    data = made.rows("cifar100", made.pictures(), made.labels("cifar100"))
    path = made.put(tmp_path / "test_batch.bin", data)
    with pytest.raises(DatasetError, match="It fits CIFAR-100: pass --dataset"):
        opened(path)


def test_a_shifted_binary_file_is_refused(tmp_path: Path) -> None:
    data = made.rows("cifar100", made.pictures(), made.labels("cifar100"))
    broken = bytes([200]) + data[1:]
    refused(
        tmp_path / "test.bin", broken, "coarse label of picture 0 is 200", "cifar100"
    )


def test_coarse_labels_do_not_pass_for_fine_ones(tmp_path: Path) -> None:
    coarse = [at % 20 for at in range(250)]
    with pytest.raises(DatasetError, match="these are the 20 coarse labels"):
        check_labels("x", coarse, SETS["cifar100"])
    path = made.shard(
        tmp_path / "test.parquet",
        {"img": [made.png(made.pictures()[0])], "coarse_label": [3]},
    )
    with pytest.raises(DatasetError, match=r"Expected img .* fine_label or label"):
        opened(path, "cifar100")


@pytest.mark.parametrize("name", made.CLASSES)
def test_a_whole_set_of_other_counts_is_refused(name: str) -> None:
    given = [at % made.CLASSES[name] for at in range(10_000)]
    given[0] = 5
    with pytest.raises(DatasetError, match=r"of class 0, expected 1,?0?00 of each"):
        check_labels("x", given, SETS[name])
    with pytest.raises(DatasetError, match="Is it the training set"):
        check_labels("x", [*given, 1], SETS[name])


def test_shuffled_cifar10_is_refused() -> None:
    with pytest.raises(DatasetError, match="not those of CIFAR-10's test set in its"):
        check_labels("x", [at % 10 for at in range(1000)], SETS["cifar10"])


@pytest.mark.parametrize("form", ["python", "binary"])
def test_other_class_names_are_refused(form: str, tmp_path: Path) -> None:
    root = made.FORMS[form](tmp_path, "cifar10")
    names = list(class_names(SETS["cifar10"]))
    swapped = [names[1], names[0], *names[2:]]
    if form == "python":
        meta = root / "cifar-10-batches-py" / "batches.meta"
        spell = lambda given: made.original({"label_names": given, "num_vis": 7})  # noqa: E731
    else:
        meta = root / "cifar-10-batches-bin" / "batches.meta.txt"
        spell = lambda given: "\n".join([*given, ""]).encode()  # noqa: E731
    made.put(meta, spell(names))
    assert len(opened(root).samples) == 7
    made.put(meta, spell(swapped))
    with pytest.raises(DatasetError, match="number 0 is not CIFAR-10's"):
        opened(root)


@pytest.mark.parametrize(
    "data",
    [
        made.png(made.pictures()[0])[:-20],
        made.png(made.pictures()[0][:16]),
        made.png(made.pictures()[0][:, :, :1]),
        made.png(made.pictures()[0]).replace(b"\0\0\0\x20", b"\x7f\0\0\0", 2),
        made.png(made.pictures()[0])[:60] + made.png(made.pictures()[0])[-60:],
        PPM,
    ],
    ids=["cut", "small", "grey", "huge", "hollow", "no PNG"],
)
def test_a_cell_that_is_no_such_png_is_named(data: bytes, tmp_path: Path) -> None:
    path = made.shard(tmp_path / "test.parquet", {"img": [data], "label": [3]})
    sample = opened(path).samples[0]
    with pytest.raises(ImageError, match="row 0 of group 0: no whole PNG of 32 x 32"):
        sample.read()


def test_an_archive_that_is_cut_or_damaged_is_refused(tmp_path: Path) -> None:
    path = made.archive_binary(tmp_path, "cifar10")
    whole = path.read_bytes()
    refused(path, whole[:-4], "a damaged one")
    refused(path, whole[: len(whole) // 2], "a damaged one")
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    refused(path, bytes(flipped), "a damaged one")


def test_an_archive_without_the_test_pictures_is_refused(tmp_path: Path) -> None:
    path = made.packed(tmp_path / "cifar-10-python.tar.gz", {"a/data_batch_1": b"x"})
    with pytest.raises(DatasetError, match="holds no 'test_batch'"):
        opened(path)


def test_an_archive_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.dataset.cifar.packed._MOST", 100_000)
    files = {"a/test_batch.bin": b"", "a/zeros": bytes(1_000_000)}
    path = made.packed(tmp_path / "cifar-10-binary.tar.gz", files)
    with pytest.raises(DatasetError, match="unpacks to more than 100,000 bytes"):
        opened(path)


def test_a_member_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.dataset.cifar.packed._MOST_OF_ONE", 10)
    path = made.archive_binary(tmp_path, "cifar10")
    with pytest.raises(DatasetError, match="has 21,511 bytes: not the published"):
        opened(path)


def test_a_net_of_other_classes_is_refused(tmp_path: Path) -> None:
    root = made.binary(tmp_path, "cifar10")
    with pytest.raises(DatasetError, match="has 10 classes, the net has 1000"):
        opened(root, classes=1000)


def test_a_cifar_folder_is_no_imagenet(tmp_path: Path) -> None:
    root = made.binary(tmp_path, "cifar10")
    with pytest.raises(DatasetError, match="--dataset cifar10"):
        opened(root, "ilsvrc2012", 1000)


def test_two_sets_in_one_folder_must_be_named(tmp_path: Path) -> None:
    made.binary(made.binary(tmp_path, "cifar10"), "cifar100")
    with pytest.raises(DatasetError, match="holds cifar10 and cifar100"):
        known_set(tmp_path)
    assert len(opened(tmp_path, "cifar100").samples) == 7


def test_two_forms_in_one_folder_must_be_named(tmp_path: Path) -> None:
    made.binary(made.python(tmp_path, "cifar10"), "cifar10")
    with pytest.raises(DatasetError, match=r"lies there 2 times: .*--layout"):
        opened(tmp_path)


def test_a_list_or_another_sets_layout_is_a_usage_error(tmp_path: Path) -> None:
    root = made.binary(tmp_path, "cifar10")
    labels = made.put(tmp_path / "list.txt", b"x 1\n")
    with pytest.raises(UsageError, match="has labels of its own"):
        open_dataset(root, val_list=labels, class_wnids=wnids(), test_set="cifar10")
    with pytest.raises(UsageError, match="goes with --dataset cifar10 or cifar100"):
        open_dataset(
            made.put(tmp_path / "y" / "z", b"").parent,
            val_list=None,
            class_wnids=wnids(),
            layout="cifar-binary",
        )


def test_the_programs_exit_code_is_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made.put(tmp_path / "test_batch", made.original(tree())[:-9])
    assert main(["check", "--val-dir", str(tmp_path)]) == 3
    assert "Take the original of https://www.cs.toronto.edu" in capsys.readouterr().err
