"""`convert diff A B`: two weights files, tensor by tensor."""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convert.commands.options import new_parser, print_json
from ppim_port.table import table

if TYPE_CHECKING:
    from convert.comparison import Difference, TensorDifference

EPILOG = """\
examples:
  convert diff rednet50.pth rednet50.pdparams       is it the same net?
  convert diff a.pth b.safetensors --tolerance 1e-6 up to rounding
  convert diff a.pth b.pth --json                   every tensor, equal ones too

Across frameworks, names and layouts are those of the model that the files fit best.
exit codes: 0 equal, 1 different, 2 usage, 3 a file that cannot be read
"""


def parser() -> argparse.ArgumentParser:
    """The options, in the order of the help."""
    p = new_parser(
        "diff",
        "Compare two weights files tensor by tensor, across formats and frameworks: "
        "bit for bit, or within a tolerance. No framework is loaded.",
        EPILOG,
    )
    p.add_argument("first", type=Path, metavar="A", help="the reference")
    p.add_argument("second", type=Path, metavar="B", help="what is held against it")
    p.add_argument(
        "--tolerance",
        type=_tolerance,
        default=0.0,
        metavar="X",
        help="largest difference of a tensor, relative to A's largest magnitude in it "
        "(default: 0, equal bits)",
    )
    return p


def run(options: argparse.Namespace) -> int:
    """Compare, print, and say by the exit code whether they are equal."""
    from convert.comparison import diff

    found = diff(options.first, options.second, tolerance=options.tolerance)
    if options.json:
        print_json(as_object(found))
    else:
        print(as_text(found))
    return 0 if found.equal else 1


def as_object(found: Difference) -> dict[str, Any]:
    """A comparison for machines."""
    return {
        "first": str(found.first),
        "second": str(found.second),
        "equal": found.equal,
        "tolerance": found.tolerance,
        "framework": found.framework,
        "models": list(found.models),
        "counts": _counts(found),
        "tensors": [asdict(tensor) for tensor in found.tensors],
    }


def as_text(found: Difference) -> str:
    """A comparison for people: what differs, then the totals."""
    from convert.comparison import SAME

    differing = [tensor for tensor in found.tensors if tensor.verdict not in SAME]
    header = ["tensor", "verdict", "A", "B", "elements", "max abs", "max rel"]
    shown = table(header, [_row(tensor) for tensor in differing])
    parts = [shown, ""] if differing else []
    return "\n".join([*parts, _names(found), _verdict(found)])


def _names(found: Difference) -> str:
    first, second = found.models
    if first is None:
        return "names    as stored: no model of the manifest fits both files"
    models = first if first == second else f"{first} for A, {second} for B"
    return f"names    those of {models}, as {found.framework} has them"


def _verdict(found: Difference) -> str:
    counts = ", ".join(f"{n} {verdict}" for verdict, n in _counts(found).items())
    return f"{'equal    ' if found.equal else 'DIFFERENT'}: {counts}"


def _counts(found: Difference) -> dict[str, int]:
    return dict(Counter(str(tensor.verdict) for tensor in found.tensors))


def _row(tensor: TensorDifference) -> list[str]:
    compared = bool(tensor.differing)
    return [
        tensor.name,
        str(tensor.verdict),
        tensor.first_kind or ("-" if tensor.first is None else "there"),
        tensor.second_kind or ("-" if tensor.second is None else "there"),
        str(tensor.differing) if compared else "-",
        f"{tensor.max_absolute:.3g}" if compared else "-",
        f"{tensor.max_relative:.3g}" if compared else "-",
    ]


def _tolerance(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        message = f"{text!r} is no tolerance; expected 0 or more"
        raise argparse.ArgumentTypeError(message)
    return value
