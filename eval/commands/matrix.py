"""`evaluate matrix`: models x frameworks x recipes, one process each."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from eval.commands.options import add_dataset, new_parser, positive

EPILOG = """\
examples:
  evaluate matrix --models rednet26,rednet50 --frameworks torch,paddle \\
      --val-dir ILSVRC2012/val --run runs/all
  evaluate matrix --models rednet26 --weights rednet26=rednet26.pth ...

Killed at any moment, the same command goes on where it was.

exit codes: 0 every cell passed or had nothing to compare with, 1 a cell is outside its
tolerance or ended with an error, 2 usage
"""


def parser() -> argparse.ArgumentParser:
    """The options, in the order of the help."""
    p = new_parser(
        "matrix",
        "Evaluate every model in every framework under every recipe, one process "
        "each, and print one table against the published numbers.",
        EPILOG,
    )
    p.add_argument("--models", required=True, metavar="A,B", help="model names")
    p.add_argument(
        "--frameworks",
        default="torch,paddle",
        metavar="A,B",
        help="who runs the nets (default: %(default)s)",
    )
    p.add_argument(
        "--recipes",
        default="own",
        metavar="A,B",
        help='names or files of recipes; "own" is each model\'s (default: %(default)s)',
    )
    p.add_argument(
        "--weights",
        action="append",
        default=[],
        metavar="MODEL=FILE",
        help="a model's weights (default: by name); may be repeated",
    )
    add_dataset(p, recipe=False)
    p.add_argument(
        "--run", type=Path, required=True, metavar="DIR", help="a run folder a cell"
    )
    p.add_argument("--batch-size", type=positive, metavar="N", help="of every cell")
    p.add_argument("--workers", type=positive, metavar="N", help="threads that decode")
    p.add_argument("--quiet", action="store_true", help="the table alone")
    return p


def run(options: argparse.Namespace) -> int:
    """Run the cells one after the other, and print the table."""
    from eval.matrix import cells, report, run_cell
    from eval.protocols import protocol

    # A name that no cell could know would fail each of them after a start of seconds.
    if options.protocol:
        protocol(options.protocol)
    models = _names(options.models)
    weights = _weights(options.weights, models)
    wanted = cells(models, _names(options.frameworks), _names(options.recipes))
    outcomes = []
    for number, cell in enumerate(wanted, start=1):
        if not options.quiet:
            print(f"[{number}/{len(wanted)}] {cell.name}", file=sys.stderr)
        own = ["--weights", weights[cell.model]] if cell.model in weights else []
        outcomes.append(run_cell(cell, options.run, [*_shared(options), *own]))
    print(report(outcomes))
    return int(any(outcome.code for outcome in outcomes))


def _names(text: str) -> list[str]:
    """The names between commas, each once."""
    return list(dict.fromkeys(name for name in text.split(",") if name))


def _weights(given: list[str], models: list[str]) -> dict[str, str]:
    from ppim_port.errors import UsageError

    found = {}
    for text in given:
        model, equals, file = text.partition("=")
        if not equals or model not in models:
            message = (
                f"--weights {text}: expected MODEL=FILE with one of the models "
                f"{', '.join(models)}. Nothing was evaluated."
            )
            raise UsageError(message)
        found[model] = file
    return found


def _shared(options: argparse.Namespace) -> list[str]:
    """The options that every cell gets as they are."""
    names = ("val_dir", "val_list", "layout", "protocol", "batch_size", "workers")
    given = {name: getattr(options, name) for name in names}
    return [
        f"--{name.replace('_', '-')}={value}"
        for name, value in given.items()
        if value is not None
    ]
