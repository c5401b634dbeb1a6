"""The report's object: scores of the rows, and facts of the run that made them.

Refused: facts that do not fit the shape. Left out on purpose: folders, dates and
timings, so that the same ledger gives the same report on any machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from eval.paired import Compared
from eval.reporting.shape import SHAPE, VERSION, problems
from ppim_port.errors import LedgerError

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report tells besides the scores.

    Attributes:
        sha256: the ledger's chain, in hex.
        batches: sealed ones.
        settings: the ledger's header.
        result: `result.json`; None if the ledger lies alone.
        recipe: the recipe's own fields; empty if they are not known.
    """

    sha256: str
    batches: int
    settings: Mapping[str, Any]
    result: Mapping[str, Any] | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)


def report_object(
    scores: Mapping[str, Any],
    facts: Facts,
    *,
    intervals: Mapping[str, Any],
    pictures: Mapping[str, Any],
    compared: Compared | None = None,
) -> dict[str, Any]:
    """Put a report together.

    Args:
        scores: of `eval.scores.all_scores`.
        facts: where the rows come from.
        intervals: `top1_interval` and `top5_interval`, percent.
        pictures: of `choose.worst` or `choose.flipped`.
        compared: with a baseline.

    Raises:
        LedgerError: a fact is missing or of another kind; all of them are named.
    """
    settings, result = facts.settings, facts.result or {}
    found = {
        "report": VERSION,
        "title": f"{settings.get('model', 'a model')} in "
        f"{settings.get('framework', 'some framework')}",
        "ledger": {"sha256": facts.sha256, "batches": facts.batches},
        "verdict": _verdict(result),
        "published": list(_published(result)),
        **scores,
        "summary": {**scores["summary"], **intervals},
        "baseline": _baseline(compared) if compared else None,
        "pictures": pictures,
        "recipe": dict(_flat(facts.recipe)),
        "run": dict(_flat({**settings, **_more(result)})),
        "environment": dict(_flat(_environment(result))),
    }
    wrong = list(problems(found, SHAPE))
    if wrong:
        message = (
            "The run's result.json or ledger does not hold what a report needs: "
            f"{'; '.join(wrong[:_SHOWN])}. No report was written: `evaluate verify` "
            "tells more."
        )
        raise LedgerError(message)
    return found


def _verdict(result: Mapping[str, Any]) -> dict[str, Any] | None:
    if not result:
        return None
    return {
        "status": result.get("verdict"),
        "reason": result.get("verdict_reason"),
    }


def _published(result: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Published figures; without differences where nothing may be compared."""
    compared = {each["source"]: each for each in result.get("comparisons", ())}
    for figure in result.get("published", ()):
        comparison = compared.get(figure["source"], {})
        yield {
            **{name: figure[name] for name in ("source", "url", "note")},
            **{name: figure[name] for name in ("top1", "top5")},
            **{
                name: comparison.get(name)
                for name in ("top1_difference", "top5_difference", "tolerance")
            },
            "within": comparison.get("within"),
        }


def _baseline(compared: Compared) -> dict[str, Any]:
    kinds = [flip.kind for flip in compared.flips]
    return {
        "n": compared.n,
        "top1_old_correct": compared.old_right,
        "top1_new_correct": compared.new_right,
        "net_change": compared.top1.net_change,
        "interval": list(compared.top1.interval),
        "p_value": compared.top1.p_value,
        "broken": kinds.count("broken"),
        "mended": kinds.count("mended"),
        "moved": kinds.count("moved"),
        "near_ties": sum(flip.near_tie for flip in compared.flips),
        "other_files": compared.other_files_count,
    }


def _more(result: Mapping[str, Any]) -> dict[str, Any]:
    return {name: result[name] for name in ("layout", "unlisted") if name in result}


def _environment(result: Mapping[str, Any]) -> dict[str, Any]:
    return {name: result.get(name, {}) for name in ("versions", "certificate")}


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Leaves of a JSON value with dotted names, sorted, as text."""
    if isinstance(value, Mapping):
        for name in sorted(value):
            yield from _flat(value[name], f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        yield path, ", ".join(map(str, value))
    elif value is not None:
        yield path, str(value)
