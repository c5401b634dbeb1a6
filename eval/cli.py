"""The command line of `evaluate`: options in, one record out, one exit code back."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from eval.commands import COMMANDS
from eval.commands.options import add_dataset, parity_words, request_of, whole
from ppim_port.commands import refuse_mistyped, run_command
from ppim_port.errors import OutputError, UsageError
from ppim_port.output import write_text
from ppim_port.program import run
from ppim_port.version import __version__

EPILOG = """\
examples:
  evaluate --model rednet26 --val-dir ILSVRC2012/val
      folders of wnids; weights are fetched, converted and cached when missing
  evaluate --model rednet26 --weights rednet26.pdparams \\
      --val-dir ILSVRC2012/flat --val-list ILSVRC2012/val_list.txt
      a flat folder, with `name index` lines (index among the sorted wnids)
  evaluate --model rednet26 --val-dir ILSVRC2012/val --run runs/rednet26
      keeps a ledger; killed at any moment, the same command goes on
  torchrun --nproc-per-node 4 -m eval --model rednet26 ... --run-dir runs/rednet26
      shares the pictures among four processes

exit codes: 0 pass (or nothing to compare), 1 outside the tolerance, 2 usage,
3 bad input
"""


def parser() -> argparse.ArgumentParser:
    """The options, in the order of the help."""
    p = argparse.ArgumentParser(
        prog="evaluate",
        description=(
            "Top-1 and top-5 accuracy of a model on ILSVRC2012 validation pictures, "
            "with the published recipe, against the published numbers."
        ),
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    p.add_argument("--model", required=True, help="model name, see `convert --list`")
    add_dataset(p.add_argument_group("pictures"))
    net = p.add_argument_group("net")
    net.add_argument(
        "--framework",
        choices=("paddle", "torch"),
        default="paddle",
        help="who runs the net (default: %(default)s)",
    )
    net.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help=".pth, .pdparams or .safetensors of either framework (default: by name)",
    )
    net.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        default="float32",
        help="of activations and weights; bfloat16 is faster, and what it changes is "
        "counted on a sample (default: %(default)s)",
    )
    net.add_argument(
        "--plain",
        action="store_true",
        help="run the framework's own layers, not the inference form of the net",
    )
    net.add_argument(
        "--batch-size", type=int, default=16, metavar="N", help="default: %(default)s"
    )
    net.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="threads that decode (default: one a core)",
    )
    net.add_argument(
        "--decoded",
        type=Path,
        metavar="DIR",
        help="keep decoded pictures there (0.15 MB each): the next model on the same "
        "set and recipe decodes none",
    )
    output = p.add_argument_group("result")
    output.add_argument(
        "--tolerance",
        type=float,
        metavar="PP",
        help="percentage points, either way (default: each published figure's own)",
    )
    output.add_argument(
        "--run",
        # torchrun takes --run for a short form of options of its own (2.13.0).
        "--run-dir",
        type=Path,
        metavar="DIR",
        help="keep ledger and result there; if killed, the same command goes on",
    )
    output.add_argument(
        "--baseline",
        type=Path,
        metavar="RUN",
        help="run folder or ledger.jsonl that first classes must not differ from",
    )
    output.add_argument(
        "--max-flips",
        type=whole,
        metavar="N",
        help="first classes that may differ from it (default: one in a thousand)",
    )
    output.add_argument(
        "--quick",
        action="store_true",
        help="random order; stop as soon as the verdict is certain",
    )
    output.add_argument(
        "--no-doctor",
        action="store_true",
        help="after a failed gate, do not look for the cause",
    )
    output.add_argument("--json", action="store_true", help="print one JSON object")
    output.add_argument(
        "--out", type=Path, metavar="FILE", help="also write that object to a file"
    )
    output.add_argument(
        "--ledger", type=Path, metavar="FILE", help="write one CSV row a picture"
    )
    output.add_argument(
        "--junit", type=Path, metavar="FILE", help="write the gates as JUnit XML"
    )
    output.add_argument(
        "--github", action="store_true", help="annotate the build, on standard error"
    )
    output.add_argument("--quiet", action="store_true", help="no progress, no remarks")
    p.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return p


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

    _check_outputs(options)

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
    _write_files(options, outcome)
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


def _check_outputs(options: argparse.Namespace) -> None:
    """Refuse before a run of hours what would lose its result, or an input."""
    files = (options.out, options.ledger, options.junit)
    outputs = [path for path in files if path]
    taken = [path.resolve() for path in (options.weights, options.val_list) if path]
    for path in outputs:
        if path.is_dir() or not _takes_files(path.parent):
            what = "is a folder" if path.is_dir() else "lies in no writable folder"
            message = f"{path}: {what}. Name a file to write. Nothing was evaluated."
            raise OutputError(message)
        if path.resolve() in taken:
            message = (
                f"{path}: named twice, and writing it would lose the other. "
                "Nothing was evaluated."
            )
            raise UsageError(message)
        taken.append(path.resolve())


def _takes_files(folder: Path) -> bool:
    """Tried and not asked: the administrator may write anywhere, but not to /proc."""
    try:
        with TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


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


def _write_files(options: argparse.Namespace, outcome: Any) -> None:
    from eval.ci import write_junit
    from eval.ledger import write_csv
    from eval.outcome import as_json

    if options.ledger:
        write_csv(outcome.result.rows, options.ledger)
    if options.out:
        write_text(as_json(outcome) + "\n", options.out)
    if options.junit:
        write_junit(outcome.result, outcome.baseline, options.junit)
