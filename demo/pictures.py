"""Draw the demo's pictures: patterns, not photographs, each named after a class.

`python -m demo.pictures` writes demo/pictures/ anew. They are drawn by this file and
nobody else's work, so they ship under this project's licence.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Canvas = NDArray[np.uint8]

FOLDER = Path(__file__).parent / "pictures"
ORIENTATION_LEFT = 8


def _canvas(height: int, width: int, colour: tuple[int, int, int]) -> Canvas:
    return np.full((height, width, 3), colour, np.uint8)


def zebra() -> Canvas:
    """Slanted stripes, black on white."""
    rows, columns = np.mgrid[:300, :400]
    stripes = np.sin((columns + rows * 0.4) / 9) > 0
    return np.repeat(np.where(stripes, 245, 15)[..., None], 3, axis=2).astype(np.uint8)


def honeycomb() -> Canvas:
    """Hexagons in amber."""
    image = _canvas(320, 320, (40, 120, 200))
    corners = [(np.cos(a), np.sin(a)) for a in np.linspace(0, 2 * np.pi, 7)[:-1]]
    for row in range(9):
        for column in range(12):
            x, y = column * 30 + 15, row * 36 + (column % 2) * 18 + 10
            points = np.array([(x + 19 * c, y + 19 * s) for c, s in corners], np.int32)
            cv2.polylines(image, [points], True, (10, 60, 110), 4)
    return image


def spider_web() -> Canvas:
    """Rings and spokes on dark blue."""
    image = _canvas(300, 300, (70, 30, 20))
    for radius in range(15, 200, 17):
        cv2.circle(image, (150, 150), radius, (220, 220, 220), 1, cv2.LINE_AA)
    for angle in np.linspace(0, 2 * np.pi, 17):
        end = (int(150 + 220 * np.cos(angle)), int(150 + 220 * np.sin(angle)))
        cv2.line(image, (150, 150), end, (220, 220, 220), 1, cv2.LINE_AA)
    return image


def crossword() -> Canvas:
    """A grid with black squares; its short side is exactly 256."""
    image = _canvas(256, 384, (250, 250, 250))
    filled = np.random.default_rng(918).random((8, 12)) < 0.3
    for row, column in zip(*np.nonzero(filled), strict=True):
        image[row * 32 : row * 32 + 32, column * 32 : column * 32 + 32] = 10
    image[::32] = 90
    image[:, ::32] = 90
    return image


def stone_wall() -> Canvas:
    """Rows of bricks, shifted."""
    image = _canvas(280, 420, (110, 115, 120))
    for row in range(8):
        for column in range(-1, 8):
            x, y = column * 60 + (row % 2) * 30, row * 36
            shade = 140 + 12 * ((row * 5 + column * 3) % 7)
            cv2.rectangle(image, (x + 3, y + 3), (x + 56, y + 32), (shade,) * 3, -1)
    return image


def maze() -> Canvas:
    """Nested squares with gaps, green."""
    image = _canvas(360, 300, (200, 240, 200))
    for step in range(10, 150, 24):
        cv2.rectangle(image, (step, step), (300 - step, 360 - step), (30, 90, 30), 7)
        gap = 30 + step
        cv2.line(image, (gap, step), (gap + 22, step), (200, 240, 200), 9)
    return image


def _fruit(colour: tuple[int, int, int], ground: tuple[int, int, int]) -> Canvas:
    image = _canvas(300, 360, ground)
    cv2.circle(image, (180, 150), 105, colour, -1, cv2.LINE_AA)
    shine = tuple(min(255, c + 70) for c in colour)
    cv2.circle(image, (145, 115), 28, shine, -1, cv2.LINE_AA)
    return cv2.GaussianBlur(image, (0, 0), 2).astype(np.uint8)


def orange() -> Canvas:
    """An orange disc on blue."""
    return _fruit((20, 130, 245), (160, 110, 60))


def granny_smith() -> Canvas:
    """A green disc on wood."""
    return _fruit((60, 190, 110), (60, 90, 140))


def traffic_light() -> Canvas:
    """Red, amber, green; larger than the others."""
    image = _canvas(640, 480, (225, 190, 150))
    cv2.rectangle(image, (170, 60), (310, 580), (30, 30, 30), -1)
    lights = ((150, (40, 40, 230)), (320, (40, 190, 240)), (490, (70, 200, 60)))
    for y, colour in lights:
        cv2.circle(image, (240, y), 60, colour, -1, cv2.LINE_AA)
    return image


def dalmatian() -> Canvas:
    """Black dots on white, stored grey."""
    image = _canvas(300, 300, (240, 240, 240))
    rng = np.random.default_rng(251)
    for x, y, radius in rng.integers((0, 0, 6), (300, 300, 18), (60, 3)).tolist():
        cv2.circle(image, (x, y), radius, (20, 20, 20), -1, cv2.LINE_AA)
    return image


def seashore() -> Canvas:
    """Waves; stored lying on its side, with the EXIF mark that says so."""
    rows, columns = np.mgrid[:240, :360]
    wave = 127 + 100 * np.sin(rows / 7 + 2 * np.sin(columns / 40))
    channels = (wave * 0.9 + 20, wave * 0.7 + 40, np.full_like(wave, 90))
    return np.stack(channels, axis=2).clip(0, 255).astype(np.uint8)


# Index among the sorted wnids -> who draws it.
PICTURES: dict[int, Callable[[], Canvas]] = {
    251: dalmatian,
    340: zebra,
    599: honeycomb,
    646: maze,
    815: spider_web,
    825: stone_wall,
    918: crossword,
    920: traffic_light,
    948: granny_smith,
    950: orange,
    978: seashore,
}


def _exif(orientation: int) -> bytes:
    """A JPEG APP1 segment with nothing but the orientation."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 1) + entry + bytes(4)
    body = b"Exif\0\0" + tiff
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def encode(draw: Callable[[], Canvas]) -> bytes:
    """The JPEG file of a picture."""
    image = draw()
    if draw is dalmatian:
        image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8)
    if draw is seashore:
        image = np.ascontiguousarray(np.rot90(image, -1))
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
    if draw is seashore:
        return data[:2] + _exif(ORIENTATION_LEFT) + data[2:]
    return data


def main() -> None:
    """Write the pictures and their list."""
    FOLDER.mkdir(exist_ok=True)
    lines = []
    for label, draw in sorted(PICTURES.items()):
        name = f"{draw.__name__}.jpg"
        (FOLDER / name).write_bytes(encode(draw))
        lines.append(f"{name} {label}\n")
    (FOLDER / "val_list.txt").write_text("".join(lines))


if __name__ == "__main__":
    main()
