"""The sections that scores fill: classes, superclasses, calibration, risk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eval.reporting.names import ClassNames
from eval.reporting.parts import Report, Section, Table
from eval.reporting.text import counted, percent, share

HARDEST = 15


def classes_section(report: Report, names: ClassNames) -> Section:
    """What each class came to, the hardest first."""
    classes = report["classes"]
    hardest = sorted(classes, key=lambda each: (each["accuracy"], each["index"]))
    accuracies = [each["accuracy"] for each in hardest]
    facts = (
        ("Classes", f"{len(classes):,}"),
        ("Lowest class", percent(accuracies[0])),
        ("Median class", percent(accuracies[len(accuracies) // 2])),
        ("Never right", f"{sum(a == 0 for a in accuracies):,}"),
    )
    tables = [_class_table("The hardest classes", hardest[:HARDEST], names)]
    if len(classes) > HARDEST:
        tables.append(_class_table("All classes", classes, names, folded=True))
    return Section(
        "Classes", facts=facts, plots=("classes",), tables=tuple(tables), wide=True
    )


def _class_table(
    caption: str,
    classes: Sequence[Report],
    names: ClassNames,
    *,
    folded: bool = False,
) -> Table:
    rows = tuple(
        (
            str(each["index"]),
            names(each["index"]),
            f"{each['n']:,}",
            f"{each['correct']:,}",
            percent(each["accuracy"]),
            f"{each['top5_correct']:,}",
            f"{each['predicted']:,}",
            _confusion(each, names),
        )
        for each in classes
    )
    header = (
        "Index",
        "Class",
        "n",
        "Correct",
        "Accuracy",
        "Correct in top-5",
        "Predicted",
        "Most confused with",
    )
    return Table(caption, header, rows, folded)


def _confusion(each: Report, names: ClassNames) -> str:
    if each["confused_with"] is None:
        return "–"
    return f"{names(each['confused_with'])}, {each['confused']:,}×"


def superclasses_section(report: Report) -> Iterator[Section]:
    """Whether wrong answers are at least of the right kind."""
    found = report["superclasses"]
    if not found:
        return
    told = counted(found["correct"], report["summary"]["n"], found["accuracy"])
    facts = (
        ("Right superclass", told),
        ("Wrong answers", f"{found['wrong']:,}"),
        ("Wrong inside the superclass", f"{found['wrong_inside']:,}"),
    )
    rows = tuple(
        (name, *(f"{count:,}" for count in counts))
        for name, counts in zip(found["names"], found["counts"], strict=True)
    )
    header = ("Label \\ answer", *found["names"])
    table = Table("Confusion of superclasses", header, rows, folded=True, fixed=False)
    yield Section(
        "Superclasses",
        facts=facts,
        plots=("superclasses",),
        tables=(table,),
        wide=True,
    )


def calibration_section(report: Report) -> Section:
    """The reliability table."""
    found = report["calibration"]
    facts = (
        ("ECE", share(found["ece"])),
        ("Largest gap", share(found["mce"])),
        ("Mean confidence", share(found["mean_confidence"])),
    )
    rows = tuple(
        (
            f"{100 * each['low']:.1f} to {100 * each['high']:.1f} %",
            f"{each['n']:,}",
            f"{each['correct']:,}",
            share(each["accuracy"]),
            share(each["confidence"]),
        )
        for each in found["bins"]
    )
    header = ("Confidence", "n", "Correct", "Accuracy", "Mean confidence")
    table = Table("Reliability", header, rows)
    return Section("Calibration", "", facts, ("reliability",), (table,))


def risk_section(report: Report) -> Section:
    """The risk-coverage curve."""
    found = report["risk_coverage"]
    facts = (
        ("AURC", share(found["aurc"])),
        ("Best possible AURC", share(found["aurc_best"])),
    )
    rows = tuple(
        (share(each["coverage"]), share(each["risk"])) for each in found["points"]
    )
    table = Table("Risk at coverage", ("Coverage", "Risk"), rows)
    return Section("Risk and coverage", "", facts, ("risk",), (table,))
