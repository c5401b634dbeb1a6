"""`evaluate verify`: recompute a result from its ledger, without a model."""

from __future__ import annotations

import argparse
from pathlib import Path

EPILOG = """\
examples:
  evaluate verify runs/rednet26
      the chain of the ledger, its rows, and every number of result.json
  evaluate verify ledger.jsonl
      a ledger by itself

exit codes: 0 all of it holds, 1 a number is not what the ledger says, 2 usage,
3 a file is damaged or the run is unfinished
"""


def parser() -> argparse.ArgumentParser:
    """The options, in the order of the help."""
    p = argparse.ArgumentParser(
        prog="evaluate verify",
        description=(
            "Recompute the chain, the rows, the counts and every number of a finished "
            "run from its ledger. Needs no model, no pictures and no framework."
        ),
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    p.add_argument("result", type=Path, metavar="RESULT", help="run folder or ledger")
    return p


def run(options: argparse.Namespace) -> int:
    """Verify, and say what holds."""
    from eval.metrics import score
    from eval.verification import verify

    found = verify(options.result)
    counts = score(found.sealed.rows)
    print(f"ledger   {found.path}")
    print(f"chain    {found.sealed.chain} ({found.sealed.batches:,} batches)")
    whole = f" of {found.sealed.settings['pictures']:,}" if found.sample else ""
    print(f"pictures {counts.n:,}{whole}, each once")
    print(f"top-1    {counts.top1:.3f} %  ({counts.top1_correct:,} of {counts.n:,})")
    print(f"top-5    {counts.top5:.3f} %  ({counts.top5_correct:,} of {counts.n:,})")
    if found.result is None:
        print("no result.json beside it: the ledger alone was verified")
        return 0
    if found.sample:
        reason = found.result["verdict_reason"]
        print(f"a sample, not the whole set, ended by its verdict: {reason}")
    print("result   every number that the ledger decides was recomputed: the same")
    return 0
