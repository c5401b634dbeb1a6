"""Every fault of a picture, a name or a place, through the command and a run folder.

What is no picture ends the run by its name, with what was scored before it sealed, and
mending it finishes the run; what only looks odd is scored, as the recipe says.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from eval.cli import main
from eval.journal import LEDGER_NAME, read_ledger
from tests.recipe.made import MADE, encoded, texture

pytestmark = pytest.mark.usefixtures("fake")
WNID, OTHER = "n01440764", "n01443537"
GOOD = encoded(texture(300, 260))
# Last in order, so that there are sealed batches before it.
LAST = f"{OTHER}/z.JPEG"

BROKEN: dict[str, tuple[bytes, str]] = {
    "truncated": (GOOD[: len(GOOD) // 2], "cut short"),
    "empty": (b"", "the file is empty"),
    "HTML named JPEG": (b"<html><body>404</body></html>", "it looks like HTML"),
}
ODD: dict[str, bytes] = {
    "PNG named JPEG": MADE["PNG"](),
    "CMYK": MADE["CMYK"](),
    "16-bit": MADE["16-bit PNG"](),
    "20 megapixels": MADE["20 megapixels"](),
}
NAMES = ("a b.JPEG", "new\nline.JPEG", "日本 é.JPEG", "-rf.JPEG", '";$(x)|,.JPEG')


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (f"{WNID}/a.JPEG", f"{WNID}/b.JPEG", LAST):
        path = tmp_path / "val" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(GOOD)
    return tmp_path / "val"


@pytest.fixture
def words(root: Path, made_weights: Path, tmp_path: Path) -> list[str]:
    argv = ["--model", "rednet26", "--weights", str(made_weights), "--quiet"]
    argv += ["--val-dir", str(root), "--batch-size", "1", "--run"]
    return [*argv, str(tmp_path / "run")]


def sealed(words: list[str]) -> list[str]:
    return [row.id for row in read_ledger(Path(words[-1]) / LEDGER_NAME).rows]


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of a run that ended by its last picture."""
    assert main(words) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert sealed(words) == [f"{WNID}/a.JPEG", f"{WNID}/b.JPEG"]
    assert not (Path(words[-1]) / "result.json").exists()
    return captured.err


@pytest.mark.parametrize("fault", BROKEN)
def test_what_is_no_picture_ends_the_run_and_mending_it_finishes(
    fault: str, root: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    data, why = BROKEN[fault]
    (root / LAST).write_bytes(data)
    text = refused(words, capsys)
    assert LAST in text
    assert why in text
    (root / LAST).write_bytes(GOOD)
    assert main([*words[:-2], "--json", *words[-2:]]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n"], found["scored"]) == (3, 1)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (FileNotFoundError(2, "No such file or directory"), "No such file"),
        (OSError(5, "Input/output error"), "Input/output error"),
    ],
    ids=["unreadable", "vanished", "bad disk"],
)
def test_what_cannot_be_read_ends_the_run_by_its_name(
    error: OSError,
    why: str,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    inner = Path.read_bytes

    def read(path: Path) -> bytes:
        # chmod would not stop root, which tests in containers run as.
        if path.name == "z.JPEG":
            raise error
        return inner(path)

    monkeypatch.setattr(Path, "read_bytes", read)
    text = refused(words, capsys)
    assert LAST in text
    assert why in text


@pytest.mark.parametrize("fault", ODD)
def test_what_only_looks_odd_is_scored(
    fault: str, root: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (root / LAST).write_bytes(ODD[fault])
    assert main(words) == 0
    assert sealed(words)[-1] == LAST
    rows = read_ledger(Path(words[-1]) / LEDGER_NAME).rows
    # It is that picture which was scored, and not another in its place.
    assert rows[-1].logits != rows[0].logits


def test_hostile_names_go_through_ledger_csv_and_back(
    root: Path, words: list[str], tmp_path: Path
) -> None:
    for name in NAMES:
        shutil.copy(root / LAST, root / OTHER / name)
    table = tmp_path / "-out\n.csv"
    assert main([*words, "--ledger", str(table)]) == 0
    wanted = {f"{OTHER}/{name}" for name in NAMES}
    found = sealed([*words])
    assert wanted <= set(found)
    with table.open(newline="") as file:
        assert [line["id"] for line in csv.DictReader(file)] == found
    assert main(["verify", words[-1]]) == 0


PLACES: dict[str, Callable[[Path], list[str]]] = {
    "run": lambda path: ["--run", str(path)],
    "out": lambda path: ["--out", str(path)],
    "ledger": lambda path: ["--ledger", str(path)],
    "junit": lambda path: ["--junit", str(path)],
}


@pytest.mark.parametrize("place", PLACES)
def test_a_read_only_place_is_refused_before_anything_is_scored(
    place: str,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("eval.pipeline.prepare", None)
    # /proc takes no files from anybody, root included.
    argv = [*words[:-2], *PLACES[place](Path("/proc/result"))]
    assert main(argv) in (2, 3)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "/proc/result" in captured.err
    assert "Nothing was evaluated" in captured.err


def test_the_summary_fits_one_screen(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    assert any(line.startswith("top-1 ") for line in lines)
    free = [x for x in lines if not x.startswith(("weights ", "verdict "))]
    assert max(map(len, free)) <= 80


def test_where_the_time_went_is_said(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([word for word in words if word != "--quiet"]) == 0
    line = next(x for x in capsys.readouterr().err.splitlines() if x[:5] == "time:")
    for part in ("net", "waiting for pictures", "read", "decode", "resize"):
        assert part in line
    assert np.isfinite(float(line.split()[2]))
