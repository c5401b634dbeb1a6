"""Test sets state their classes, and masked logits equal those of a smaller net."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eval.ledger import row_of
from eval.protocols import NAMES, check_labels, mask_logits, protocol
from eval.records import Sample
from ppim_port.errors import DatasetError, UnknownNameError
from ppim_port.imagenet import wnids
from ppim_port.state_dict import Array

COUNTS = {
    "ilsvrc2012": (50_000, 1000),
    "imagenet-v2-matched-frequency": (10_000, 1000),
    "imagenet-v2-threshold-0.7": (10_000, 1000),
    "imagenet-v2-top-images": (10_000, 1000),
    "imagenet-sketch": (50_889, 1000),
    "imagenet-a": (7_500, 200),
    "imagenet-r": (30_000, 200),
}


def sample(label: int) -> Sample:
    return Sample(f"{label}.JPEG", Path("x"), label)


def test_every_protocol_states_its_pictures_and_classes() -> None:
    assert set(NAMES) == set(COUNTS)
    for name, (n, classes) in COUNTS.items():
        found = protocol(name)
        assert (found.name, found.n) == (name, n)
        assert len(found.classes or range(1000)) == classes
        assert f"{classes:,} classes" in found.subset
        assert found.source


# Read off the authors' own tables by hand: first, last, and a few between.
@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("imagenet-a", (6, 151, 400, 719, 988), (0, 1, 5, 999)),
        ("imagenet-r", (1, 151, 401, 768, 988), (0, 3, 400, 999)),
    ],
)
def test_subsets_are_the_authors(
    name: str, inside: tuple[int, ...], outside: tuple[int, ...]
) -> None:
    classes = protocol(name).classes
    assert classes == tuple(sorted(set(classes or ())))
    assert set(inside) <= set(classes)
    assert not set(outside) & set(classes)


def test_subsets_are_200_ids_of_imagenet_and_share_some() -> None:
    a, r = (set(protocol(name).classes or ()) for name in ("imagenet-a", "imagenet-r"))
    assert len(a) == len(r) == 200
    assert 50 < len(a & r) < 200
    assert wnids()[min(r)] == "n01443537"


def test_an_unknown_name_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean imagenet-sketch"):
        protocol("imagenet-sketches")


@given(
    hnp.arrays(np.float32, 1000, elements=st.floats(-50, 50, width=32)),
    st.integers(0, 199),
)
def test_a_masked_row_is_that_of_a_net_with_those_classes_alone(
    logits: Array, place: int
) -> None:
    classes = protocol("imagenet-a").classes
    assert classes is not None
    masked = mask_logits(logits[None], classes)[0]
    whole = row_of(sample(classes[place]), "", masked)
    small = row_of(sample(place), "", logits[list(classes)])
    assert whole.top5 == tuple(classes[index] for index in small.top5)
    assert (whole.logits, whole.label_logit) == (small.logits, small.label_logit)
    assert whole.rank == small.rank
    assert whole.log_sum_exp == pytest.approx(small.log_sum_exp, abs=1e-12)


def test_the_net_s_own_logits_are_not_touched() -> None:
    logits = np.ones((2, 1000), np.float32)
    mask_logits(logits, (1, 2, 3, 4, 5))
    assert (logits == 1).all()


def test_all_classes_change_nothing() -> None:
    logits = np.arange(2000, dtype=np.float32).reshape(2, 1000)
    assert mask_logits(logits, protocol("imagenet-sketch").classes) is logits


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 6])
def test_a_broken_logit_is_not_hidden(bad: float, place: int) -> None:
    logits = np.zeros((1, 1000), np.float32)
    logits[0, place] = bad
    masked = mask_logits(logits, protocol("imagenet-a").classes)
    assert not np.isfinite(masked).all()


def test_a_net_of_other_classes_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"needs a net of 1000, got 10"):
        mask_logits(np.zeros((1, 10), np.float32), (1, 2))


def test_pictures_outside_of_the_subset_are_refused_by_name() -> None:
    with pytest.raises(DatasetError, match=r"1 pictures .* 200 .*'0\.JPEG'"):
        check_labels([sample(6), sample(0)], protocol("imagenet-a"))


def test_pictures_inside_are_not() -> None:
    check_labels([sample(6), sample(988)], protocol("imagenet-a"))
    check_labels([sample(0)], protocol("imagenet-sketch"))
