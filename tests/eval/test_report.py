"""The summary and the object say the same, and nothing that was not measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eval.gate import gate
from eval.records import Request, Result, Score
from eval.report import as_json, result_object, summary, write_json
from ppim_port.errors import OutputError
from ppim_port.manifest import load_manifest
from ppim_port.recipe import recipe_from_dict
from tests.eval.made import dataset, record, whole_set

WHOLE = Score(50_000, 37_978, 46_595)


def result(score: Score = WHOLE, *, missing: str | None = None) -> Result:
    model = record()
    recipe = load_manifest().recipes[model.recipe]
    return Result(
        request=Request("rednet26", Path("val"), framework="torch", batch_size=4),
        record=model,
        recipe=recipe_from_dict(model.recipe, recipe),
        dataset=dataset(whole_set()[:1]),
        framework_version="2.13.0",
        weights=Path("w.pth"),
        weights_sha256="ab" * 32,
        score=score,
        verdict=gate(score, model.published, missing=missing),
        seconds=400.0,
        rows=(),
    )


PASSED = result()
FAILED = result(Score(50_000, 37_000, 46_595))
PARTIAL = result(Score(42, 30, 40), missing="42 of the 50,000 validation pictures")


def test_object_holds_counts_percentages_and_the_verdict() -> None:
    found = result_object(PASSED)
    wanted = {
        "model": "rednet26",
        "framework": "torch",
        "recipe": "rednet-official",
        "n": 50_000,
        "top1_correct": 37_978,
        "top5_correct": 46_595,
        "top1": 75.956,
        "top5": 93.19,
        "verdict": "pass",
        "images_per_second": 125.0,
        "seconds": 400.0,
        "batch_size": 4,
        "weights": {"path": "w.pth", "sha256": "ab" * 32},
    }
    assert {key: found[key] for key in wanted} == wanted
    assert found["versions"]["torch"] == "2.13.0"
    assert found["recipe_fingerprint"] == PASSED.recipe.fingerprint()


def test_object_compares_with_every_published_figure() -> None:
    found = result_object(PASSED)
    assert [c["source"] for c in found["comparisons"]] == [
        figure["source"] for figure in found["published"]
    ]
    assert found["comparisons"][0]["top1_difference"] == pytest.approx(-0.004)


def test_object_of_a_part_holds_no_comparison() -> None:
    found = result_object(PARTIAL)
    assert (found["verdict"], found["comparisons"]) == ("partial", [])
    assert len(found["published"]) == 4


def test_written_file_is_the_printed_object(tmp_path: Path) -> None:
    write_json(PASSED, tmp_path / "out.json")
    text = (tmp_path / "out.json").read_text("ascii")
    assert text == as_json(PASSED) + "\n"
    assert json.loads(text) == json.loads(json.dumps(result_object(PASSED)))


@pytest.mark.parametrize("name", ["日本 é.pth", 'a"\n.pth', "a\udcff.pth"])
def test_no_file_name_breaks_the_object(name: str, tmp_path: Path) -> None:
    odd = replace(PASSED, weights=Path(name))
    write_json(odd, tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_bytes())
    assert found["weights"]["path"] == name


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"none/out.json: cannot be written"):
        write_json(PASSED, tmp_path / "none" / "out.json")


def test_summary_shows_accuracy_counts_and_speed() -> None:
    text = summary(PASSED)
    for essential in (
        "rednet26 in torch 2.13.0, recipe rednet-official",
        "top-1    75.956 %  (37,978 of 50,000)",
        "top-5    93.190 %  (46,595 of 50,000)",
        "speed    125.0 images/s, 400.0 s",
        "verdict  PASS: ",
    ):
        assert essential in text


@pytest.mark.parametrize(("shown", "word"), [(PASSED, "within"), (FAILED, "OUTSIDE")])
def test_summary_marks_each_published_figure(shown: Result, word: str) -> None:
    lines = summary(shown).splitlines()
    for figure in shown.record.published:
        line = next(line for line in lines if line.startswith(figure.source))
        assert line.endswith(word)


def test_summary_of_a_part_shows_the_figures_without_a_difference() -> None:
    text = summary(PARTIAL)
    assert "published by (50,000 pictures)" in text
    assert "verdict  PARTIAL: 42 of the 50,000 validation pictures" in text
    assert "diff" not in text
