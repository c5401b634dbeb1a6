"""Options that every training has, and errors as one line instead of a traceback."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def common_options(
    description: str, *, data: str, placed: bool = True
) -> argparse.ArgumentParser:
    """A parser with the options that every training has.

    Args:
        description: of the training.
        data: what --data names.
        placed: whether device and threads are chosen by options.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="PATH", help=data)
    add(
        "--run",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of the run: made, or gone on with if it is there",
    )
    add("--epochs", type=positive, help="times through the training pictures")
    add("--batch-size", type=positive, help="pictures a step")
    add("--lr", type=float, help="learning rate after the warm-up")
    add("--seed", type=int, default=0, help="of weights, order and augmentation")
    add(
        "--limit",
        type=positive,
        metavar="N",
        help="the first N training and N test pictures alone",
    )
    add(
        "--smoke",
        action="store_true",
        help="a small net and a short schedule that show in a minute that all works",
    )
    if placed:
        add(
            "--device",
            help="cpu, cuda (PyTorch) or gpu (Paddle); a GPU where there is one",
        )
        add(
            "--threads",
            type=positive,
            help="of PyTorch on the CPU; resumed with as many, the bits are the same",
        )
    add("--quiet", action="store_true", help="show no progress")
    return parser


def positive(text: str) -> int:
    """A whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number}: expected 1 or more")  # noqa: EM102
    return number


def chosen(options: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """Those of some options that were given."""
    found = {name: getattr(options, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}
