"""`evaluate report`: the same numbers in every form, from a verified run alone."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.cli import main
from eval.commands.report import build
from eval.ledger import row_of
from eval.records import Row, Sample
from eval.reporting import ClassNames, sections
from eval.reporting.shape import SHAPE, json_schema, problems
from eval.scores import all_scores
from eval.verification import verify
from tests.eval.reporting.made import CLASSES, digest, made_rows, run_folder

ROOT = Path(__file__).parents[3]
ROWS = made_rows()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_folder(tmp_path_factory.mktemp("runs") / "new", ROWS)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_folder(tmp_path_factory.mktemp("runs") / "old", made_rows(seed=1))


def report(run: Path, **options: Path) -> dict[str, Any]:
    return build(verify(run), **options)


def test_json_holds_the_scores_and_fits_its_shape(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    assert main(["report", str(run), "--json", str(path)]) == 0
    found = json.loads(path.read_text())
    assert list(problems(found, SHAPE)) == []
    scores = all_scores(ROWS)
    for name in ("likelihood", "calibration", "risk_coverage", "classes"):
        assert found[name] == scores[name]
    assert found["verdict"]["status"] == "partial"
    assert found["recipe"]["crop_size"] == "224"
    assert found["environment"]["versions.torch"] == "2.13.0"


def test_the_published_schema_is_the_one_in_force() -> None:
    shipped = (files("eval.reporting") / "report.schema.json").read_text("utf-8")
    assert json.loads(shipped) == json_schema()
    assert json_schema()["properties"]["summary"]["properties"]["n"] == {
        "type": "integer",
        "minimum": 0,
        "maximum": 1e15,
    }


def test_equal_ledgers_give_equal_bytes(old: Path, run: Path, tmp_path: Path) -> None:
    copy = run_folder(tmp_path / "elsewhere", ROWS)
    forms = ["html", "markdown", "json"]
    for place, folder in (("a", run), ("b", copy)):
        words = [
            word
            for form in forms
            for word in (f"--{form}", f"{tmp_path / place}.{form}")
        ]
        assert main(["report", str(folder), "--baseline", str(old), *words]) == 0
    for form in forms:
        first, second = (tmp_path / f"{place}.{form}" for place in "ab")
        assert first.read_bytes() == second.read_bytes()


def test_without_a_form_it_is_markdown_on_the_terminal(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(run)]) == 0
    out = capsys.readouterr().out
    counts = all_scores(ROWS)["summary"]
    assert f"**Top-1**: {counts['top1']:.3f} %" in out
    assert "## Risk and coverage" in out


def test_a_ledger_alone_has_scores_and_no_verdict(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "moved.jsonl"
    shutil.copy(run / "ledger.jsonl", path)
    found = report(path)
    assert found["verdict"] is None
    assert found["published"] == []
    assert found["summary"] == report(run)["summary"]


def test_a_result_that_is_not_its_ledgers_is_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(run, tmp_path / "forged"))
    path = folder / "result.json"
    found = json.loads(path.read_text())
    found["top1_correct"] += 1
    path.write_text(json.dumps(found, indent=2) + "\n")
    page = tmp_path / "page.html"
    assert main(["report", str(folder), "--html", str(page)]) == 1
    assert "top1_correct" in capsys.readouterr().err
    assert not page.exists()


def test_worst_pictures_are_the_wrong_ones_most_confident_first(run: Path) -> None:
    found = report(run)["pictures"]
    wrong = {row.id for row in ROWS if row.label != row.top5[0]}
    assert found["total"] == len(wrong)
    assert {each["id"] for each in found["shown"]} <= wrong
    sure = [each["confidence"] for each in found["shown"]]
    assert sure == sorted(sure, reverse=True)


def test_a_baseline_shows_what_flipped(run: Path, old: Path) -> None:
    found = report(run, baseline=old)
    before = {row.id: row for row in made_rows(seed=1)}
    now = {row.id: row for row in ROWS}
    broken = {i for i in now if before[i].rank == 0 < now[i].rank}
    mended = {i for i in now if before[i].rank > 0 == now[i].rank}
    assert found["baseline"]["broken"] == len(broken) > 0
    assert found["baseline"]["mended"] == len(mended) > 0
    change = 100 * (len(mended) - len(broken)) / len(now)
    assert found["baseline"]["net_change"] == pytest.approx(change)
    shown = found["pictures"]["shown"]
    assert {each["id"] for each in shown if each["change"] == "broken"} == broken
    kinds = [each["change"] for each in shown]
    assert kinds == sorted(kinds, key=("broken", "mended", "moved").index)
    assert all(each["before"] == before[each["id"]].top5[0] for each in shown)


def test_real_labels_are_added(tmp_path: Path) -> None:
    names = [f"ILSVRC2012_val_{number:08d}.JPEG" for number in range(1, 61)]
    folder = run_folder(tmp_path / "run", made_rows(names=names))
    path = tmp_path / "real.json"
    path.write_text(json.dumps([[]] * 10 + [[0]] * 49_990))
    found = report(folder, real=path)["real"]
    expected = sum(row.top5[0] == 0 for row in made_rows(names=names)[10:])
    assert (found["n"], found["unlabelled"]) == (50, 10)
    assert found["correct"] == expected > 0


def test_real_labels_of_other_pictures_are_refused(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "real.json"
    path.write_text(json.dumps([[0]] * 50_000))
    assert main(["report", str(run), "--real", str(path)]) == 3


def test_one_picture_makes_a_whole_report(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", made_rows(1))
    page = tmp_path / "page.html"
    assert main(["report", str(folder), "--html", str(page)]) == 0
    assert page.stat().st_size > 10_000


def test_a_net_of_a_few_classes_has_no_superclasses_beyond_1000(
    tmp_path: Path,
) -> None:
    found = all_scores([_strange()])
    assert found["superclasses"] is None


def _strange() -> Row:
    logits = np.zeros(1001, np.float32)
    logits[1000] = 1
    return row_of(Sample("a", Path("a"), 1000), digest("a"), logits)


def test_every_label_of_a_report_is_explained_in_the_docs(
    run: Path, old: Path, tmp_path: Path
) -> None:
    text = (ROOT / "docs" / "evaluation.md").read_text("utf-8")
    names = [f"ILSVRC2012_val_{number:08d}.JPEG" for number in range(1, 61)]
    val = run_folder(tmp_path / "val", made_rows(names=names))
    real = tmp_path / "real.json"
    real.write_text(json.dumps([[0]] * 50_000))
    reports = [report(val, real=real), report(run, baseline=old)]
    labels = {
        label
        for each in reports
        for section in sections(each, ClassNames())
        for label in (
            section.heading,
            *(() if section.listed else (label for label, _ in section.facts)),
            *(name for t in section.tables if t.fixed for name in t.header),
        )
    }
    assert len(labels) > 60
    assert sorted(name for name in labels if f"**{name}**" not in text) == []


@pytest.mark.parametrize("option", ["--html", "--markdown", "--json"])
def test_no_form_is_written_over_an_input(
    run: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = run / "ledger.jsonl"
    before = ledger.read_bytes()
    assert main(["report", str(run), option, str(ledger)]) == 2
    assert "named twice" in capsys.readouterr().err
    assert ledger.read_bytes() == before


def test_two_forms_in_one_file_are_refused(run: Path, tmp_path: Path) -> None:
    path = str(tmp_path / "x")
    assert main(["report", str(run), "--html", path, "--json", path]) == 2


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_a_missing_package_is_named_with_its_command(
    run: Path,
    tmp_path: Path,
    package: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    page = tmp_path / "page.html"
    assert main(["report", str(run), "--html", str(page)]) == 2
    assert f"pip install {package}" in capsys.readouterr().err
    assert not page.exists()


def test_names_are_words_with_the_id(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("n01440764 tench, Tinca tinca\n")
    out = tmp_path / "report.md"
    words = ["--names", str(path), "--markdown", str(out)]
    assert main(["report", str(run), *words]) == 0
    assert "tench (n01440764)" in out.read_text("utf-8")
    path.write_text("tench\n")
    assert main(["report", str(run), *words]) == 3


def test_markdown_tables_hold_together_with_hostile_names(tmp_path: Path) -> None:
    names = ["| x | y |\n# big", "`code` <b>", "[a](http://x)"]
    out = tmp_path / "report.md"
    folder = run_folder(tmp_path / "run", made_rows(names=names, seed=3))
    assert main(["report", str(folder), "--markdown", str(out)]) == 0
    widths: dict[str, set[int]] = {}
    for block in out.read_text("utf-8").split("\n\n"):
        for line in block.splitlines():
            if line.startswith("|"):
                bars = len(re.findall(r"(?<!\\)\|", line))
                widths.setdefault(block, set()).add(bars)
    assert widths
    assert all(len(found) == 1 for found in widths.values())


def test_scores_and_markdown_need_no_report_package() -> None:
    kept = set(sys.modules)
    importlib.import_module("eval.commands.report")
    assert not {"matplotlib", "jinja2"} & (set(sys.modules) - kept)


@pytest.mark.slow
def test_fifty_thousand_pictures_are_reported_in_a_minute(tmp_path: Path) -> None:
    import time

    some = made_rows(2000)
    rows = [
        Row(**{**{s: getattr(row, s) for s in Row.__slots__}, "id": f"{n:02}/{row.id}"})
        for n in range(25)
        for row in some
    ]
    folder = run_folder(tmp_path / "run", rows)
    begun = time.perf_counter()
    page = tmp_path / "page.html"
    assert main(["report", str(folder), "--html", str(page)]) == 0
    assert time.perf_counter() - begun < 60
    assert page.stat().st_size < 3e6
    assert CLASSES == 1000
