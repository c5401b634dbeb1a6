"""`convert inspect FILE`: what is in a weights file, and which model it fits."""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convert.commands.options import new_parser, print_json
from ppim_port.table import table

if TYPE_CHECKING:
    from convert.candidates import Candidate
    from convert.inspection import Inspection, TensorReport

EPILOG = """\
examples:
  convert inspect rednet50.pth
  convert inspect RedNet50_pretrained.pdparams --json

Mean, deviation, minimum and maximum are those of the finite values.
exit codes: 0 shown, 2 usage, 3 a file that cannot be read
"""
_FEW = 3


def parser() -> argparse.ArgumentParser:
    """The options, in the order of the help."""
    p = new_parser(
        "inspect",
        "Show what is in a weights file: keys, shapes, dtypes, values, and which "
        "model it fits best. Nothing in it is executed; no framework is loaded.",
        EPILOG,
    )
    p.add_argument("file", type=Path, metavar="FILE", help="any weights file")
    return p


def run(options: argparse.Namespace) -> int:
    """Look, and print."""
    from convert.inspection import inspect

    seen = inspect(options.file)
    if options.json:
        print_json(as_object(seen))
    else:
        print(as_text(seen))
    return 0


def as_object(seen: Inspection) -> dict[str, Any]:
    """An inspection for machines."""
    best = _best(seen)
    return {
        "path": str(seen.path),
        "size": seen.size,
        "sha256": seen.sha256,
        "format": str(seen.file_format),
        "framework": seen.framework,
        "container": list(seen.container),
        "left_behind": list(seen.left_behind),
        "keys": len(seen.tensors),
        "elements": sum(tensor.size for tensor in seen.tensors),
        "bad_values": seen.bad_values,
        "fits": best.model if best and best.fits else None,
        "nearest": best.model if best else None,
        "candidates": [_candidate(candidate) for candidate in seen.candidates],
        "tensors": [asdict(tensor) for tensor in seen.tensors],
    }


def as_text(seen: Inspection) -> str:
    """An inspection for people: the tensors first, since what matters comes last."""
    header = ["key", "shape", "dtype", "min", "max", "mean", "std", "zeros", "nan/inf"]
    tensors = table(header, [_row(tensor) for tensor in seen.tensors])
    models = table(
        ["model", "matched", "missing", "unexpected", "shape", "dtype"],
        [_counts(candidate) for candidate in seen.candidates],
    )
    return f"{tensors}\n\n{models}\n\n{_summary(seen)}"


def _summary(seen: Inspection) -> str:
    dtypes = Counter(tensor.dtype for tensor in seen.tensors)
    kinds = ", ".join(f"{n} {dtype}" for dtype, n in dtypes.items())
    elements = sum(tensor.size for tensor in seen.tensors)
    within = f", under {'/'.join(seen.container)}" if seen.container else ""
    left = f"; left behind: {', '.join(seen.left_behind)}" if seen.left_behind else ""
    return "\n".join(
        [
            f"{seen.path}: {seen.size:,} bytes",
            f"sha256   {seen.sha256}",
            f"format   {seen.file_format}, {seen.framework} names{within}{left}",
            f"tensors  {len(seen.tensors)} keys ({kinds}), {elements:,} elements",
            f"values   {seen.bad_values or 'finite; no negative variances'}",
            f"fits     {_verdict(seen)}",
        ]
    )


def _verdict(seen: Inspection) -> str:
    best, first = _best(seen), seen.candidates[0]
    if first.fit is None:  # it cannot even be said which keys are known
        return f"no model; {first.model}: {first.problems[0]}"
    if best is None or best.fit is None:
        return "no model of the manifest: too few keys are known"
    if best.fits:
        return f"{best.model} ({best.fit.naming} names): every key, shape and dtype"
    few = "; ".join(best.problems[:_FEW])
    more = len(best.problems) - _FEW
    rest = f"; and {more} more (--json lists all)" if more > 0 else ""
    return f"no model exactly; nearest is {best.model}: {few}{rest}"


def _best(seen: Inspection) -> Candidate | None:
    from convert.candidates import best_of

    return best_of(list(seen.candidates), len(seen.tensors))


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {
        "model": candidate.model,
        "fits": candidate.fits,
        "naming": candidate.fit.naming if candidate.fit else None,
        "matched": candidate.matched,
        "missing": candidate.missing,
        "unexpected": candidate.unexpected,
        "shape": candidate.shapes,
        "dtype": candidate.dtypes,
        "problems": list(candidate.problems),
    }


def _counts(candidate: Candidate) -> list[str]:
    numbers = (
        candidate.matched,
        candidate.missing,
        candidate.unexpected,
        candidate.shapes,
        candidate.dtypes,
    )
    return [candidate.model, *map(str, numbers)]


def _row(tensor: TensorReport) -> list[str]:
    figures = tensor.figures
    numbers = (figures.minimum, figures.maximum, figures.mean, figures.deviation)
    return [
        tensor.key,
        "x".join(map(str, tensor.shape)) or "scalar",
        tensor.stored_dtype or tensor.dtype,
        *("-" if number is None else f"{number:.4g}" for number in numbers),
        str(figures.zeros),
        str(figures.nans + figures.infinities),
    ]
