"""`evaluate kernels`: heat maps of the involution kernels that a picture makes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from eval.commands.options import new_parser
from eval.outputs import claim

EPILOG = """\
examples:
  evaluate kernels --model rednet26 --image cat.jpg --png kernels.png
      every involution, the mean over its groups, beside the picture
  evaluate kernels --model rednet50 --image cat.jpg --layers layer3 --groups all \\
      --html kernels.html

exit codes: 0 seen, 1 kernels that are not finite, 2 usage, 3 bad input
"""


def parser() -> argparse.ArgumentParser:
    """The options, in the order of the help."""
    p = new_parser(
        "kernels",
        "Show a picture to a net and what kernels its involutions make for it: the sum "
        "of each K x K kernel, at every position. Prints a table of all layers.",
        EPILOG,
    )
    p.add_argument("--model", required=True, help="model name, see `convert --list`")
    p.add_argument(
        "--image", type=Path, required=True, metavar="FILE", help="the picture"
    )
    p.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help=".pth, .pdparams, .safetensors, .weights.h5 or .keras of any framework "
        "(default: by name)",
    )
    p.add_argument(
        "--framework",
        choices=("paddle", "torch"),
        default="paddle",
        help="who runs the net (default: %(default)s)",
    )
    p.add_argument(
        "--recipe",
        metavar="NAME|FILE",
        help="preprocessing: a name in weights.json or a JSON file (default: the "
        "model's own)",
    )
    p.add_argument(
        "--layers",
        metavar="NAMES",
        help="involutions, or what their names start with, between commas: "
        "layer3,layer4.0.conv2 (default: all)",
    )
    p.add_argument(
        "--groups",
        default="mean",
        metavar="WHICH",
        help="mean over the groups of a layer, all of them, or numbers such as 0,3 "
        "(default: %(default)s)",
    )
    p.add_argument(
        "--png", type=Path, metavar="FILE", help="write picture and heat maps there"
    )
    p.add_argument(
        "--html", type=Path, metavar="FILE", help="the same as a page without network"
    )
    p.add_argument("--quiet", action="store_true", help="no remarks")
    return p


def run(options: argparse.Namespace) -> int:
    """Look, print the table, and write what was asked for."""
    from eval.kernels import as_html, as_png, chosen, tiles
    from eval.kernels.page import COLUMNS, rows
    from eval.see_kernels import Sight, see_kernels
    from ppim_port.output import write_bytes, write_text
    from ppim_port.table import table

    _check_outputs(options)

    def say(text: str) -> None:
        if not options.quiet:
            print(text, file=sys.stderr)

    sight = Sight(
        options.model,
        options.image,
        framework=options.framework,
        weights=options.weights,
        recipe=options.recipe,
    )
    seen = see_kernels(sight, say=say)
    maps = chosen(seen.maps, _words(options.layers))
    shown = tiles(maps, options.groups)
    print(table(COLUMNS, rows(maps)))
    if options.png:
        write_bytes(as_png(seen.picture, shown), options.png)
        say(f"written: {options.png}")
    if options.html:
        title = f"Involution kernels of {options.model} for {options.image.name}"
        write_text(as_html(title, seen.picture, maps, shown), options.html)
        say(f"written: {options.html}")
    return 0


def _words(text: str | None) -> list[str] | None:
    return None if text is None else text.split(",")


def _check_outputs(options: Any) -> None:
    """Refuse what would write over an input, or twice into one file."""
    taken = {p.resolve() for p in (options.image, options.weights) if p}
    for path in (options.png, options.html):
        if path is not None:
            claim(path, taken, "Nothing was written.")
