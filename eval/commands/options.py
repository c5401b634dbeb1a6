"""What the commands' parsers share."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from eval.layout_names import LAYOUTS, PUBLISHED

if TYPE_CHECKING:
    from eval.records import Request
    from ppim_port.state_dict import FrameworkName


def new_parser(name: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """A command's parser, as the main one looks."""
    return argparse.ArgumentParser(
        prog=f"evaluate {name}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def whole(text: str) -> int:
    """A whole number, 0 or more; for argparse."""
    value = int(text)
    if value < 0:
        message = f"{text!r} is below 0"
        raise argparse.ArgumentTypeError(message)
    return value


def positive(text: str) -> int:
    """A whole number, 1 or more; for argparse."""
    value = int(text)
    if value < 1:
        message = f"{text!r} is below 1"
        raise argparse.ArgumentTypeError(message)
    return value


def add_dataset(p: argparse._ActionsContainer, *, recipe: bool = True) -> None:
    """The options that say what is scored: the same wherever pictures are named.

    Args:
        p: a parser or a group of one.
        recipe: with `--recipe`; without it where several can be named.
    """
    p.add_argument(
        "--val-dir",
        type=Path,
        required=True,
        metavar="DIR",
        help="the pictures: a folder, or an archive of them",
    )
    p.add_argument(
        "--val-list",
        type=Path,
        metavar="FILE",
        help="labels: `name index` lines, or the devkit's ground truth",
    )
    p.add_argument(
        "--layout",
        choices=LAYOUTS,
        help="how pictures and labels lie there (default: found out)",
    )
    p.add_argument(
        "--protocol",
        "--dataset",
        metavar="NAME",
        help="the test set, which says how many pictures there are and which classes "
        "compete: cifar10, cifar100, imagenet-a, imagenet-r, imagenet-sketch, "
        f"imagenet-v2-... (default: the CIFAR set that lies there, else {PUBLISHED})",
    )
    if recipe:
        p.add_argument(
            "--recipe",
            metavar="NAME|FILE",
            help="preprocessing: a name in weights.json or a JSON file (default: the "
            "model's own, the only one that is compared with published figures)",
        )


def add_pictures(p: argparse.ArgumentParser) -> None:
    """The options that name model, pictures and weights."""
    p.add_argument("--model", required=True, help="model name, see `convert --list`")
    add_dataset(p)
    p.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help=".pth, .pdparams, .safetensors, .weights.h5 or .keras of any framework "
        "(default: by name)",
    )
    p.add_argument(
        "--batch-size",
        type=positive,
        default=16,
        metavar="N",
        help="default: %(default)s",
    )
    p.add_argument(
        "--workers",
        type=positive,
        default=os.cpu_count() or 1,
        metavar="N",
        help="threads that decode (default: one a core)",
    )


def test_set(options: argparse.Namespace) -> str:
    """The test set of `add_dataset`'s options: as named, or as the pictures tell.

    Raises:
        DatasetError: both CIFAR sets lie there, and none is named.
    """
    if options.protocol:
        return str(options.protocol)
    from eval.dataset import known_set

    return known_set(options.val_dir) or PUBLISHED


def request_of(options: argparse.Namespace, framework: FrameworkName) -> Request:
    """What `add_pictures` or the main program took, as an evaluation's request."""
    from eval.records import Request

    return Request(
        model=options.model,
        val_dir=options.val_dir,
        val_list=options.val_list,
        framework=framework,
        weights=options.weights,
        batch_size=options.batch_size,
        workers=options.workers,
        recipe=options.recipe,
        layout=options.layout,
        protocol=test_set(options),
    )


def parity_words(words: Sequence[str]) -> list[str] | None:
    """`--framework torch,paddle` of the main program as the command `parity`."""
    found = list(words)
    for place, word in enumerate(found):
        name, equals, value = word.partition("=")
        if name != "--framework":
            continue
        value = value if equals else "".join(found[place + 1 : place + 2])
        if "," in value:
            rest = found[:place] + found[place + 1 + (not equals) :]
            return ["parity", *rest, "--frameworks", value]
    return None
