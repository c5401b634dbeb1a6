"""Which variant a checkpoint's keys are, and what a refusal makes of it."""

from __future__ import annotations

from functools import cache

import pytest

from ppim_port.errors import MappingError, UnknownNameError
from ppim_port.mapping import TensorInfo, describe, plan
from ppim_port.mapping.fit import fit, variants_that_fit
from ppim_port.models.family import load_family
from ppim_port.state_dict import FrameworkName
from tests.support.states import VARIANTS, Spelling, made_state, rednet

REDNET = load_family("rednet")
Infos = dict[str, TensorInfo]


@cache
def made(variant: str, spelling: Spelling, **options: int) -> Infos:
    return describe(made_state(rednet(variant, **options), spelling))


def infos(
    variant: str = "26", spelling: Spelling = "official", **options: int
) -> Infos:
    return dict(made(variant, spelling, **options))


def fitting(source: Infos, framework: FrameworkName = "torch") -> list[str]:
    return variants_that_fit(source, REDNET, framework=framework)


def refusal(source: Infos, variant: str, framework: FrameworkName = "torch") -> str:
    with pytest.raises(MappingError) as caught:
        plan(
            source,
            family="rednet",
            variant=variant,
            source_framework=framework,
            target_framework="paddle",
        )
    return str(caught.value)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_fits_itself_alone(variant: str) -> None:
    assert fitting(infos(variant)) == [variant]


def test_paddles_names_and_layouts_are_told_apart_too() -> None:
    source = infos("38", "paddle")
    assert fitting(source, "paddle") == ["38"]
    assert fitting(source, "torch") == []


def test_what_may_differ_within_a_variant_still_fits() -> None:
    counters = "num_batches_tracked"
    without = {k: v for k, v in infos().items() if not k.endswith(counters)}
    wrapped = {f"module.{key}": info for key, info in infos().items()}
    others = (infos(num_classes=7), infos(stem_kernel_size=7), without, wrapped)
    assert [fitting(source) for source in others] == [["26"]] * 4


def test_one_key_too_few_or_too_many_fits_nothing() -> None:
    fewer, more = infos(), infos()
    del fewer["head.fc.bias"]
    more["optimizer"] = TensorInfo((1,), "float32")
    assert fitting(fewer) == fitting(more) == []


def test_one_wrong_shape_or_dtype_fits_nothing() -> None:
    shape, dtype = infos(), infos()
    shape["head.fc.bias"] = TensorInfo((999,), "float32")
    dtype["head.fc.bias"] = TensorInfo((1000,), "float64")
    assert fitting(shape) == fitting(dtype) == []


def test_a_shape_that_no_configuration_has_fits_nothing_and_raises_nothing() -> None:
    source = infos()
    source["backbone.stem.1.conv2.conv.weight"] = TensorInfo((32, 8, 1, 1), "float32")
    assert fitting(source) == []


def test_an_empty_checkpoint_fits_nothing() -> None:
    assert fitting({}) == []


def test_a_fit_names_the_net_and_the_spelling_that_it_found() -> None:
    source = {f"module.{key}": i for key, i in infos(num_classes=7).items()}
    found = fit(source, REDNET, "26", framework="torch")
    assert found.problems == ()
    assert found.config == rednet(num_classes=7)
    assert found.naming == "official, in module.*"
    assert found.published["fc.bias"] == "module.head.fc.bias"


def test_an_unknown_variant_is_not_held_against_anything() -> None:
    with pytest.raises(UnknownNameError, match="RedNet variant"):
        fit(infos(), REDNET, "18", framework="torch")


@pytest.mark.parametrize(
    ("spelling", "framework"),
    [("official", "torch"), ("torch", "torch"), ("paddle", "paddle")],
)
def test_a_refusal_ends_with_the_model_that_the_keys_fit(
    spelling: Spelling, framework: FrameworkName
) -> None:
    text = refusal(infos("38", spelling), "101", framework)
    assert text.endswith("\nThese keys fit rednet38: ask for that model instead.")
    assert "38: ask" not in text.removesuffix("38: ask for that model instead.")


def test_a_refusal_does_not_guess_where_no_model_fits() -> None:
    source = infos()
    del source["head.fc.bias"]
    for variant in VARIANTS:
        assert "These keys fit" not in refusal(source, variant)
