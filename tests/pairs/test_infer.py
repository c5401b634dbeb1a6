"""The map is found by what the nets do; what could be two things is refused."""

from __future__ import annotations

from typing import Literal

import pytest

from ppim_port.errors import MappingError
from ppim_port.pairs import NetDescription, infer
from ppim_port.pairs.records import layer_of
from tests.pairs.made import MENDED, SAME, STRANGERS, Net, pair_of

# Layers with tensors: as counted in the nets themselves, with torchvision 0.28.0.
LAYERS = {"resnet50": 107, "vgg16": 16, "densenet121": 242, "squeezenet1_1": 26}


def layers(source: NetDescription, target: NetDescription) -> dict[str, str]:
    """The source's layer -> the target's."""
    return {
        layer_of(source.ops[a]): layer_of(target.ops[b])
        for a, b in infer(source, target).nodes.items()
        if source.ops[a].tensors
    }


@pytest.mark.parametrize("model", [*SAME, *MENDED])
def test_every_layer_of_a_shared_net_finds_its_counterpart_both_ways(
    model: str,
) -> None:
    torchvision, paddle = pair_of(model)
    there, back = layers(torchvision, paddle), layers(paddle, torchvision)
    owners = {layer_of(op) for op in torchvision.ops if op.tensors}
    assert there.keys() == owners
    assert back == {theirs: ours for ours, theirs in there.items()}


@pytest.mark.parametrize(("model", "count"), LAYERS.items())
def test_layers_are_as_many_as_the_nets_have(model: str, count: int) -> None:
    assert len(layers(*pair_of(model))) == count


@pytest.mark.parametrize("model", ["resnet50", "vgg16_bn", "wide_resnet101_2"])
def test_what_both_packages_name_alike_is_matched_by_name(model: str) -> None:
    assert all(a == b for a, b in layers(*pair_of(model)).items())


def test_branches_of_equal_shape_are_told_apart_by_where_they_are_joined() -> None:
    """Both are 64 channels of 1x1 on the same input."""
    found = layers(*pair_of("inception_v3"))
    block = "inception_block_list.0"
    assert found["Mixed_5b.branch1x1.conv"] == f"{block}.branch1x1.0"
    assert found["Mixed_5b.branch3x3dbl_1.conv"] == f"{block}.branch3x3dbl_1.0"


@pytest.mark.parametrize("model", STRANGERS)
def test_nets_that_are_built_differently_are_refused(model: str) -> None:
    with pytest.raises(MappingError, match="built differently; nothing was converted"):
        infer(*pair_of(model))


def test_the_first_layer_without_counterpart_is_named_on_both_sides() -> None:
    with pytest.raises(MappingError) as caught:
        infer(*pair_of("shufflenet_v2_x2_0"))
    text = str(caught.value)
    assert "stage2.0.branch1.2 (conv 122x24x1x1) is the first of 126" in text
    assert "2_1._conv_linear_1.0 (conv 112x24x1x1) is the first of 126" in text


@pytest.mark.parametrize("other", ["resnet101", "wide_resnet50_2", "vgg16"])
def test_another_net_is_refused(other: str) -> None:
    with pytest.raises(MappingError, match="built differently"):
        infer(pair_of("resnet50")[0], pair_of(other)[1])


def branches(
    join: Literal["add", "concat"], names: tuple[str, str], *, swapped: bool = False
) -> NetDescription:
    """Two convolutions of equal shape on one input, joined."""
    net = Net()
    both = [net.conv(name, 0) for name in names]
    settings = {"axis": 1} if join == "concat" else {}
    return net.done(net.add(join, both[::-1] if swapped else both, settings))


def test_addends_that_nothing_tells_apart_are_ambiguous() -> None:
    with pytest.raises(MappingError) as caught:
        infer(branches("add", ("a", "b")), branches("add", ("x", "y")))
    text = str(caught.value)
    assert "is ambiguous at the add after a" in text
    assert "each of a (conv 3x3x1x1) and b (conv 3x3x1x1) could be" in text
    assert "x (conv 3x3x1x1) or y (conv 3x3x1x1)" in text
    assert "Nothing was converted" in text


@pytest.mark.parametrize("swapped", [False, True])
def test_addends_with_names_in_common_are_matched_by_them(swapped: bool) -> None:
    one = branches("add", ("a", "b"))
    two = branches("add", ("a", "b"), swapped=swapped)
    assert layers(one, two) == {"a": "a", "b": "b"}


def test_parts_of_a_concatenation_are_matched_by_their_order() -> None:
    one = branches("concat", ("a", "b"))
    two = branches("concat", ("a", "b"), swapped=True)
    assert layers(one, two) == {"a": "b", "b": "a"}


def residual(*, swapped: bool) -> NetDescription:
    net = Net()
    trunk = net.conv("trunk", 0)
    both = [net.conv("branch", trunk), trunk]
    return net.done(net.add("add", both[::-1] if swapped else both))


def test_a_sum_is_the_same_both_ways_round() -> None:
    found = layers(residual(swapped=False), residual(swapped=True))
    assert found == {"trunk": "trunk", "branch": "branch"}


def twice(*, shared: bool) -> NetDescription:
    net = Net()
    one = net.conv("one", 0)
    other = one if shared else net.conv("other", 0)
    return net.done(net.add("concat", [one, other], {"axis": 1}))


def test_one_set_of_weights_cannot_be_two() -> None:
    apart, together = twice(shared=False), twice(shared=True)
    for pair in ((apart, together), (together, apart)):
        with pytest.raises(MappingError, match=r"one|built differently"):
            infer(*pair)
