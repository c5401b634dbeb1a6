"""The ledger: the five best in a fixed order, finite logits, no picture twice."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eval.ledger import Ledger, top_classes, write_csv
from eval.records import Row
from ppim_port.errors import DatasetError, OutputError, VerificationError
from ppim_port.state_dict import Array
from tests.eval.made import batch, rows_of

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
# Few values, so that ties are the rule.
TIED = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(5, 12)),
    elements=st.sampled_from([-1.0, -0.0, 0.0, 0.5, 2.0]),
)


def written(rows: list[Row], path: Path) -> list[list[str]]:
    write_csv(rows, path)
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.reader(file))


@given(TIED)
def test_top5_is_by_logit_and_then_by_class(logits: Array) -> None:
    classes = range(logits.shape[1])
    wanted = [
        [k for _, k in sorted(zip((-row).tolist(), classes, strict=True))[:5]]
        for row in logits
    ]
    assert top_classes(logits).tolist() == wanted


def test_equal_logits_of_a_thousand_classes_come_by_class() -> None:
    logits = np.zeros((1, 1000), np.float32)
    logits[0, [7, 900]] = 1
    assert top_classes(logits).tolist() == [[7, 900, 0, 1, 2]]


def test_row_keeps_id_digest_label_and_the_best_logits() -> None:
    logits = np.array([[0, 1, 2, 3, 4, 5], [9, 8, 7, 6, 5, 4]], np.float32)
    ledger = Ledger()
    ledger.append(batch("a", "b", labels=[3, 4]), logits)
    assert len(ledger) == 2
    assert list(ledger) == [
        Row(
            *("a", f"{0:064x}", 3, (5, 4, 3, 2, 1), (5.0, 4.0, 3.0, 2.0, 1.0)),
            *(3.0, 2, pytest.approx(np.logaddexp.reduce(np.arange(6.0)))),
        ),
        Row(
            *("b", f"{1:064x}", 4, (0, 1, 2, 3, 4), (9.0, 8.0, 7.0, 6.0, 5.0)),
            *(5.0, 4, pytest.approx(np.logaddexp.reduce(np.arange(4.0, 10)))),
        ),
    ]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_name_the_picture(bad: float) -> None:
    logits = np.zeros((3, 6), np.float32)
    logits[1, 5] = bad
    with pytest.raises(VerificationError, match=r"val/b: .*not finite.*the weights"):
        Ledger().append(batch("a", "b", "c"), logits)


def test_a_picture_is_not_scored_twice() -> None:
    ledger = Ledger()
    ledger.append(batch("a", "b"), np.zeros((2, 6)))
    with pytest.raises(DatasetError, match="'b' was scored twice"):
        ledger.append(batch("c", "b"), np.zeros((2, 6)))


@given(hnp.arrays(np.float32, (2, 5), elements=FLOATS))
def test_csv_gives_the_same_floats_back(logits: Array) -> None:
    import tempfile

    rows = rows_of(logits)
    with tempfile.TemporaryDirectory() as folder:
        lines = written(rows, Path(folder) / "ledger.csv")
    back = np.array([line[8:13] for line in lines[1:]], np.float32)
    best = np.take_along_axis(logits, top_classes(logits), axis=1)
    assert back.tobytes() == best.tobytes()


def test_csv_has_a_header_and_a_line_a_row(tmp_path: Path) -> None:
    logits = np.array([[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]], np.float32)
    assert written(rows_of(logits, [5]), tmp_path / "ledger.csv") == [
        [
            *("id", "sha256", "label", "top1", "top2", "top3", "top4", "top5"),
            *(f"top{place}_logit" for place in range(1, 6)),
            *("label_logit", "rank", "log_sum_exp"),
        ],
        [
            *("0", "0" * 64, "5", *"54321", "0.6", "0.5", "0.4", "0.3", "0.2"),
            *("0.6", "0", repr(rows_of(logits, [5])[0].log_sum_exp)),
        ],
    ]


@pytest.mark.parametrize(
    "name",
    ["a,b.JPEG", 'a"b".JPEG', "a\nb.JPEG", "a\r\nb", "\r", " a ", "é日本", "a\udcff"],
)
def test_csv_keeps_odd_file_names(name: str, tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.append(batch(name, "plain"), np.zeros((2, 6)))
    lines = written(list(ledger), tmp_path / "ledger.csv")
    assert [line[0] for line in lines] == ["id", name, "plain"]


def test_fewer_than_five_classes_leave_the_last_columns_empty(tmp_path: Path) -> None:
    rows = rows_of(np.array([[1, 2, 3]], np.float32), [1])
    assert rows[0].top5 == (2, 1, 0)
    line = written(rows, tmp_path / "ledger.csv")[1]
    assert line[3:13] == ["2", "1", "0", "", "", "3.", "2.", "1.", "", ""]


def test_csv_that_cannot_be_written_leaves_the_older_one(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"none/ledger.csv: cannot be written"):
        write_csv([], tmp_path / "none" / "ledger.csv")
    assert list(tmp_path.iterdir()) == []
