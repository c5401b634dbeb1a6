"""Believe a finished run only as far as it can be recomputed, without a model.

Every number of `result.json` that the ledger decides is made again from its rows, and
the rows are held against each other and against the ledger's header. A difference is
an answer of no (exit code 1); a file that does not fit its own digests is damaged
(exit code 3), because then nobody can say what it once held.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from eval.gate import gate, missing_from_whole
from eval.journal import LEDGER_NAME, Sealed, read_ledger
from eval.metrics import score
from eval.order import in_order_of
from eval.records import Dataset, Row, Sample, Score
from eval.report import (
    RESULT_NAME,
    SAMPLE_NAME,
    object_text,
    ties_object,
    with_seal,
)
from eval.sequential import AgainstPublished
from eval.settings import dataset_digest
from ppim_port.errors import LedgerError, VerificationError
from ppim_port.manifest import Published

# The sum of exponentials is of at least the five largest; both sums are float64.
SLACK = 1e-9
SHOWN = 10
_SAME = (
    *("model", "framework", "recipe", "recipe_fingerprint", "protocol"),
    *("dataset", "batch_size", "precision"),
)


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found to hold.

    Attributes:
        path: the ledger.
        sealed: its content.
        result: `result.json`'s object, or `sample.json`'s; None if the ledger lies
            alone.
    """

    path: Path
    sealed: Sealed
    result: Mapping[str, Any] | None

    @property
    def sample(self) -> bool:
        """Whether a quick verdict ended the run: not all of its pictures are there."""
        return self.result is not None and "quick" in self.result


def verify(path: Path) -> Verified:
    """Recompute a run folder, or a ledger file by itself.

    Raises:
        LedgerError: damaged, unfinished, or not there.
        VerificationError: whole, but a number is not what the rows say; all of them.
    """
    ledger = path / LEDGER_NAME if path.is_dir() else path
    sealed = read_ledger(ledger)
    place = path / RESULT_NAME
    if not place.exists() and (path / SAMPLE_NAME).exists():
        place = path / SAMPLE_NAME
    sample = place.name == SAMPLE_NAME
    if not sample:
        _refuse_unfinished(ledger, sealed, sealed.settings.get("pictures"))
    problems = [*_row_problems(sealed, sample=sample)]
    found = None
    if path.is_dir():
        found, spelled = read_result(place)
        if sample:
            _refuse_unfinished(ledger, sealed, found.get("n"))
        problems += _result_problems(found, sealed)
        if not problems and not spelled:
            message = (
                f"{place}: changed since it was written: its seal does "
                "not fit. The ledger is whole: delete this file and run `evaluate "
                "--run` again to make it anew."
            )
            raise LedgerError(message)
    if problems:
        raise VerificationError(_told(path, problems))
    return Verified(ledger, sealed, found)


def read_result(path: Path) -> tuple[dict[str, Any], bool]:
    """The object of a result file, and whether its spelling and seal are as written.

    Raises:
        LedgerError: it cannot be read, or is no JSON object.
    """
    try:
        data = path.read_bytes()
        found = json.loads(data)
        if not isinstance(found, dict):
            raise TypeError
    except (OSError, ValueError, TypeError) as error:
        why = getattr(error, "strerror", None) or "not a JSON object"
        message = f"{path}: no result can be read: {why}. Is the run finished?"
        raise LedgerError(message) from error
    spelled = data == (object_text(found) + "\n").encode() and found == with_seal(found)
    return found, spelled


def _refuse_unfinished(path: Path, sealed: Sealed, wanted: object) -> None:
    """A sample wants as many rows as its result counts, a whole run all pictures."""
    if sealed.unsealed or len(sealed.rows) != wanted:
        total = sealed.settings.get("pictures")
        message = (
            f"{path}: {len(sealed.rows):,} of {total} pictures are sealed, and "
            f"{sealed.unsealed} bytes after them are not: the run is unfinished, or "
            "its end is damaged. Run the same command again to finish it."
        )
        raise LedgerError(message)


def _row_problems(sealed: Sealed, *, sample: bool) -> Iterator[str]:
    for row in sealed.rows:
        for problem in _wrong_in(row, int(sealed.settings["classes"])):
            yield f"{row.id!r}: {problem}"
    ids = [row.id for row in sealed.rows]
    if len(set(ids)) != len(ids):
        yield "a picture is there twice"
    if sample:
        return  # The header's digest and order are those of all pictures.
    digest = dataset_digest(sorted((row.id, row.label) for row in sealed.rows))
    if digest != sealed.settings["dataset"]:
        yield f"ids and labels: {digest}, but the header says another data set"
    if ids != in_order_of(ids, sealed.settings.get("order_seed")):
        yield "the pictures are not in the order that the header says"


def _wrong_in(row: Row, classes: int) -> Iterator[str]:
    """What cannot be true of the logits of one picture."""
    places = list(zip(row.logits, (-c for c in row.top5), strict=True))
    if any(lower >= upper for upper, lower in pairwise(places)):
        yield "the largest logits are not in order"
    if not all(0 <= c < classes for c in (*row.top5, row.label)):
        yield f"a class is outside 0..{classes - 1}"
    if row.rank < len(row.top5):
        right = row.top5[row.rank] == row.label
        if not (right and row.logits[row.rank] == row.label_logit):
            yield f"rank {row.rank} is not the label's"
    elif row.label in row.top5 or row.label_logit > row.logits[-1]:
        yield f"rank {row.rank}, but the label is among the largest"
    if not row.rank < classes:
        yield f"rank {row.rank} of {classes} classes"
    best = row.logits[0]
    least = best + math.log(sum(math.exp(logit - best) for logit in row.logits))
    most = best + math.log(classes)
    if not least - SLACK <= row.log_sum_exp <= most + SLACK:
        yield "log_sum_exp does not fit the logits"


def _result_problems(found: Mapping[str, Any], sealed: Sealed) -> Iterator[str]:
    try:
        wanted = recomputed(found, sealed)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        yield f"{RESULT_NAME}: an entry is missing or of another kind ({error!r})"
        return
    for name, value in wanted.items():
        if found.get(name) != value:
            yield f"{name}: {found.get(name)!r}, but the ledger says {value!r}"


def recomputed(found: Mapping[str, Any], sealed: Sealed) -> dict[str, Any]:
    """Every entry of a result that follows from the ledger.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: the result lacks an entry that
            others derive from.
    """
    counts, settings = score(sealed.rows), sealed.settings
    framework, seconds = settings["framework"], found["seconds"]
    certificate = {**found["certificate"], "canaries": settings["canaries"]}
    weights = {**found["weights"], "sha256": settings["weights_sha256"]}
    versions = {
        **found["versions"],
        framework: settings["framework_version"],
        "opencv": settings["opencv"],
        "numpy": settings["numpy"],
        "ppim-port": settings["ppim_port"],
        **({"pillow": settings["pillow"]} if "pillow" in settings else {}),
    }
    return {
        **{name: settings[name] for name in _SAME},
        "ledger": sealed.chain,
        "weights": weights,
        "versions": versions,
        "certificate": certificate,
        "n": counts.n,
        "top1_correct": counts.top1_correct,
        "top5_correct": counts.top5_correct,
        "top1": counts.top1,
        "top5": counts.top5,
        "images_per_second": found["scored"] / seconds if seconds else 0.0,
        "near_ties": ties_object(sealed.rows, certificate["rounding"]),
        **_verdict(found, counts, sealed.rows),
    }


def _verdict(
    found: Mapping[str, Any], counts: Score, rows: Iterable[Row]
) -> dict[str, Any]:
    if found["verdict"] == "not-comparable":
        # Why is the run's own knowledge; that nothing was compared can be checked.
        return {"comparisons": []}
    if "quick" in found:
        return {"comparisons": [], **_early(found, rows)}
    samples = tuple(Sample(row.id, Path(row.id), row.label) for row in rows)
    compared = {entry["source"]: entry["tolerance"] for entry in found["comparisons"]}
    published = [
        Published(
            **{**entry, "tolerance": compared.get(entry["source"], entry["tolerance"])}
        )
        for entry in found["published"]
    ]
    missing = missing_from_whole(Dataset(Path(), "list", samples, 0))
    verdict = gate(counts, published, missing=missing)
    return {
        "verdict": verdict.status,
        "verdict_reason": verdict.reason,
        "comparisons": [asdict(comparison) for comparison in verdict.comparisons],
    }


def _early(found: Mapping[str, Any], rows: Iterable[Row]) -> dict[str, Any]:
    """The quick verdict once more; against a baseline it is that one's word too."""
    quick, size, kept = found["quick"], found["batch_size"], list(rows)
    if "within" not in quick:
        return {}
    (top1, top5), source = quick["within"], found["published"][0]["source"]
    test = AgainstPublished(quick["total"], tuple(top1), tuple(top5), source=source)
    looks = (test.update(kept[at : at + size]) for at in range(0, len(kept), size))
    early = next(filter(None, looks), None)
    if early is None:
        return {"quick": None}
    return {
        "quick": early.as_object(),
        "verdict": early.status,
        "verdict_reason": early.reason,
    }


def _told(path: Path, problems: list[str]) -> str:
    shown = "\n  ".join(problems[:SHOWN])
    more = f"\n  and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return f"{path}: {len(problems)} numbers are not what they say:\n  {shown}{more}"
