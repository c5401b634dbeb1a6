"""`evaluate doctor`: which single mistake explains a run?"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from eval.commands.options import add_pictures, new_parser, positive, request_of

EPILOG = """\
examples:
  evaluate doctor --model rednet26 --val-dir val --baseline runs/theirs
      which mistake gives the logits in that ledger?
  evaluate doctor --model rednet26 --val-dir val
      without a ledger: which change gains accuracy?

exit codes: 0 the run is reproduced as it is, 1 a cause was named or none explains it,
2 usage, 3 bad input
"""


def parser() -> argparse.ArgumentParser:
    """The options, in the order of the help."""
    p = new_parser(
        "doctor",
        "Score a few hundred pictures once for each known single mistake, and name the "
        "one that explains a ledger, or without one the one that costs accuracy.",
        EPILOG,
    )
    add_pictures(p)
    p.add_argument(
        "--framework",
        choices=("paddle", "torch"),
        default="paddle",
        help="who runs the net (default: %(default)s)",
    )
    p.add_argument(
        "--baseline",
        type=Path,
        metavar="RUN",
        help="run folder or ledger.jsonl to explain",
    )
    p.add_argument(
        "--limit",
        type=positive,
        default=200,
        metavar="N",
        help="pictures, drawn at random with a fixed seed (default: %(default)s)",
    )
    p.add_argument("--json", action="store_true", help="print one JSON object")
    p.add_argument("--quiet", action="store_true", help="no remarks")
    return p


def run(options: argparse.Namespace) -> int:
    """Diagnose and print."""
    from eval.commands.runs import open_run
    from eval.doctor import AS_IS
    from eval.doctor.text import as_object, as_text
    from eval.examine import Examination, examine

    def say(text: str) -> None:
        if not options.quiet:
            print(text, file=sys.stderr)

    asked = Examination(
        request=request_of(options, options.framework),
        observed=open_run(options.baseline).rows if options.baseline else None,
        limit=options.limit,
    )
    diagnosis = examine(asked, say=say)
    if options.json:
        print(json.dumps(as_object(diagnosis), indent=2))
    else:
        print(as_text(diagnosis))
    fine = diagnosis.cause is AS_IS or (
        diagnosis.by == "accuracy" and diagnosis.cause is None
    )
    return int(not fine)
