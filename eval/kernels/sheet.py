"""All heat maps on one sheet: the picture first, then a tile a map, row by row.

Positions are enlarged to squares and never smoothed, because a smooth map would show a
finer one than the net has.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt

import numpy as np

from eval.kernels.colours import Pixels, coloured, png
from eval.kernels.maps import Tile

SIDE = 224
_GAP = 12
_LINE = 15
_CAPTION = 2 * _LINE + 4


def as_png(picture: Pixels, shown: Sequence[Tile]) -> bytes:
    """The sheet as a PNG file.

    Args:
        picture: what the net saw before it was normalised, uint8 BGR `[H, W, 3]`.
        shown: the heat maps, in order.
    """
    height, width = picture.shape[:2]
    cells = [_cell(picture, "picture", f"{height} x {width} pixels")]
    cells += [_cell(coloured(tile.values), tile.name, tile.facts) for tile in shown]
    columns = max(2, ceil(sqrt(len(cells))))
    blank = np.full_like(cells[0], 255)
    cells += [blank] * (-len(cells) % columns)
    rows = [np.hstack(cells[at : at + columns]) for at in range(0, len(cells), columns)]
    sheet = np.vstack(rows)
    return png(np.pad(sheet, ((_GAP, 0), (_GAP, 0), (0, 0)), constant_values=255))


def _cell(image: Pixels, name: str, facts: str) -> Pixels:
    import cv2

    cell = np.full((SIDE + _CAPTION + _GAP, SIDE + _GAP, 3), 255, np.uint8)
    cell[:SIDE, :SIDE] = cv2.resize(
        image, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST
    )
    for line, text in enumerate((name, facts), start=1):
        # Narrower letters where a line would run into the next cell.
        scale = min(0.4, 0.4 * 36 / max(len(text), 1))
        cv2.putText(
            cell,
            text,
            (0, SIDE + line * _LINE),
            cv2.FONT_HERSHEY_SIMPLEX,
            scale,
            (0, 0, 0),
            1,
            cv2.LINE_AA,
        )
    return cell
