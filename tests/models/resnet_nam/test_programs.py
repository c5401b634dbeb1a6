"""A family that nobody publishes weights of, in both programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert import Request
from convert.pipeline import convert
from eval.dataset import Dataset
from eval.prepare import unlike_published
from ppim_port.checkpoint import read, write
from ppim_port.errors import UsageError
from ppim_port.manifest import load_manifest
from ppim_port.models.family import picture_size
from ppim_port.models.resnet_nam.family import FAMILY
from ppim_port.recipe import recipe_from_dict
from ppim_port.sources import cached_weights, fetch_weights
from tests.mapping.plans import bits
from tests.support.resnets import resnet
from tests.support.states import made_state, rednet


def test_a_users_own_checkpoint_is_converted_and_proven_at_its_own_size(
    tmp_path: Path,
) -> None:
    config = resnet("18_nam_pixel")
    state = made_state(config)
    publish, path = FAMILY.namings[0].publish, tmp_path / "own.pth"
    official = {publish(key): value for key, value in state.items()}
    write(official, path, kind="pth", framework="torch")
    done = convert(Request("resnet18_nam_pixel", checkpoint=path, out=tmp_path))
    assert done.proof is not None
    assert done.proof.image_size == 32
    assert done.proof.max_relative_difference < 1e-9
    written = read(done.written.path).state
    assert bits(written) == bits(made_state(config, "paddle"))


def test_other_families_are_proven_at_the_usual_size() -> None:
    assert picture_size(rednet(), 224) == 224
    assert picture_size(resnet("18_imagenet"), 128) == 224


def test_without_a_checkpoint_it_is_said_that_nobody_publishes_one() -> None:
    record = load_manifest().model("resnet50_nam")
    with pytest.raises(UsageError) as caught:
        fetch_weights(record, by_hand="--checkpoint FILE")
    assert str(caught.value) == (
        "Nobody publishes weights of resnet50_nam: nothing was fetched. Pass your own: "
        "--checkpoint FILE."
    )
    assert cached_weights(record) is None
    with pytest.raises(UsageError, match="Unknown source of resnet50_nam 'official'"):
        fetch_weights(record, "official")


def test_a_score_is_compared_with_no_figure() -> None:
    manifest = load_manifest()
    record = manifest.model("resnet50_nam")
    recipe = recipe_from_dict(record.recipe, manifest.recipes[record.recipe])
    dataset = Dataset(Path(), "list", (), record.num_classes)
    assert (
        unlike_published(record, recipe, dataset, test_set="cifar100")
        == "a model of which no figures are published"
    )
