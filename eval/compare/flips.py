"""Pictures whose first class changed, and whether rounding alone may have done it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eval.compare.matching import Pair
from eval.paired import Flip, FlipKind
from eval.records import Row

# Of a picture's largest logit. float32 logits of one net differ by up to 2e-5 between
# torch 2.13.0 and paddlepaddle 3.3.1, so two logits may change their distance by 4e-5.
NEAR_TIE = 1e-4


def near_tie(row: Row, *, limit: float = NEAR_TIE) -> bool:
    """Whether rounding decides between a picture's two best classes."""
    return len(row.logits) > 1 and row.margin <= limit * _scale(row)


def flips_of(pairs: Iterable[Pair]) -> Iterator[Flip]:
    """The pictures of another first class, in the order of the pairs."""
    for old, new in pairs:
        if old.top5[0] != new.top5[0]:
            yield Flip(
                id=new.id,
                label=new.label,
                old=old.top5[0],
                new=new.top5[0],
                old_margin=_margin(old),
                new_margin=_margin(new),
                near_tie=_swapped_within_rounding(old, new),
                kind=_kind(old, new),
            )


def _swapped_within_rounding(old: Row, new: Row) -> bool:
    """Both runs must hold both classes, as near to each other as rounding is."""
    gaps = [_gap(row, old.top5[0], new.top5[0]) for row in (old, new)]
    return all(gap is not None and gap <= NEAR_TIE for gap in gaps)


def _gap(row: Row, first: int, second: int) -> float | None:
    logits = dict(zip(row.top5, row.logits, strict=True))
    if first not in logits or second not in logits:
        return None
    return abs(logits[first] - logits[second]) / _scale(row)


def _scale(row: Row) -> float:
    return max(max(map(abs, row.logits)), 1e-30)


def _margin(row: Row) -> float:
    return row.margin if len(row.logits) > 1 else 0.0


def _kind(old: Row, new: Row) -> FlipKind:
    if old.label == old.top5[0]:
        return "broken"
    return "mended" if new.label == new.top5[0] else "moved"
