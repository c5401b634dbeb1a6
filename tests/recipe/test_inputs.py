"""What a transform takes, what it refuses, and that it loads OpenCV only when used."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ppim_port.errors import ImageError
from ppim_port.recipe import Transform
from tests.recipe.made import (
    MADE,
    encoded,
    official,
    restated,
    same_bits,
    texture,
)

TRANSFORM = Transform(official())


def test_path_text_bytes_and_array_give_the_same_bits(tmp_path: Path) -> None:
    path = tmp_path / "-odd näme\n.JPEG"
    data = encoded(texture(400, 300))
    path.write_bytes(data)
    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    wanted = restated(array)
    for source in (path, str(path), data, array):
        assert same_bits(TRANSFORM(source), wanted)


@pytest.mark.parametrize("kind", ["4:2:0", "grey", "PNG with palette", "PNG"])
def test_a_pillow_image_gives_the_bits_of_its_file(kind: str) -> None:
    data = MADE[kind]()
    assert same_bits(TRANSFORM(Image.open(io.BytesIO(data))), TRANSFORM(data))


@pytest.mark.parametrize("value", range(1, 9))
def test_a_pillow_image_is_turned_by_exif(value: int) -> None:
    data = MADE[f"exif {value}"]()
    assert same_bits(TRANSFORM(Image.open(io.BytesIO(data))), TRANSFORM(data))


def test_a_pillow_image_is_left_as_stored_if_the_recipe_says_so() -> None:
    data = MADE["exif 6"]()
    as_stored = Transform(official(exif_rotation=False))
    assert same_bits(as_stored(Image.open(io.BytesIO(data))), as_stored(data))


@pytest.mark.parametrize("kind", ["CMYK", "16-bit PNG"])
def test_a_pillow_mode_that_opencv_converts_otherwise_is_refused(kind: str) -> None:
    image = Image.open(io.BytesIO(MADE[kind]()))
    if kind == "16-bit PNG":
        image = Image.new("I;16", (300, 300))
    with pytest.raises(ImageError, match="Pass the file's path instead"):
        TRANSFORM(image)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((300, 300), np.uint8),
        np.zeros((300, 300, 1), np.uint8),
        np.zeros((300, 300, 4), np.uint8),
        np.zeros((300, 300, 3), np.float32),
        np.zeros((1, 300, 300, 3), np.uint8),
    ],
)
def test_an_array_that_would_have_to_be_guessed_at_is_refused(
    array: np.ndarray,
) -> None:
    with pytest.raises(ImageError, match=r"expected|must be uint8 BGR \[H, W, 3\]"):
        TRANSFORM(array)


def test_an_empty_array_is_refused() -> None:
    with pytest.raises(ImageError, match="0 x 300 pixels is empty"):
        TRANSFORM(np.zeros((0, 300, 3), np.uint8))


@pytest.mark.parametrize("thing", [None, 3, ["a.JPEG"], io.BytesIO(b"")])
def test_another_kind_of_object_is_refused(thing: object) -> None:
    with pytest.raises(ImageError, match="expected a path, encoded bytes"):
        TRANSFORM(thing)


def test_a_mirrored_view_is_read_as_it_looks() -> None:
    picture = texture(400, 300)
    assert same_bits(TRANSFORM(picture[:, ::-1]), restated(picture[:, ::-1].copy()))


def test_the_input_is_neither_changed_nor_shared() -> None:
    transform = Transform(official(resize_short_side=224))
    picture = texture(224, 224)
    before = picture.copy()
    transform.to_uint8(picture)[:] = 0
    assert np.array_equal(picture, before)


@pytest.mark.parametrize(
    "batch",
    [
        np.zeros((224, 224, 3), np.uint8),
        np.zeros((1, 3, 224, 224), np.uint8),
        np.zeros((1, 224, 224, 3), np.float32),
    ],
)
def test_finish_refuses_another_layout(batch: np.ndarray) -> None:
    with pytest.raises(ImageError, match=r"a batch must be uint8 \[N, H, W, 3\]"):
        TRANSFORM.finish(batch)


def loaded_by(code: str) -> str:
    code += "; import sys; print('cv2' in sys.modules, 'PIL' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_importing_and_building_a_transform_loads_neither_opencv_nor_pillow() -> None:
    code = "from ppim_port.recipe import Recipe, Transform; Transform(Recipe("
    code += "'n', 'opencv', True, 256, 'floor', 'bilinear', False, 224, 'half-even',"
    code += "'rgb', (1., 2., 3.), (4., 5., 6.), 's'))"
    assert loaded_by(code) == "False False"
    # The twin: the same question can be answered with yes.
    assert loaded_by("import cv2, PIL") == "True True"
