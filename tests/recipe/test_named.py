"""Recipes by name or file: each bit for bit as a few lines of its own code say."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ppim_port.errors import (
    ImageError,
    ManifestError,
    MissingPackageError,
    UnknownNameError,
)
from ppim_port.manifest import load_manifest
from ppim_port.recipe import Recipe, Transform, open_recipe, recipe_from_dict
from tests.recipe.made import MADE, OFFICIAL, SHARED, encoded, same_bits, texture

RECIPES = load_manifest().recipes
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
VAL = sorted((SHARED / "imagenet-sample" / "val").glob("*.JPEG"))


def named(name: str) -> Recipe:
    return open_recipe(name, RECIPES)


def paddleclas(data: bytes, *, scale: float, mean: object, std: object) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), 1)[:, :, ::-1]
    height, width = image.shape[:2]
    percent = 256.0 / min(width, height)
    size = (round(width * percent), round(height * percent))
    image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    top, left = (image.shape[0] - 224) // 2, (image.shape[1] - 224) // 2
    image = image[top : top + 224, left : left + 224]
    shift = np.array(mean).reshape(1, 1, 3).astype(np.float32)
    spread = np.array(std).reshape(1, 1, 3).astype(np.float32)
    tensor = (image.astype(np.float32) * np.float32(scale) - shift) / spread
    return np.ascontiguousarray(tensor.transpose(2, 0, 1))


def hapi(data: bytes) -> np.ndarray:
    """ppim's own list of transforms, run by Paddle."""
    paddle = pytest.importorskip("paddle")
    steps = paddle.vision.transforms
    mean, std = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
    whole = steps.Compose(
        [
            steps.Resize(256),
            steps.CenterCrop(224),
            steps.Normalize(mean=mean, std=std, to_rgb=True, data_format="HWC"),
            steps.ToTensor(),
        ]
    )
    return whole(cv2.imdecode(np.frombuffer(data, np.uint8), 1)).numpy()


def cropped_by_pil(
    data: bytes, short: int, crop: int, kind: Image.Resampling
) -> Image.Image:
    """What torchvision's Resize and CenterCrop do to PIL images."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    width, height = image.size
    if min(width, height) != short:
        long = int(short * max(width, height) / min(width, height))
        size = (short, long) if width <= height else (long, short)
        image = image.resize(size, kind)
    width, height = image.size
    top = round((height - crop) / 2.0)
    left = round((width - crop) / 2.0)
    return image.crop((left, top, left + crop, top + crop))


def efficientnet_lite(data: bytes, size: int) -> np.ndarray:
    image = cropped_by_pil(data, size + 32, size, Image.Resampling.BICUBIC)
    pixels = np.asarray(image).astype(np.float32).transpose(2, 0, 1)
    return np.ascontiguousarray((pixels - np.float32(127)) / np.float32(128))


def torchvision_pil(data: bytes) -> np.ndarray:
    """What its PIL functions do, with torch's own arithmetic at the end."""
    torch = pytest.importorskip("torch")
    image = cropped_by_pil(data, 256, 224, Image.Resampling.BILINEAR)
    tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
    tensor = tensor.to(torch.float32).div(255)
    mean = torch.as_tensor(MEAN, dtype=torch.float32).view(-1, 1, 1)
    std = torch.as_tensor(STD, dtype=torch.float32).view(-1, 1, 1)
    return tensor.sub_(mean).div_(std).numpy()


RESTATED: dict[str, Callable[[bytes], np.ndarray]] = {
    "ppim-hapi": hapi,
    "paddleclas-rednet": lambda data: paddleclas(
        data, scale=1.0, mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]
    ),
    "paddleclas": lambda data: paddleclas(data, scale=1.0 / 255.0, mean=MEAN, std=STD),
    "torchvision-pil": torchvision_pil,
    "efficientnet-lite0": lambda data: efficientnet_lite(data, 224),
    "efficientnet-lite1": lambda data: efficientnet_lite(data, 240),
    "efficientnet-lite2": lambda data: efficientnet_lite(data, 260),
}


@pytest.fixture(scope="module", autouse=True)
def paddle_is_imported() -> None:
    """Quietly: it warns of a compiler cache that nobody needs here."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        __import__("paddle")


def test_every_recipe_but_the_official_one_is_restated_here() -> None:
    # CIFAR's are restated in `test_cifar.py`.
    others = {name for name in RECIPES if not name.startswith("cifar")}
    assert {*RESTATED, "rednet-official"} == others


@pytest.mark.parametrize("kind", [k for k in MADE if k != "20 megapixels"])
@pytest.mark.parametrize("name", RESTATED)
def test_a_made_picture_has_the_restatements_bits(name: str, kind: str) -> None:
    data = MADE[kind]()
    assert same_bits(Transform(named(name))(data), RESTATED[name](data))


@pytest.mark.skipif(not VAL, reason=f"no validation pictures under {SHARED}")
@pytest.mark.parametrize("name", RESTATED)
def test_real_pictures_have_the_restatements_bits(name: str) -> None:
    transform = Transform(named(name))
    wrong = [
        path.name
        for path in VAL
        if not same_bits(transform(path), RESTATED[name](path.read_bytes()))
    ]
    assert wrong == []


@pytest.mark.parametrize("side", range(400, 460, 7))
@pytest.mark.parametrize("name", RESTATED)
def test_every_parity_of_the_sides_has_the_restatements_bits(
    name: str, side: int
) -> None:
    for width, height in ((side, 301), (301, side)):
        data = encoded(texture(width, height))
        assert same_bits(Transform(named(name))(data), RESTATED[name](data))


def test_the_recipes_differ_unless_their_arithmetic_is_one() -> None:
    prints = {name: named(name).fingerprint() for name in RECIPES}
    assert prints["rednet-official"] == prints["ppim-hapi"] == "76e5dac3830c287e"
    assert prints["cifar10"] == prints["cifar100-nam"]
    assert len(set(prints.values())) == len(prints) - 2


def test_antialias_averages_where_opencv_picks() -> None:
    picture = texture(2000, 1500)
    plain = recipe_from_dict("a", OFFICIAL)
    averaged = recipe_from_dict("b", OFFICIAL | {"antialias": True})
    spread = [Transform(r).to_uint8(picture).std() for r in (plain, averaged)]
    assert spread[1] < spread[0]


def test_a_file_is_a_recipe_of_its_stem(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(OFFICIAL | {"crop_rounding": "floor"}))
    recipe = open_recipe(str(path), RECIPES)
    assert (recipe.name, recipe.crop_rounding) == ("mine", "floor")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "cannot be read as a JSON recipe"),
        ("[1]", r"a recipe is a JSON object, got '\[1\]'"),
        ("{}", "decoder: missing"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(
    text: str, expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(ManifestError, match=expected):
        open_recipe(str(path), RECIPES)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read"):
        open_recipe(str(tmp_path / "gone.json"), RECIPES)


def test_an_unknown_name_suggests_a_known_one() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean paddleclas"):
        open_recipe("paddleclass", RECIPES)


@pytest.mark.parametrize("kind", ["area", "nearest"])
def test_antialias_is_refused_where_pillow_has_no_such_resize(kind: str) -> None:
    with pytest.raises(ManifestError, match="antialias: true goes with"):
        recipe_from_dict("r", OFFICIAL | {"antialias": True, "interpolation": kind})


@pytest.mark.parametrize("scale", ["divide-255", "multiply-1/255"])
def test_mean_and_std_of_0_to_255_are_refused_beside_a_scale(scale: str) -> None:
    with pytest.raises(ManifestError, match=r"mean: expected units of 0\.\.1, .*std"):
        recipe_from_dict("r", OFFICIAL | {"pixel_scale": scale})


def test_a_missing_pillow_is_told_before_the_first_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingPackageError, match=r"pillow.*ppim-port\[pil\]"):
        Transform(named("torchvision-pil"))
    Transform(named("rednet-official"))


FAULTS = {
    "empty": b"",
    "HTML": b"<html><body>404</body></html>",
    "truncated": encoded(texture(400, 300))[:4000],
    "truncated PNG": encoded(texture(400, 300), "PNG")[:4000],
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", RECIPES)
def test_no_recipe_decodes_a_damaged_file(name: str, fault: str) -> None:
    with pytest.raises(ImageError, match="cannot be decoded"):
        Transform(named(name))(FAULTS[fault])
