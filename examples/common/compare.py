"""A table of several runs, and a picture of their losses and accuracies.

python -m examples.common.compare runs/a runs/b --out build/compared.png
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from examples.common.plots import compared, draw
from examples.common.run_folder import read_history
from ppim_port.program import run as report_errors


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compare trainings by their history.")
    parser.add_argument("runs", nargs="+", type=Path, help="folders of runs")
    parser.add_argument("--out", type=Path, metavar="PNG", help="draw the curves there")
    parser.add_argument("--title", default="Trainings", help="over the curves")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; draw."""
    options = parser().parse_args(arguments)
    histories = {str(folder): read_history(folder) for folder in options.runs}
    print(compared(histories))
    if options.out:
        draw(histories, options.out, title=options.title)
    return 0


if __name__ == "__main__":
    sys.exit(report_errors("compare", main))
