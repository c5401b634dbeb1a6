"""Faults that a pipeline can have, made without the code under test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ppim_port.imagenet import devkit_wnids, wnids
from ppim_port.state_dict import Array

MEAN = np.array([123.675, 116.28, 103.53])
STD = np.array([58.395, 57.12, 57.375])


def cropped(
    path: Path,
    *,
    exif: bool = True,
    flag: int = cv2.INTER_LINEAR,
    whole: Callable[[float], int] = int,
    offset: Callable[[float], int] = round,
    side: int = 256,
) -> Array:
    """BGR 224 x 224, float64, by the official recipe or with one thing changed."""
    mode = cv2.IMREAD_COLOR | (0 if exif else cv2.IMREAD_IGNORE_ORIENTATION)
    image = cv2.imread(str(path), mode)
    assert image is not None
    height, width = image.shape[:2]
    short = min(height, width)
    new = [side if s == short else whole(s * side / short) for s in (width, height)]
    if short != side:
        image = cv2.resize(image, new, interpolation=flag)
    top, left = (offset((s - 224) / 2) for s in image.shape[:2])
    return image[top : top + 224, left : left + 224].astype(np.float64)


def pillow(path: Path) -> Array:
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    short = min(image.size)
    size = tuple(int(s * 256 / short) for s in image.size)
    if short != 256:
        image = image.resize(size, Image.Resampling.BILINEAR)
    left, top = (round((s - 224) / 2) for s in size)
    pixels = np.asarray(image)[top : top + 224, left : left + 224, ::-1]
    return pixels.astype(np.float64)


def normal(bgr: Array) -> Array:
    return (bgr[..., ::-1] - MEAN) / STD


def half_up(value: float) -> int:
    return int(np.floor(value + 0.5))


PREPARED: dict[str, Callable[[Path], Array]] = {
    "as-is": lambda p: normal(cropped(p)),
    "channels": lambda p: (cropped(p) - MEAN) / STD,
    "antialias": lambda p: normal(pillow(p)),
    "resize-nearest": lambda p: normal(cropped(p, flag=cv2.INTER_NEAREST)),
    "resize-area": lambda p: normal(cropped(p, flag=cv2.INTER_AREA)),
    "resize-bicubic": lambda p: normal(cropped(p, flag=cv2.INTER_CUBIC)),
    "exif": lambda p: normal(cropped(p, exif=False)),
    "long-side-round": lambda p: normal(cropped(p, whole=round)),
    "crop-floor": lambda p: normal(cropped(p, offset=int)),
    "crop-half-up": lambda p: normal(cropped(p, offset=half_up)),
    "short-side-224": lambda p: normal(cropped(p, side=224)),
    "pixels-0-1": lambda p: (cropped(p)[..., ::-1] / 255 - MEAN) / STD,
    "mean-half": lambda p: (cropped(p)[..., ::-1] - 127.5) / 127.5,
    "not-normalised": lambda p: cropped(p)[..., ::-1] / 255,
}


@contextmanager
def epsilon(model: Any) -> Iterator[None]:
    import torch

    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.eps = 1e-3
    yield
    for norm in norms:
        norm.eps = 1e-5


@contextmanager
def stale(model: Any) -> Iterator[None]:
    import torch

    kept = {key: value.clone() for key, value in model.state_dict().items()}
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
    yield
    model.load_state_dict(kept)


BROKEN = {"bn-epsilon-1e-3": epsilon, "stale-statistics": stale}

FAULTY_LABELS: dict[str, Callable[[int], int]] = {
    "labels-devkit": lambda label: devkit_wnids().index(wnids()[label]),
    "labels-text-sorted": lambda n: sorted(str(i) for i in range(1000)).index(str(n)),
    "labels-off-by-one": lambda label: label + 1,
}
