"""The report as sections of facts and tables: the same in every readable form.

Every heading, label and column here is explained in `docs/evaluation.md`; a test holds
the two together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from eval.reporting.names import ClassNames
from eval.reporting.parts import Report, Section, Table
from eval.reporting.section_scores import (
    calibration_section,
    classes_section,
    risk_section,
    superclasses_section,
)
from eval.reporting.text import counted, points, probability, share


def sections(report: Report, names: ClassNames) -> list[Section]:
    """All sections of a report, in order; those without content are left out."""
    return [
        _summary(report),
        *_published(report),
        *_baseline(report),
        classes_section(report, names),
        *superclasses_section(report),
        calibration_section(report),
        risk_section(report),
        *_pictures(report, names),
        *_listed("Recipe", report["recipe"]),
        *_listed("Run", {**report["run"], "ledger sha256": report["ledger"]["sha256"]}),
        *_listed("Environment", report["environment"]),
    ]


def _summary(report: Report) -> Section:
    found, real = report["summary"], report["real"]
    verdict = report["verdict"]
    facts = [
        ("Pictures", f"{found['n']:,}"),
        ("Top-1", counted(found["top1_correct"], found["n"], found["top1"])),
        ("Top-1 interval", _interval(found["top1_interval"])),
        ("Top-5", counted(found["top5_correct"], found["n"], found["top5"])),
        ("Top-5 interval", _interval(found["top5_interval"])),
    ]
    if real:
        told = counted(real["correct"], real["n"], real["accuracy"])
        facts += [("ReaL", told), ("Without a ReaL label", f"{real['unlabelled']:,}")]
    facts += [
        ("NLL", f"{report['likelihood']['nll']:.4f}"),
        ("ECE", share(report["calibration"]["ece"])),
        ("AURC", share(report["risk_coverage"]["aurc"])),
        ("Verdict", verdict["status"].upper() if verdict else "none"),
    ]
    note = verdict["reason"] if verdict else "The ledger lies alone: nothing was gated."
    return Section("Summary", note, tuple(facts))


def _interval(value: Sequence[float]) -> str:
    return f"{value[0]:.3f} to {value[1]:.3f} %"


def _published(report: Report) -> Iterator[Section]:
    found = report["summary"]
    rows = tuple(
        (
            each["source"],
            f"{each['top1']:g}",
            f"{found['top1']:.3f}",
            points(each["top1_difference"]),
            f"{each['top5']:g}",
            f"{found['top5']:.3f}",
            points(each["top5_difference"]),
            "–" if each["tolerance"] is None else f"{each['tolerance']:g}",
            {True: "yes", False: "no"}.get(each["within"], "not compared"),
            each["url"],
            each["note"],
        )
        for each in report["published"]
    )
    header = (
        "Source",
        "Top-1 published",
        "Top-1 measured",
        "Top-1 difference",
        "Top-5 published",
        "Top-5 measured",
        "Top-5 difference",
        "Tolerance",
        "Within",
        "Where",
        "Note",
    )
    if rows:
        table = Table("Percent and percentage points", header, rows, links=True)
        yield Section("Published and measured", tables=(table,))


def _baseline(report: Report) -> Iterator[Section]:
    found = report["baseline"]
    if not found:
        return
    low, high = found["interval"]
    facts = (
        ("Pictures compared", f"{found['n']:,}"),
        ("Right before", f"{found['top1_old_correct']:,}"),
        ("Right now", f"{found['top1_new_correct']:,}"),
        ("Net change", f"{points(found['net_change'])} points"),
        ("Interval of the change", f"{low:+.3f} to {high:+.3f} points"),
        ("McNemar p", probability(found["p_value"])),
        ("Broken", f"{found['broken']:,}"),
        ("Mended", f"{found['mended']:,}"),
        ("Moved", f"{found['moved']:,}"),
        ("Near-ties", f"{found['near_ties']:,}"),
        ("Other files", f"{found['other_files']:,}"),
    )
    yield Section("Against the baseline", facts=facts)


def _pictures(report: Report, names: ClassNames) -> Iterator[Section]:
    found = report["pictures"]
    if not found["shown"]:
        return
    flips = found["kind"] == "flipped"
    heading = "Flipped pictures" if flips else "Most confidently wrong"
    what = "pictures of another first class" if flips else "wrong answers"
    note = f"{len(found['shown']):,} of {found['total']:,} {what}."
    rows = tuple(
        (
            each["id"],
            names(each["label"]),
            names(each["predicted"]),
            share(each["confidence"]),
            share(each["label_probability"]),
            f"{each['rank'] + 1:,}",
            *((names(each["before"]), each["change"]) if flips else ()),
        )
        for each in found["shown"]
    )
    header = (
        "Picture",
        "Label",
        "Answer",
        "Confidence",
        "Label's probability",
        "Place",
    )
    more = ("Answer before", "Change") if flips else ()
    table = Table(heading, (*header, *more), rows, folded=True)
    yield Section(heading, note, tables=(table,), pictures=True)


def _listed(heading: str, facts: Mapping[str, str]) -> Iterator[Section]:
    if facts:
        yield Section(heading, facts=tuple(facts.items()), listed=True)
