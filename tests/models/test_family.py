"""RedNet without a framework: variants, spellings, sizes, and what is inferred."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppim_port.errors import InputSizeError, MappingError, UnknownNameError
from ppim_port.models.family import Naming, known_families, load_family
from ppim_port.models.rednet.family import (
    BLOCKS,
    FAMILY,
    STEM_SPAN,
    check_input_size,
)
from tests.support.states import VARIANTS, layers_of, rednet

SIDES = st.integers(-40, 1200)


def fits(side: int) -> bool:
    """Whether unfold (rounds up) and average pool (rounds down) agree thrice."""
    for _ in range(2):  # the stem's convolution and the max pool, both round up
        side = -(-side // 2)
    for _ in range(3):  # the stages 2 to 4
        if side % 2:
            return False
        side //= 2
    return side > 0


def accepted(height: int, width: int) -> bool:
    try:
        check_input_size(height, width)
    except InputSizeError:
        return False
    return True


@given(height=SIDES, width=SIDES)
def test_a_size_is_accepted_where_the_official_net_takes_it(
    height: int, width: int
) -> None:
    assert accepted(height, width) == (fits(height) and fits(width))


def test_sizes_that_work_are_those_whose_quarter_is_a_multiple_of_eight() -> None:
    sides = range(1, 1000)
    expected = [n for n in sides if -(-n // 4) % 8 == 0]
    assert [n for n in sides if accepted(n, 224)] == expected
    assert [n for n in sides if accepted(224, n)] == expected
    assert expected[:5] == [29, 30, 31, 32, 61]


@given(side=st.integers(1, 1200).filter(lambda n: not fits(n)))
def test_a_refusal_names_the_nearest_sizes_that_work(side: int) -> None:
    with pytest.raises(InputSizeError) as caught:
        check_input_size(224, side)
    named = re.search(r"Nearest to (\d+): (\d+)\.\.(\d+)\.", str(caught.value))
    assert named is not None
    about, low, high = map(int, named.groups())
    assert about == side
    assert all(fits(n) for n in range(low, high + 1))
    distance = min(abs(low - side), abs(high - side))
    assert not any(fits(n) for n in range(side - distance + 1, side + distance))


def test_the_refusal_reads_well() -> None:
    with pytest.raises(InputSizeError) as caught:
        FAMILY.check_input_size(200, 224)
    assert str(caught.value) == (
        "RedNet cannot take images of 200x224: each side must be 32k-3 to 32k pixels "
        "(29..32, 61..64, ... 221..224, ...), as in the official net. "
        "Nearest to 200: 189..192."
    )


def test_variants_are_the_published_five() -> None:
    assert tuple(BLOCKS) == VARIANTS


def test_an_unknown_variant_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"RedNet variant '34'.* 38"):
        FAMILY.configure("34")


def test_a_family_is_found_by_its_folder() -> None:
    assert "rednet" in known_families()
    assert load_family("rednet") is FAMILY


def test_an_unknown_family_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"family 'resnet'.*rednet"):
        load_family("resnet")


def test_the_classifier_has_the_classes_that_were_asked_for() -> None:
    *_, last = layers_of(FAMILY.configure("26", num_classes=7))
    assert (last.name, last.shape) == ("fc", (7, 2048))


@pytest.mark.parametrize("variant", VARIANTS)
def test_layer_names_are_unique(variant: str) -> None:
    names = [layer.name for layer in layers_of(rednet(variant))]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("span", "size"), [(18, 3), (98, 7)])
def test_the_stems_kernel_size_is_read_from_the_checkpoint(
    span: int, size: int
) -> None:
    config = FAMILY.infer("152", {STEM_SPAN: (span, 8, 1, 1)})
    assert config.stem_kernel_size == size


@pytest.mark.parametrize("span", [0, 8, 17, 19, 32, 72, 99, 196])
def test_an_impossible_stem_is_refused(span: int) -> None:
    with pytest.raises(MappingError, match=f"{STEM_SPAN}: {span} outputs fit no"):
        FAMILY.infer("26", {STEM_SPAN: (span, 8, 1, 1)})


def test_the_classes_are_read_from_the_checkpoint() -> None:
    assert FAMILY.infer("26", {"fc.weight": (10, 2048)}).num_classes == 10


@pytest.mark.parametrize("key", ["fc.weight", STEM_SPAN])
def test_a_scalar_infers_nothing(key: str) -> None:
    assert FAMILY.infer("26", {key: ()}) == FAMILY.configure("26")


def test_nothing_recognised_infers_the_published_net() -> None:
    assert FAMILY.infer("50", {}) == FAMILY.configure("50")


@pytest.mark.parametrize(
    ("key", "published"),
    [
        ("stem.0.conv.weight", "backbone.stem.0.conv.weight"),
        ("layer1.0.bn1.bias", "backbone.layer1.0.bn1.bias"),
        ("fc.weight", "head.fc.weight"),
    ],
)
def test_the_longest_prefix_decides_the_official_spelling(
    key: str, published: str
) -> None:
    official, plain = FAMILY.namings
    assert official.publish(key) == published
    assert plain.publish(key) == key


def test_prefixes_may_stand_in_any_order() -> None:
    naming = Naming("x", {"fc.": "b.", "": "a."})
    assert [naming.publish("fc.w"), naming.publish("w")] == ["b.w", "a.w"]
