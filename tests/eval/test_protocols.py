"""Test sets state their classes, and masked logits equal those of a smaller net."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eval.ledger import row_of
from eval.pipeline import evaluate
from eval.protocols import NAMES, check_classes, mask_logits, protocol
from eval.records import Request, Sample
from eval.verification import verify
from ppim_port.errors import DatasetError, LedgerError, UnknownNameError
from ppim_port.imagenet import wnids
from ppim_port.state_dict import Array
from tests.eval.made import dataset, demo_labels

COUNTS = {
    "ilsvrc2012": (50_000, 1000),
    "imagenet-v2-matched-frequency": (10_000, 1000),
    "imagenet-v2-threshold-0.7": (10_000, 1000),
    "imagenet-v2-top-images": (10_000, 1000),
    "imagenet-sketch": (50_889, 1000),
    "imagenet-a": (7_500, 200),
    "imagenet-r": (30_000, 200),
    "cifar10": (10_000, 10),
    "cifar100": (10_000, 100),
}


def sample(label: int) -> Sample:
    return Sample(f"{label}.JPEG", Path("x"), label)


def test_every_protocol_states_its_pictures_and_classes() -> None:
    assert set(NAMES) == set(COUNTS)
    for name, (n, classes) in COUNTS.items():
        found = protocol(name)
        assert (found.name, found.n) == (name, n)
        assert len(found.classes or range(found.outputs)) == classes
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
        check_classes(dataset([sample(6), sample(0)]), protocol("imagenet-a"))


def test_pictures_inside_are_not() -> None:
    check_classes(dataset([sample(6), sample(988)]), protocol("imagenet-a"))
    check_classes(dataset([sample(0)]), protocol("imagenet-sketch"))


def test_a_classifier_of_other_classes_is_refused_at_once() -> None:
    few = replace(dataset([sample(6)]), classes=10)
    with pytest.raises(DatasetError, match="needs a net of 1000, got 10"):
        check_classes(few, protocol("imagenet-a"))


@pytest.fixture
def three(demo: Request, tmp_path: Path) -> Request:
    """The demo's pictures that are of ImageNet-R's classes."""
    classes = protocol("imagenet-r").classes or ()
    lines = [f"{name} {label}" for name, label in demo_labels().items()]
    kept = [line for line in lines if int(line.split()[1]) in classes]
    assert 1 < len(kept) < len(lines)
    chosen = tmp_path / "list.txt"
    chosen.write_text("\n".join(kept))
    return replace(demo, val_list=chosen, protocol="imagenet-r")


@pytest.mark.usefixtures("fake")
def test_a_run_of_a_subset_answers_from_the_subset_alone(three: Request) -> None:
    inside = set(protocol("imagenet-r").classes or ())
    told: list[str] = []
    result = evaluate(three, say=told.append)
    assert all(set(row.top5) <= inside for row in result.rows)
    assert all(row.rank < 200 for row in result.rows)
    whole = evaluate(replace(three, protocol="ilsvrc2012"))
    assert not all(set(row.top5) <= inside for row in whole.rows)
    masked = zip(result.rows, whole.rows, strict=True)
    assert all(a.log_sum_exp < b.log_sum_exp for a, b in masked)
    assert "protocol: imagenet-r, 200 classes compete" in told


@pytest.mark.usefixtures("fake")
def test_another_test_set_is_not_compared_and_the_ledger_says_which(
    three: Request, tmp_path: Path
) -> None:
    result = evaluate(replace(three, run=tmp_path / "run"))
    assert result.verdict.status == "not-comparable"
    assert "the test set imagenet-r" in result.verdict.reason
    found = verify(tmp_path / "run")
    assert found.sealed.settings["protocol"] == "imagenet-r"
    with pytest.raises(LedgerError, match="protocol"):
        evaluate(replace(three, run=tmp_path / "run", protocol="ilsvrc2012"))


@pytest.mark.usefixtures("fake")
def test_a_run_over_other_pictures_is_refused(demo: Request) -> None:
    with pytest.raises(DatasetError, match="outside of the 200 of imagenet-r"):
        evaluate(replace(demo, protocol="imagenet-r"))
    with pytest.raises(UnknownNameError, match="protocol"):
        evaluate(replace(demo, protocol="imagenet-q"))
