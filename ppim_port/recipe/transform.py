"""The whole recipe as one callable; in two halves, it gives the same bits.

`to_uint8` decodes, resizes and crops; `finish` normalises. The evaluator keeps the
small half (150 kB instead of 600 kB a picture) in its queues and finishes a batch.

Refused: arrays whose meaning would have to be guessed (grey, four channels, floats).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ppim_port.errors import ImageError
from ppim_port.recipe.crop import center_crop
from ppim_port.recipe.decode import Pixels, decode
from ppim_port.recipe.normalise import Tensor, lookup_tables, normalise
from ppim_port.recipe.pillow import from_pillow, is_pillow, require_pillow
from ppim_port.recipe.record import Recipe
from ppim_port.recipe.resize import resize


class Transform:
    """A recipe at work; may be shared by threads, for it changes nothing of its own.

    Args:
        recipe: what to do.

    Raises:
        MissingPackageError: the recipe needs Pillow, which is not installed.
    """

    __slots__ = ("_tables", "recipe")

    def __init__(self, recipe: Recipe) -> None:
        if recipe.needs_pillow:
            require_pillow()
        self.recipe = recipe
        self._tables = lookup_tables(recipe)

    @property
    def crop_size(self) -> int:
        """Pixels of a side of the result."""
        return self.recipe.crop_size

    def __call__(self, image: object) -> Tensor:
        """Preprocess one picture to contiguous float32 [3, crop, crop].

        Args:
            image: a path, encoded bytes, a uint8 BGR array [H, W, 3] as of
                `cv2.imread`, or a `PIL.Image`.

        Raises:
            ImageError: it cannot be decoded, or is of no such kind.
        """
        return np.ascontiguousarray(self.finish(self.to_uint8(image)[None])[0])

    def to_uint8(self, image: object, *, name: str | None = None) -> Pixels:
        """The cropped picture before normalisation: a new uint8 BGR [crop, crop, 3].

        Args:
            image: as for a call.
            name: what errors call encoded bytes.

        Raises:
            ImageError: as for a call.
        """
        return self.cropped(self.pixels(image, name))

    def cropped(self, pixels: Pixels) -> Pixels:
        """The second half of `to_uint8`: resize and crop; a new array."""
        return center_crop(resize(pixels, self.recipe), self.recipe).copy()

    def finish(self, batch: Pixels) -> Tensor:
        """Normalise uint8 BGR [N, H, W, 3] to float32 [N, 3, H, W].

        Raises:
            ImageError: the batch is of another shape or type.
        """
        if batch.ndim != 4 or batch.shape[3] != 3 or batch.dtype != np.uint8:
            raise ImageError(_unfit("a batch", "uint8 [N, H, W, 3]", batch))
        return normalise(batch, self.recipe, tables=self._tables)

    def pixels(self, image: object, name: str | None = None) -> Pixels:
        """The first half of `to_uint8`: uint8 BGR [H, W, 3], decoded if need be."""
        if isinstance(image, (str, Path, bytes)):
            return decode(image, self.recipe, name=name)
        if isinstance(image, np.ndarray):
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
                raise ImageError(_unfit("an array", "uint8 BGR [H, W, 3]", image))
            return np.ascontiguousarray(image)
        if is_pillow(image):
            return from_pillow(image, self.recipe)
        msg = (
            f"no picture can be made of a {type(image).__name__}: expected a path, "
            f"encoded bytes, a uint8 BGR array [H, W, 3] or a PIL.Image"
        )
        raise ImageError(msg)


def _unfit(what: str, expected: str, got: np.ndarray[tuple[int, ...], np.dtype]) -> str:
    return (
        f"{what} must be {expected}, got {got.dtype} {list(got.shape)}. Nothing was "
        f"converted, because grey, alpha and float pictures would have to be guessed "
        f"at: pass the file's path, or make it BGR first (cv2.cvtColor)."
    )
