"""A plan shows every key's fate once, and leaves no trace."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.convert.conftest import Ran
from tests.convert.made import listing
from tests.support.states import PUBLISHED_COUNTS, VARIANTS, made_state, rednet

Run = Callable[..., Ran]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("words", [[], ["--json"], ["--quiet"], ["--force"]])
def test_it_writes_nothing_anywhere(
    words: list[str], here: Path, official: Path, run: Run
) -> None:
    (here / "rednet26.pdparams").write_text("precious")
    before = listing(here.parent), listing(official.parent)
    assert run("rednet26", "--plan", *words).code == 0
    assert run("rednet26", "--plan", "--checkpoint", official, *words).code == 0
    assert (listing(here.parent), listing(official.parent)) == before


def test_every_key_of_both_sides_is_shown_once(official: Path, run: Run) -> None:
    table = run("rednet26", "--plan", "--checkpoint", official).out
    rows = [line.split() for line in table.split("\n\n")[0].splitlines()[2:]]
    shown = Counter(row[0] for row in rows), Counter(row[2] for row in rows)
    source = Counter(made_state(rednet(), "official").keys())
    target = Counter(made_state(rednet(), "paddle").keys())
    assert shown == (source, target + Counter({"-": 40}))


def test_a_row_says_what_why_and_how_large(official: Path, run: Run) -> None:
    lines = run("rednet26", "--plan", "--checkpoint", official).out.splitlines()
    row = next(line for line in lines if line.startswith("head.fc.weight "))
    assert row.split()[:5] == [
        "head.fc.weight",
        "transpose",
        "fc.weight",
        "2048x1000",
        "float32",
    ]
    assert row.endswith(
        "Linear is [out, in] in PyTorch and [in, out] in Paddle and Keras"
    )
    counter = next(line for line in lines if "num_batches_tracked" in line)
    assert counter.split()[1:5] == ["drop", "-", "scalar", "int64"]
    assert counter.endswith("no counterpart in the target; evaluation never reads it")


def test_the_totals_and_the_source_close_it(official: Path, run: Run) -> None:
    lines = run("rednet26", "--plan", "--checkpoint", official).out.splitlines()
    assert lines[-2:] == [
        "251 source, 40 dropped, 211 target (210 rename, 40 drop, 1 transpose)",
        f"{official} (file, pth-zip, official names) -> paddle",
    ]


@pytest.mark.parametrize("variant", VARIANTS)
def test_without_a_file_the_published_layout_is_planned(variant: str, run: Run) -> None:
    shown = json.loads(run(f"rednet{variant}", "--plan", "--json").out)
    assert tuple(shown["keys"].values()) == PUBLISHED_COUNTS[variant][:3]
    assert shown["source"] is None
    assert shown["naming"] == "official"


def test_the_published_layout_is_that_of_the_official_file(
    official: Path, run: Run
) -> None:
    of_file = json.loads(
        run("rednet26", "--plan", "--json", "--checkpoint", official).out
    )
    assert (
        json.loads(run("rednet26", "--plan", "--json").out)["fates"]
        == (of_file["fates"])
    )


def test_without_a_file_it_says_so(run: Run) -> None:
    out = run("rednet26", "--plan").out
    assert out.endswith(
        "planned from the official layout as published; no file was read\n"
    )


def test_the_object_says_where_it_would_write(
    official: Path, tmp_path: Path, run: Run
) -> None:
    words = ("--to", "safetensors", "--framework", "torch", "--out", tmp_path)
    ran = run("rednet26", "--plan", "--json", "--checkpoint", official, *words)
    shown = json.loads(ran.out)
    assert shown["written"] is None
    assert shown["out"] == str(tmp_path / "rednet26.safetensors")
    assert shown["framework"] == "torch"
    assert shown["source"]["path"] == str(official)
    assert shown["source"]["trust"] == "given by the user"
    assert ran.err == ""


def test_the_table_and_the_object_tell_the_same_fates(official: Path, run: Run) -> None:
    words = ("rednet26", "--plan", "--checkpoint", official)
    fates = json.loads(run(*words, "--json").out)["fates"]
    rows = run(*words).out.splitlines()[2 : 2 + len(fates)]
    for row, fate in zip(rows, fates, strict=True):
        assert row.split()[:3] == [
            fate["source"] or "-",
            fate["action"],
            fate["target"] or "-",
        ]


def test_quiet_prints_nothing(official: Path, run: Run) -> None:
    words = ("rednet26", "--plan", "--checkpoint", official, "--quiet")
    assert run(*words) == Ran(0, "", "")


def test_the_wrong_model_is_bad_input_with_the_right_ones_name(
    official: Path, run: Run
) -> None:
    ran = run("rednet50", "--plan", "--checkpoint", official)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith(f"convert: error: {official}: its 251 keys do not fit")
    assert ran.err.endswith("These keys fit rednet26: ask for that model instead.\n")
