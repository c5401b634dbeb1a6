"""The gates for machines that watch builds: JUnit XML and GitHub's annotations.

Refuses to hide a gate: every published figure is a case of its own, also those that do
not decide; such a case that is outside counts as skipped, with the difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

from eval.paired import BaselineVerdict
from eval.records import Comparison, Result
from ppim_port.output import write_text

State = Literal["pass", "fail", "skip"]


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate's outcome: what was judged, how it ended, and why."""

    name: str
    state: State
    reason: str


def gates(result: Result, baseline: BaselineVerdict | None) -> list[Gate]:
    """Every gate of a run, the deciding ones first."""
    verdict = result.verdict
    states: dict[str, State] = {"pass": "pass", "fail": "fail"}
    found = [Gate("published", states.get(verdict.status, "skip"), verdict.reason)]
    if baseline is not None:
        found.append(Gate("baseline", baseline.status, baseline.reason))
    found += [_figure(comparison) for comparison in verdict.comparisons[1:]]
    return found


def _figure(comparison: Comparison) -> Gate:
    reason = (
        f"top-1 {comparison.top1_difference:+.3f} and top-5 "
        f"{comparison.top5_difference:+.3f} pp, tolerance {comparison.tolerance:g} pp; "
        "does not decide"
    )
    state: State = "pass" if comparison.within else "skip"
    return Gate(f"published: {comparison.source}", state, reason)


def junit(result: Result, baseline: BaselineVerdict | None) -> str:
    """One suite with a case a gate."""
    found = gates(result, baseline)
    name = f"{result.record.name} in {result.request.framework}"
    suite = ElementTree.Element(
        "testsuite",
        name=f"evaluate {name}",
        tests=str(len(found)),
        failures=str(sum(gate.state == "fail" for gate in found)),
        skipped=str(sum(gate.state == "skip" for gate in found)),
        errors="0",
        time=f"{result.seconds:.3f}",
    )
    for gate in found:
        case = ElementTree.SubElement(
            suite, "testcase", classname=name, name=gate.name, time="0"
        )
        if gate.state == "pass":
            ElementTree.SubElement(case, "system-out").text = _printable(gate.reason)
        else:
            kind = "failure" if gate.state == "fail" else "skipped"
            ElementTree.SubElement(case, kind, message=_printable(gate.reason))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def write_junit(result: Result, baseline: BaselineVerdict | None, path: Path) -> None:
    """Write `junit` to a file.

    Raises:
        OutputError: the disk said no.
    """
    write_text(junit(result, baseline) + "\n", path)


def notes(result: Result, baseline: BaselineVerdict | None) -> list[str]:
    """GitHub's workflow commands: an error for a failed gate, else a notice."""
    return [
        f"::{'error' if gate.state == 'fail' else 'notice'} "
        f"title={_property(f'{result.record.name} {gate.name}')}::{_data(gate.reason)}"
        for gate in gates(result, baseline)
    ]


def _data(text: str) -> str:
    for raw, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        text = text.replace(raw, code)
    return text


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _printable(text: str) -> str:
    """XML 1.0 has no control characters, not even escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
