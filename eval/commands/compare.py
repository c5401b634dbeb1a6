"""`evaluate compare A B`: two runs over the same pictures, picture by picture."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.commands.options import new_parser, whole

if TYPE_CHECKING:
    from eval.commands.runs import Run
    from eval.paired import BaselineVerdict

EPILOG = """\
examples:
  evaluate compare runs/torch runs/paddle          two frameworks
  evaluate compare runs/old runs/new --max-flips 0 not one first class may change

A and B are run folders (`evaluate --run`) or their ledger.jsonl.
exit codes: 0 the same within the budget, 1 changed, 2 usage, 3 not comparable
"""


def parser() -> argparse.ArgumentParser:
    """The options, in the order of the help."""
    p = new_parser(
        "compare",
        "Hold a run against another over the same pictures: flips, net change with a "
        "paired interval, exact McNemar test, agreement, differences of logits.",
        EPILOG,
    )
    p.add_argument("first", type=Path, metavar="A", help="the baseline")
    p.add_argument("second", type=Path, metavar="B", help="what is held against it")
    p.add_argument(
        "--max-flips",
        type=whole,
        metavar="N",
        help="pictures that may get another first class (default: one in a thousand)",
    )
    p.add_argument("--json", action="store_true", help="print one JSON object")
    return p


def run(options: argparse.Namespace) -> int:
    """Compare, print, and say by the exit code whether they are the same."""
    from eval.commands.runs import open_run
    from eval.compare import compare
    from eval.compare.text import as_text
    from eval.gate import gate_baseline

    first, second = open_run(options.first), open_run(options.second)
    verdict = gate_baseline(
        compare(first.rows, second.rows), max_flips=options.max_flips
    )
    if options.json:
        print(json.dumps(_object(first, second, verdict), indent=2))
    else:
        print("\n".join(_settings(first, second)))
        print(as_text(verdict.compared))
        print(f"\nverdict    {verdict.status.upper()}: {verdict.reason}")
    return int(verdict.status == "fail")


def _object(first: Run, second: Run, verdict: BaselineVerdict) -> dict[str, Any]:
    from eval.compare.text import as_object

    return {
        "first": str(first.path),
        "second": str(second.path),
        "settings": _differing(first, second),
        "verdict": verdict.status,
        "verdict_reason": verdict.reason,
        "max_flips": verdict.max_flips,
        **as_object(verdict.compared),
    }


def _differing(first: Run, second: Run) -> dict[str, list[Any]]:
    names = sorted(first.settings.keys() | second.settings.keys())
    pairs = {
        name: [first.settings.get(name), second.settings.get(name)] for name in names
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _settings(first: Run, second: Run) -> list[str]:
    """What the two were run with, where it differs; so that nobody wonders."""
    return [
        f"setting    {name}: {old!r} then {new!r}"
        for name, (old, new) in _differing(first, second).items()
    ]
