"""`evaluate parity`: one net in both frameworks, over the same arrays."""

from __future__ import annotations

import argparse
import json
import sys

from eval.commands.options import add_pictures, new_parser, positive, request_of

EPILOG = """\
examples:
  evaluate parity --model rednet26 --val-dir val --weights rednet26.pth
  evaluate --model rednet26 --val-dir val --framework torch,paddle     the same

exit codes: 0 one net in two frameworks, 1 they differ, 2 usage, 3 bad input
"""


def parser() -> argparse.ArgumentParser:
    """The options, in the order of the help."""
    p = new_parser(
        "parity",
        "Decode once, give both nets the same arrays, and report how far apart their "
        "logits are, whether the classes agree, and where they part if they do.",
        EPILOG,
    )
    add_pictures(p)
    p.add_argument(
        "--frameworks",
        default="torch,paddle",
        metavar="A,B",
        help="the two; the first is the reference (default: %(default)s)",
    )
    p.add_argument(
        "--process-per-framework",
        action="store_true",
        help="run each framework in a process of its own",
    )
    p.add_argument(
        "--limit", type=positive, metavar="N", help="the first N pictures alone"
    )
    p.add_argument("--json", action="store_true", help="print one JSON object")
    p.add_argument("--quiet", action="store_true", help="no remarks")
    return p


def run(options: argparse.Namespace) -> int:
    """Run both nets and print."""
    from eval.parity.text import as_object, as_text
    from eval.side_by_side import Sides, frameworks_of, run_parity

    def say(text: str) -> None:
        if not options.quiet:
            print(text, file=sys.stderr)

    frameworks = frameworks_of(options.frameworks)
    sides = Sides(
        request=request_of(options, frameworks[0]),
        frameworks=frameworks,
        apart=options.process_per_framework,
        limit=options.limit,
    )
    done = run_parity(sides, say=say)
    if options.json:
        print(json.dumps(as_object(done.parity, done.divergence), indent=2))
    else:
        print(as_text(done.parity, done.divergence, names=sides.frameworks))
    return int(not done.parity.within)
