"""The command line of `evaluate`: options in, one record out, one exit code back."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from eval.commands import COMMANDS
from eval.commands.options import parity_words, request_of
from eval.options import parser
from eval.outputs import check_outputs, write_files
from ppim_port.commands import refuse_mistyped, run_command
from ppim_port.errors import UsageError
from ppim_port.program import run


def main(argv: Sequence[str] | None = None) -> int:
    """Run `evaluate` and return its exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    code = run_command("evaluate", COMMANDS, words)
    if code is not None:
        return code
    if both := parity_words(words):
        return main(both)
    p = parser()
    refuse_mistyped(p, COMMANDS, words)
    options = p.parse_args(words)
    return run("evaluate", lambda: _evaluate(options))


def _evaluate(options: argparse.Namespace) -> int:
    from eval.outcome import judge
    from eval.timing import spent_text

    check_outputs(options)

    def say(text: str) -> None:
        if not options.quiet:
            print(text, file=sys.stderr)

    baseline = _baseline(options)
    result, early = _scored(options, baseline, say)
    if result is None:
        return 0
    say(spent_text(result.timing))
    outcome = judge(
        result,
        baseline,
        path=options.baseline,
        max_flips=options.max_flips,
        early=early,
    )
    # First, so that a disk that fills up meanwhile costs the files alone.
    _tell(options, outcome, say)
    write_files(options, outcome)
    if outcome.exit_code and not options.no_doctor:
        _tell_cause(options, outcome, baseline, say)
    return outcome.exit_code


def _scored(
    options: argparse.Namespace, baseline: Any, say: Callable[[str], None]
) -> tuple[Any, Any]:
    """The result and the early verdict, each None if there is none."""
    from eval.launch import shard_of
    from eval.pipeline import evaluate_shard
    from eval.progress import with_bar
    from eval.quick import evaluate_quick

    extra = {} if options.quiet else {"watch": with_bar}
    shard, request = shard_of(os.environ), _request(options)
    if options.quick:
        if shard.world > 1:
            message = (
                "--quick runs in one process: its verdict looks at every batch in "
                "turn, and ranks do not talk to each other. Start it without the "
                "launcher; --run DIR keeps what it scored, and any number of "
                "processes can finish that. Nothing was evaluated."
            )
            raise UsageError(message)
        budget = options.max_flips
        return evaluate_quick(
            request, baseline=baseline, max_flips=budget, say=say, **extra
        )
    result = evaluate_shard(request, shard, say=say, **extra)
    if result is None:
        say(f"{shard}: done; the last rank to finish merges and prints the result")
    return result, None


def _tell(
    options: argparse.Namespace, outcome: Any, say: Callable[[str], None]
) -> None:
    from eval.ci import notes
    from eval.outcome import advice, as_json, as_text

    print(as_json(outcome) if options.json else as_text(outcome))
    if options.github:
        print("\n".join(notes(outcome.result, outcome.baseline)), file=sys.stderr)
    if options.json and outcome.exit_code:
        say("\n".join(advice(outcome)))


def _tell_cause(
    options: argparse.Namespace, outcome: Any, baseline: Any, say: Callable[[str], None]
) -> None:
    """The doctor's answer; beside an object on standard output, on standard error."""
    from eval.aftermath import cause_text

    say("looking for the cause in a few hundred pictures (--no-doctor leaves it out)")
    text = cause_text(outcome, baseline, say=say)
    print(f"\n{text}", file=sys.stderr if options.json else sys.stdout)


def _baseline(options: argparse.Namespace) -> Any:
    """The baseline's rows, read before a run of hours; None if there is none."""
    from eval.commands.runs import open_run

    return open_run(options.baseline).rows if options.baseline else None


def _request(options: argparse.Namespace) -> Any:
    return replace(
        request_of(options, options.framework),
        tolerance=options.tolerance,
        precision=options.precision,
        plain=options.plain,
        decoded=options.decoded,
        progress=not options.quiet,
        run=options.run,
    )
