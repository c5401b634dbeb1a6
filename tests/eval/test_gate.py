"""The gate: two-sided, to the picture, and only for what may be compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from eval.gate import gate, missing_from_whole
from eval.records import Sample, Score, Verdict
from ppim_port.manifest import Published
from tests.eval.made import dataset, record, whole_set

WHOLE = whole_set()
PUBLISHED = record().published
TOP1, TOP5 = 37_980, 46_595  # 75.96 % and 93.19 % of 50,000.
ROOM = 50  # 0.1 percentage points of 50,000.


def judged(top1: int = TOP1, top5: int = TOP5, **options: float | str) -> Verdict:
    return gate(Score(50_000, top1, top5), PUBLISHED, **options)  # type: ignore[arg-type]


def test_the_figures_are_the_ones_that_the_tests_speak_of() -> None:
    first = PUBLISHED[0]
    assert (first.top1, first.top5, first.tolerance) == (75.96, 93.19, 0.1)


@pytest.mark.parametrize("off", [-ROOM, 0, ROOM])
def test_the_tolerance_itself_passes_on_both_sides(off: int) -> None:
    assert judged(TOP1 + off).status == "pass"
    assert judged(top5=TOP5 + off).status == "pass"


@pytest.mark.parametrize("off", [-ROOM - 1, ROOM + 1])
def test_one_picture_more_fails_on_both_sides(off: int) -> None:
    side = "above" if off > 0 else "below"
    for verdict in (judged(TOP1 + off), judged(top5=TOP5 + off)):
        assert (verdict.status, verdict.exit_code) == ("fail", 1)
        assert f"{side} its tolerance of 0.1 pp" in verdict.reason


def test_the_reason_holds_both_differences_and_the_source() -> None:
    verdict = judged(TOP1 - 25, TOP5 + 10)
    assert verdict.reason == (
        "top-1 -0.050 and top-5 +0.020 pp against official README: within its "
        "tolerance of 0.1 pp"
    )
    assert verdict.exit_code == 0


def test_rednet26s_measured_counts_pass_against_all_its_records() -> None:
    verdict = judged(37_978, 46_595)
    assert verdict.status == "pass"
    assert [c.source for c in verdict.comparisons] == [p.source for p in PUBLISHED]
    assert all(comparison.within for comparison in verdict.comparisons)


def figure(source: str, top1: float) -> Published:
    return replace(PUBLISHED[0], source=source, top1=top1)


@pytest.mark.parametrize(("first", "status"), [(75.96, "pass"), (70.0, "fail")])
def test_the_first_figure_decides_and_the_others_are_shown(
    first: float, status: str
) -> None:
    figures = [figure("authors", first), figure("others", 145.96 - first)]
    verdict = gate(Score(50_000, TOP1, TOP5), figures)
    assert verdict.status == status
    within = [comparison.within for comparison in verdict.comparisons]
    assert within == [status == "pass", status == "fail"]


@pytest.mark.parametrize(
    ("tolerance", "off", "status"),
    [(0.2, 100, "pass"), (0.2, 101, "fail"), (0.0, 0, "pass"), (0.0, -1, "fail")],
)
def test_a_tolerance_of_ones_own_replaces_that_of_each_figure(
    tolerance: float, off: int, status: str
) -> None:
    verdict = judged(TOP1 + off, tolerance=tolerance)
    assert verdict.status == status
    assert {c.tolerance for c in verdict.comparisons} == {tolerance}


def test_a_part_is_never_compared() -> None:
    verdict = judged(missing="42 of the 50,000 validation pictures")
    assert (verdict.status, verdict.comparisons) == ("partial", ())
    assert (verdict.exit_code, verdict.reason[:9]) == (0, "42 of the")


def test_another_classifier_is_never_compared() -> None:
    verdict = judged(unlike="a classifier of 10 classes", missing="a part")
    assert (verdict.status, verdict.comparisons) == ("not-comparable", ())
    assert (verdict.exit_code, verdict.reason[:12]) == (0, "a classifier")


def test_the_whole_set_misses_nothing() -> None:
    assert missing_from_whole(dataset(WHOLE)) is None
    assert missing_from_whole(dataset(WHOLE[::-1])) is None


def test_the_whole_set_may_have_any_suffix_and_folder() -> None:
    moved = [
        Sample(f"x/{s.id}", "x" / s.path.with_suffix(".png"), s.label) for s in WHOLE
    ]
    assert missing_from_whole(dataset(moved)) is None


@pytest.mark.parametrize("name", ["{}_n01751748.JPEG", "val.tar/{}", "0.parquet"])
def test_the_whole_set_is_known_by_its_ids_whatever_files_are_called(name: str) -> None:
    found = [
        replace(s, path=Path(name.format(s.id.removesuffix(".JPEG")))) for s in WHOLE
    ]
    assert missing_from_whole(dataset(found)) is None


def with_last(sample: Sample) -> tuple[Sample, ...]:
    return (*WHOLE[:-1], sample)


LAST = WHOLE[-1]
NOT_WHOLE: dict[str, tuple[tuple[Sample, ...], str]] = {
    "one less": (WHOLE[:-1], "49,999 of the 50,000 validation pictures"),
    "one more": (
        (*WHOLE, replace(LAST, id="b")),
        "50,001 of the 50,000 validation pictures",
    ),
    "another name": (
        with_last(replace(LAST, id="ILSVRC2012_val_00050001.JPEG")),
        "50,000 pictures, but ILSVRC2012_val_00050000.JPEG is not among them",
    ),
    "one twice": (
        with_last(replace(LAST, id=WHOLE[0].id)),
        "50,000 pictures, but ILSVRC2012_val_00050000.JPEG is not among them",
    ),
    "another label": (
        with_last(replace(LAST, label=0)),
        "not 50 pictures of each of 1000 classes",
    ),
    "a class less": (
        tuple(replace(s, label=max(s.label, 1)) for s in WHOLE),
        "not 50 pictures of each of 1000 classes",
    ),
}


@pytest.mark.parametrize("kind", NOT_WHOLE)
def test_what_is_not_the_whole_set_is_told_why(kind: str) -> None:
    samples, reason = NOT_WHOLE[kind]
    assert missing_from_whole(dataset(samples)) == reason
