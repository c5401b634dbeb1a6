"""What `evaluate` says in the end: the run's own verdict, and that of its baseline."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.compare import compare
from eval.compare.text import as_object as compared_object
from eval.compare.text import as_text as compared_text
from eval.gate import gate_baseline
from eval.journal import LEDGER_NAME
from eval.layout_names import PUBLISHED
from eval.paired import BaselineVerdict
from eval.records import Result, Row
from eval.report import object_text, result_object, summary, with_seal
from eval.sequential import Early


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run and all that it was judged by.

    Attributes:
        result: the run.
        baseline: None if there was none.
        path: of the baseline.
        early: the quick verdict; None for a whole run.
    """

    result: Result
    baseline: BaselineVerdict | None = None
    path: Path | None = None
    early: Early | None = None

    @property
    def exit_code(self) -> int:
        """1 if any deciding gate failed; an early verdict stands for all of them."""
        failed = self.early is None and self.failed_baseline
        return max(self.result.verdict.exit_code, int(failed))

    @property
    def failed_baseline(self) -> bool:
        """Whether it is the baseline that the run differs from."""
        if self.baseline is None:
            return False
        if self.early is not None:
            return self.early.status == "fail"
        return self.baseline.status == "fail"


def judge(
    result: Result,
    rows: tuple[Row, ...] | None,
    *,
    path: Path | None = None,
    max_flips: int | None = None,
    early: Early | None = None,
) -> Outcome:
    """Hold a result against its baseline's rows, if it has one.

    Raises:
        DatasetError: the baseline is not over the same pictures.
    """
    if rows is None:
        return Outcome(result, early=early)
    compared = compare(rows, result.rows, partly=early is not None)
    verdict = gate_baseline(compared, max_flips=max_flips)
    return Outcome(result, verdict, path, early)


def as_json(outcome: Outcome) -> str:
    """The result's object, with the baseline's and the early verdict's in it."""
    found = result_object(outcome.result)
    more: dict[str, Any] = {}
    if outcome.baseline is not None:
        more["baseline"] = {
            "path": str(outcome.path),
            "verdict": outcome.baseline.status,
            "verdict_reason": outcome.baseline.reason,
            "max_flips": outcome.baseline.max_flips,
            **compared_object(outcome.baseline.compared),
        }
    if outcome.early is not None:
        more["quick"] = outcome.early.as_object()
    return object_text(with_seal({**found, **more}) if more else found)


def as_text(outcome: Outcome) -> str:
    """The summary, the comparison, and what to do after a failure."""
    parts = [summary(outcome.result)]
    if outcome.baseline is not None:
        verdict = outcome.baseline
        parts += ["", compared_text(verdict.compared)]
        if outcome.early is None:
            parts += ["", f"baseline {verdict.status.upper()}: {verdict.reason}"]
    if outcome.exit_code:
        parts += ["", *advice(outcome)]
    return "\n".join(parts)


def advice(outcome: Outcome) -> list[str]:
    """Commands that find the cause, or that accept what was measured."""
    request = outcome.result.request
    words = ["evaluate", "doctor", "--model", request.model]
    words += ["--val-dir", str(request.val_dir), "--framework", request.framework]
    for option, value in (
        ("--val-list", request.val_list),
        ("--layout", request.layout),
        ("--recipe", request.recipe),
        ("--protocol", request.protocol if request.protocol != PUBLISHED else None),
        ("--weights", request.weights),
        ("--baseline", outcome.path),
    ):
        words += [option, str(value)] if value else []
    lines = [f"to find the cause:        {shlex.join(words)}"]
    if outcome.path is None or outcome.early is not None:
        return lines
    place = outcome.path / LEDGER_NAME if outcome.path.is_dir() else outcome.path
    if request.run is None:
        return [
            *lines,
            "to accept it as baseline: run again with --run DIR, and name DIR as "
            "--baseline from then on",
        ]
    accept = ["cp", "--", str(request.run / LEDGER_NAME), str(place)]
    return [*lines, f"to accept it as baseline: {shlex.join(accept)}"]
