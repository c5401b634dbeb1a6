"""The official recipe's numbers, its restatement by description, and made pictures."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from ppim_port.recipe import Recipe, recipe_from_dict

SHARED = Path(__file__).parents[3] / "shared"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"the sample pictures are not at {SHARED}"
)

OFFICIAL: dict[str, Any] = {
    "decoder": "opencv",
    "exif_rotation": True,
    "resize_short_side": 256,
    "long_side_rounding": "floor",
    "interpolation": "bilinear",
    "antialias": False,
    "crop_size": 224,
    "crop_rounding": "half-even",
    "channel_order": "rgb",
    "mean": [123.675, 116.28, 103.53],
    "std": [58.395, 57.12, 57.375],
    "source": "the tests",
}


def official(**changes: object) -> Recipe:
    return recipe_from_dict("official", OFFICIAL | changes)


def restated(bgr: np.ndarray) -> np.ndarray:
    """The official recipe from its description, with floats where it has floats."""
    height, width = bgr.shape[:2]
    short = min(height, width)
    if short != 256:
        size = (256, int(256 * height / width))
        if height <= width:
            size = (int(256 * width / height), 256)
        bgr = cv2.resize(bgr, size, interpolation=cv2.INTER_LINEAR)
    height, width = bgr.shape[:2]
    y, x = round((height - 224) / 2.0), round((width - 224) / 2.0)
    rgb = cv2.cvtColor(bgr[y : y + 224, x : x + 224], cv2.COLOR_BGR2RGB)
    tensor = rgb.astype(np.float32)
    tensor -= np.float32([123.675, 116.28, 103.53])
    tensor /= np.float32([58.395, 57.12, 57.375])
    return np.ascontiguousarray(tensor.transpose(2, 0, 1))


def restated_file(path: Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert image is not None
    return restated(image)


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def texture(width: int, height: int, channels: int = 3) -> np.ndarray:
    """Smooth shapes plus noise, so that no two corners or channels are alike."""
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(width * 7919 + height).integers(
        0, 40, (height, width)
    )
    planes = [
        (x * (3 + c) // 4 + y * (5 - c) // 3 + noise) % 251 for c in range(channels)
    ]
    return np.stack(planes, axis=-1).astype(np.uint8).squeeze()


def encoded(pixels: np.ndarray, kind: str = "JPEG", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def exif_orientation(value: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif.tobytes()


def cmyk_jpeg() -> bytes:
    out = io.BytesIO()
    Image.fromarray(texture(300, 270, 4), "CMYK").save(out, "JPEG", quality=90)
    return out.getvalue()


def png_16_bit() -> bytes:
    pixels = texture(310, 280).astype(np.uint16) * 257
    return bytes(cv2.imencode(".png", pixels)[1])


MADE: dict[str, Callable[[], bytes]] = {
    "grey": lambda: encoded(texture(400, 300, 1), quality=90),
    "4:2:0": lambda: encoded(texture(401, 303), subsampling=2),
    "4:4:4": lambda: encoded(texture(401, 303), subsampling=0),
    "progressive": lambda: encoded(texture(401, 303), progressive=True),
    **{
        f"exif {n}": lambda n=n: encoded(texture(390, 280), exif=exif_orientation(n))
        for n in range(1, 9)
    },
    "short side 256, landscape": lambda: encoded(texture(333, 256)),
    "short side 256, portrait": lambda: encoded(texture(256, 333)),
    "square 256": lambda: encoded(texture(256, 256)),
    "smaller than 256": lambda: encoded(texture(90, 61)),
    "one pixel": lambda: encoded(texture(2, 1)[:, :1]),
    "one pixel wide": lambda: encoded(texture(2, 300)[:, :1]),
    "one pixel high": lambda: encoded(texture(300, 2)[:1]),
    "20 megapixels": lambda: encoded(np.tile(texture(501, 400), (10, 10, 1))),
    "CMYK": cmyk_jpeg,
    "PNG": lambda: encoded(texture(320, 290), "PNG"),
    "PNG with alpha": lambda: encoded(texture(320, 290, 4), "PNG"),
    "PNG with palette": lambda: palette_png(),
    "16-bit PNG": png_16_bit,
    "bytes after the end": lambda: encoded(texture(400, 300)) + b"\xff\xd8 trailing",
}


def palette_png() -> bytes:
    out = io.BytesIO()
    Image.fromarray(texture(320, 290)).quantize(64).save(out, "PNG")
    return out.getvalue()
