"""`evaluate report RESULT`: every score of a finished run, for people and machines."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.commands.options import new_parser
from eval.outputs import claim

if TYPE_CHECKING:
    from eval.paired import Compared
    from eval.verification import Verified

EPILOG = """\
examples:
  evaluate report runs/rednet26                          Markdown on the terminal
  evaluate report runs/rednet26 --html report.html --pictures ILSVRC2012/val
  evaluate report runs/new --baseline runs/old --markdown flips.md

RESULT is a run folder (`evaluate --run`) or its ledger.jsonl. Everything is computed
from the ledger, after it was verified; no model runs.
exit codes: 0 written, 1 the result is not what its ledger says, 2 usage, 3 bad input
"""


def parser() -> argparse.ArgumentParser:
    """The options, in the order of the help."""
    p = new_parser(
        "report",
        "Every score of a finished run: accuracies, classes, superclasses, likelihood, "
        "calibration, risk and coverage, the worst or the flipped pictures.",
        EPILOG,
    )
    p.add_argument("result", type=Path, metavar="RESULT", help="folder or ledger")
    outputs = p.add_argument_group("forms (default: Markdown on the terminal)")
    outputs.add_argument(
        "--html", type=Path, metavar="FILE", help="one page that needs no network"
    )
    outputs.add_argument(
        "--markdown", type=Path, metavar="FILE", help="the same numbers as text"
    )
    outputs.add_argument(
        "--json", type=Path, metavar="FILE", help="the same numbers for machines"
    )
    p.add_argument(
        "--real",
        type=Path,
        metavar="FILE",
        help="real.json of reassessed-imagenet: adds the ReaL accuracy",
    )
    p.add_argument(
        "--baseline",
        type=Path,
        metavar="RESULT",
        help="an older run over the same pictures: shows what flipped",
    )
    p.add_argument(
        "--pictures",
        type=Path,
        metavar="DIR",
        help="the evaluated --val-dir: adds thumbnails to the page",
    )
    p.add_argument(
        "--names",
        type=Path,
        metavar="FILE",
        help="`n01440764 tench, Tinca tinca` lines: adds the classes' words",
    )
    return p


def run(options: argparse.Namespace) -> int:
    """Score, write the forms that were asked for, and say where they are."""
    from eval.cifar_sets import class_names, set_of_id
    from eval.reporting import ClassNames, load_names
    from eval.verification import verify

    _check_outputs(options)
    names = load_names(options.names) if options.names else ClassNames()
    found = verify(options.result)
    if cifar := set_of_id(found.sealed.rows[0].id):
        names = replace(names, plain=class_names(cifar))
    report = build(found, options.real, baseline=options.baseline)
    for path, text in _forms(report, options, names).items():
        _write(text, path)
    return 0


def build(
    found: Verified, real: Path | None = None, *, baseline: Path | None = None
) -> dict[str, Any]:
    """The report's object of a verified run.

    Raises:
        DatasetError: the ReaL labels or the baseline belong to other pictures.
        LedgerError: the baseline or the result cannot be believed.
    """
    from eval.compare.statistics import wilson
    from eval.reporting import Facts, flipped, report_object, worst
    from eval.scores import all_scores, load_real

    sealed = found.sealed
    scores = all_scores(sealed.rows, real=load_real(real) if real else None)
    summary = scores["summary"]
    compared = _compared(found, baseline)
    rows = sealed.rows
    return report_object(
        scores,
        Facts(
            sha256=sealed.chain,
            batches=sealed.batches,
            settings=sealed.settings,
            result=found.result,
            recipe=_recipe(sealed.settings),
        ),
        intervals={
            f"{top}_interval": list(wilson(summary[f"{top}_correct"], summary["n"]))
            for top in ("top1", "top5")
        },
        pictures=flipped(compared.flips, rows) if compared else worst(rows),
        compared=compared,
    )


def _compared(found: Verified, baseline: Path | None) -> Compared | None:
    from eval.compare import compare
    from eval.verification import verify

    if baseline is None:
        return None
    return compare(verify(baseline).sealed.rows, found.sealed.rows)


def _recipe(settings: Any) -> dict[str, Any]:
    """The recipe's fields, if it is one of ours and still the same."""
    from ppim_port.manifest import load_manifest
    from ppim_port.recipe import recipe_from_dict

    known = {"name": settings.get("recipe")}
    known["fingerprint"] = settings.get("recipe_fingerprint")
    fields = load_manifest().recipes.get(str(known["name"]))
    if fields is None:
        return known
    same = recipe_from_dict(str(known["name"]), fields).fingerprint()
    return {**known, **fields} if same == known["fingerprint"] else known


def _forms(
    report: dict[str, Any], options: argparse.Namespace, names: Any
) -> dict[Path | None, str]:
    """Texts by file; None is the terminal. All are made before one is written."""
    from eval.reporting import as_html, as_markdown, sections

    parts = sections(report, names)
    forms: dict[Path | None, str] = {}
    if options.json:
        forms[options.json] = json.dumps(report, indent=2) + "\n"
    if options.html:
        forms[options.html] = as_html(
            report, parts, names=names, pictures=options.pictures
        )
    if options.markdown or not forms:
        forms[options.markdown] = as_markdown(report["title"], parts)
    return forms


def _write(text: str, path: Path | None) -> None:
    from ppim_port.output import write_text

    if path is None:
        print(text)
        return
    write_text(text, path)
    print(f"written: {path}")


def _check_outputs(options: argparse.Namespace) -> None:
    """Refuse an output that is an input, or two outputs in one file."""
    folder = options.result if options.result.is_dir() else options.result.parent
    kept = ("ledger.jsonl", "result.json", "sample.json")
    taken = {(folder / name).resolve() for name in kept}
    inputs = (options.result, options.real, options.baseline, options.names)
    taken |= {path.resolve() for path in inputs if path}
    for path in (options.html, options.markdown, options.json):
        if path is not None:
            claim(path, taken, "Nothing was written.")
