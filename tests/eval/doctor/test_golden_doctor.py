"""The official implementation's own logits: explained as they are, by nothing else."""

from __future__ import annotations

import pytest

from eval.examine import Examination, examine
from eval.ledger import row_of
from eval.records import Request, Row, Sample
from tests.support.shared import GOLDEN, PICTURES, golden_outputs, needs_shared

pytestmark = [needs_shared, pytest.mark.slow]

COUNT = 100


def golden_rows() -> list[Row]:
    golden = golden_outputs()
    found = zip(golden["names"], golden["labels"], golden["logits"], strict=True)
    return [
        row_of(Sample(str(name), PICTURES / str(name), int(label)), "", logits)
        for name, label, logits in found
    ]


def test_the_official_logits_are_reproduced_as_they_are_and_by_nothing_else() -> None:
    request = Request(
        "rednet26", PICTURES, framework="torch", weights=GOLDEN / "rednet26.pth"
    )
    found = examine(Examination(request, golden_rows(), COUNT))
    best, *others = found.findings
    assert (best.variant.name, best.explained) == ("as-is", COUNT)
    assert found.cause is best.variant
    assert best.distance < 1e-4
    # None of the drawn pictures is turned by its EXIF, so that one changes no bit.
    same = {each.variant.name for each in others if each.distance == best.distance}
    assert same == {"exif"}
    # Rounding leaves some pictures as they are, but never all of them.
    rest = [each for each in others if each.variant.name not in same]
    assert min(each.distance for each in rest) > 10 * best.distance
