"""Every setting that differs is found, in order, and named with both values."""

from __future__ import annotations

import pytest

from ppim_port.pairs import Difference, NetDescription, compare, infer
from ppim_port.pairs.records import LAYOUT, Setting
from tests.pairs.made import MENDED, SAME, Net, pair_of, with_setting


def differences(*nets: NetDescription) -> tuple[Difference, ...]:
    return compare(infer(*nets))


@pytest.mark.parametrize("model", SAME)
def test_these_nets_of_both_packages_do_the_same(model: str) -> None:
    assert differences(*pair_of(model)) == ()


@pytest.mark.parametrize(("model", "count"), MENDED.items())
def test_these_nets_differ_in_so_many_settings(model: str, count: int) -> None:
    assert len(differences(*pair_of(model))) == count


FIRST = {
    "alexnet": "adaptive_avg_pool is there (size 6x6) in the source and absent",
    "inception_v3": "Conv2d_1a_3x3.bn / inception_stem.conv_1a_3x3.1: eps is 0.001 in",
    "squeezenet1_0": "the max_pool after features.0 / the max_pool after _conv: ceil",
    "squeezenet1_1": "features.0 / _conv: padding is 0x0 in the source and 1x1 in the",
}


@pytest.mark.parametrize(("model", "text"), FIRST.items())
def test_the_first_difference_names_layer_setting_and_both_values(
    model: str, text: str
) -> None:
    assert text in str(differences(*pair_of(model))[0])


def test_hard_sigmoids_differ_by_float32_of_a_sixth() -> None:
    found = differences(*pair_of("mobilenet_v3_small"))
    assert {(d.parameter, d.source, d.target) for d in found} == {
        ("slope", 1 / 6, 0.16666670143604279)
    }


def changed(value: Setting) -> Setting:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, tuple):
        return (*value[:-1], value[-1] + 1)
    return f"not {value}" if isinstance(value, str) else value + 1


@pytest.mark.parametrize("model", ["mobilenet_v3_small", "shufflenet_v2_x0_5"])
def test_any_setting_of_any_operation_that_differs_is_seen(model: str) -> None:
    net = pair_of(model)[0]
    match = infer(net, net)
    assert compare(match) == ()
    for index, op in enumerate(net.ops):
        for name in op.settings.keys() - {LAYOUT}:
            other = with_setting(net, index, name, changed(op.settings[name]))
            (found,) = compare(infer(net, other))
            assert (found.parameter, found.source) == (name, op.settings[name])
            assert found.source_layer == net.name(index)


def test_what_training_alone_feels_is_a_note() -> None:
    net = pair_of("inception_v3")[0]
    for kind, name in (("batch_norm", "momentum"), ("dropout", "p")):
        index = next(i for i, op in enumerate(net.ops) if op.kind == kind)
        (found,) = differences(net, with_setting(net, index, name, 0.25))
        assert found.training_only
    index = next(i for i, op in enumerate(net.ops) if op.kind == "dropout")
    other = with_setting(net, index, "mode", "downscale_in_infer")
    other = with_setting(other, index, "p", 0.25)
    assert not any(d.training_only for d in differences(net, other))


def between(*kinds: str) -> NetDescription:
    """Two convolutions, and what lies between them."""
    net = Net()
    above = net.conv("a", 0)
    for kind in kinds:
        above = net.add(kind, [above])
    return net.done(net.conv("b", above))


@pytest.mark.parametrize(
    ("ours", "theirs", "parameter", "values"),
    [
        (["relu"], [], "relu", ("there", "absent")),
        ([], ["relu6"], "relu6", ("absent", "there")),
        (["relu", "flatten"], ["flatten"], "relu", ("there", "absent")),
    ],
)
def test_an_operation_that_one_net_lacks_is_named(
    ours: list[str], theirs: list[str], parameter: str, values: tuple[str, str]
) -> None:
    (found,) = differences(between(*ours), between(*theirs))
    assert (found.parameter, (found.source, found.target)) == (parameter, values)
    assert "before" in f"{found.source_layer}{found.target_layer}"


def test_an_activation_in_the_place_of_another_is_two_differences() -> None:
    found = differences(between("relu"), between("relu6"))
    assert [d.parameter for d in found] == ["relu", "relu6"]
