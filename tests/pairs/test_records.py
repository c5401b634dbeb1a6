"""A net as data goes through JSON whole, and nothing else comes in."""

from __future__ import annotations

import json

import pytest

from ppim_port.errors import InputError, UnknownNameError, UsageError
from ppim_port.pairs import MODELS, net_name
from ppim_port.pairs.records import from_json, to_json
from tests.pairs.made import pair_of

RESNET, PADDLES = pair_of("resnet18")


@pytest.mark.parametrize("model", MODELS)
def test_a_description_goes_through_json_whole(model: str) -> None:
    for net in pair_of(model):
        assert from_json(json.loads(json.dumps(to_json(net)))) == net


def test_another_format_is_refused() -> None:
    with pytest.raises(InputError, match="format 2"):
        from_json({**to_json(RESNET), "format": 2})


@pytest.mark.parametrize("op", [["relu7", [0], {}, {}], ["relu", [99], {}, {}]])
def test_an_operation_that_we_do_not_know_is_refused(op: list[object]) -> None:
    document = to_json(RESNET)
    document["ops"][3] = op
    with pytest.raises(InputError, match="operation 3"):
        from_json(document)


def test_the_number_of_classes_changes_the_classifier_alone() -> None:
    for net, shape in ((RESNET, (10, 512)), (PADDLES, (512, 10))):
        ten = net.with_classes(10)
        changed = {k for k in net.tensors if net.tensors[k] != ten.tensors[k]}
        assert changed == {"fc.weight", "fc.bias"}
        assert ten.tensors["fc.weight"].shape == shape
        assert ten.num_classes == 10


def test_evaluation_reads_no_counter_and_no_auxiliary_classifier() -> None:
    unread = pair_of("inception_v3")[0].unread
    counters = [key for key in unread if key.endswith("num_batches_tracked")]
    others = [key for key in unread if key not in counters]
    assert len(counters) == 96
    assert {key.split(".")[0] for key in others} == {"AuxLogits"}


def test_an_operation_without_weights_is_named_by_where_it_stands() -> None:
    index = next(i for i, op in enumerate(RESNET.ops) if op.kind == "max_pool")
    assert RESNET.name(index) == "the max_pool after bn1"


def test_a_net_is_named_by_package_and_model() -> None:
    assert str(net_name("paddle.vision:vgg16_bn")) == "paddle.vision:vgg16_bn"
    assert net_name("paddle.vision:vgg16_bn").framework == "paddle"


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("resnet50", UsageError, "PACKAGE:MODEL"),
        ("torchvison:resnet50", UnknownNameError, "Did you mean torchvision"),
        ("torchvision:resnet51", UnknownNameError, "resnet50"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(
    text: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        net_name(text)
