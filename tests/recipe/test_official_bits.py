"""The official recipe, bit for bit: golden digests, and a restatement of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from ppim_port.recipe import Transform, lookup_tables
from tests.recipe.made import (
    MADE,
    SHARED,
    needs_shared,
    official,
    restated_file,
    same_bits,
)

SAMPLES = SHARED / "imagenet-sample"


@needs_shared
def test_golden_digests_of_the_official_implementation_on_250_pictures() -> None:
    with np.load(SHARED / "golden" / "rednet26_logits.npz") as golden:
        wanted = dict(zip(golden["names"], golden["tensor_sha256"], strict=True))
    transform = Transform(official())
    wrong = [
        name
        for name, digest in wanted.items()
        if hashlib.sha256(transform(SAMPLES / "wnid" / name).data).hexdigest() != digest
    ]
    assert len(wanted) == 250
    assert wrong == []


@needs_shared
def test_restated_recipe_agrees_on_every_sample_picture() -> None:
    paths = [*SAMPLES.glob("wnid/*/*.JPEG"), *SAMPLES.glob("val/*.JPEG")]
    transform = Transform(official())
    wrong = [p.name for p in paths if not same_bits(transform(p), restated_file(p))]
    assert len(paths) == 292
    assert wrong == []


@pytest.mark.parametrize("kind", MADE)
def test_restated_recipe_agrees_on_a_made_picture(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "made.JPEG"
    path.write_bytes(MADE[kind]())
    got = Transform(official())(path)
    assert got.shape == (3, 224, 224)
    assert got.flags.c_contiguous
    assert same_bits(got, restated_file(path))


@pytest.mark.parametrize("kind", ["exif 3", "exif 6"])
def test_exif_rotation_can_be_left_out_and_then_matters(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "made.JPEG"
    path.write_bytes(MADE[kind]())
    turned = Transform(official())(path)
    as_stored = Transform(official(exif_rotation=False))(path)
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    stored = cv2.imread(str(path), flags)
    assert stored is not None
    assert same_bits(as_stored, Transform(official())(stored))
    assert not same_bits(as_stored, turned)


def test_tables_hold_float32_subtraction_and_division_for_every_value() -> None:
    recipe = official()
    for table, mean, std in zip(
        lookup_tables(recipe), recipe.mean, recipe.std, strict=True
    ):
        for value in range(256):
            shifted = np.float32(value) - np.float32(mean)
            assert table[value] == shifted / np.float32(std)


def test_opencvs_own_subtract_and_multiply_agree_to_the_last_bit_but_one() -> None:
    recipe = official()
    values = np.arange(256, dtype=np.float32).reshape(16, 16, 1).repeat(3, axis=2)
    shifted = cv2.subtract(values, np.array([recipe.mean], np.float64))
    scaled = cv2.multiply(shifted, 1 / np.array([recipe.std], np.float64))
    tables = lookup_tables(recipe).T.reshape(16, 16, 3)
    # One unit in the last place of numbers between 2 and 4, measured with OpenCV 5.0.
    assert np.abs(scaled - tables).max() <= 2.4e-7


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_finishing_a_batch_gives_the_bits_of_single_calls(
    count: int, order: str
) -> None:
    transform = Transform(official(channel_order=order))
    rng = np.random.default_rng(count)
    pictures = rng.integers(0, 256, (count, 261, 300, 3), dtype=np.uint8)
    batch = transform.finish(np.stack([transform.to_uint8(p) for p in pictures]))
    assert batch.transpose(0, 2, 3, 1).flags.c_contiguous
    for row, picture in zip(batch, pictures, strict=True):
        assert same_bits(row, transform(picture))


def test_bgr_order_applies_mean_and_std_to_blue_first() -> None:
    picture = np.zeros((256, 256, 3), np.uint8)
    picture[..., 0] = 255
    recipe = official(channel_order="bgr", mean=[10, 20, 30], std=[2, 4, 8])
    tensor = Transform(recipe)(picture)
    assert tensor[:, 0, 0].tolist() == [122.5, -5.0, -3.75]
