"""What a training reads: pictures by number, with labels, as `cv2.imread` gives them.

Kept: everything downstream sees uint8 BGR `[H, W, 3]`, whatever it came from, because
then one augmentation and one normalisation serve every data set and both frameworks.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ppim_port.errors import ImageError

Pixels: TypeAlias = NDArray[np.uint8]
Labels: TypeAlias = NDArray[np.int64]


class Pictures(Protocol):
    """A list of pictures."""

    @property
    def labels(self) -> Labels:
        """The class of each, from 0."""

    def __getitem__(self, index: int, /) -> Pixels:
        """One picture: uint8 BGR `[H, W, 3]`."""

    def digest(self) -> str:
        """Changes when a picture or a label does, and with nothing else."""

    def first(self, count: int, /) -> Pictures:
        """The first of them."""


@dataclass(frozen=True, slots=True)
class HeldPictures:
    """Pictures of one size, in memory.

    Attributes:
        images: uint8 BGR `[n, H, W, 3]`.
        labels: int64 `[n]`.
    """

    images: Pixels = field(repr=False)
    labels: Labels = field(repr=False)

    def __getitem__(self, index: int) -> Pixels:
        """See `Pictures`."""
        picture: Pixels = self.images[index]
        return picture

    def digest(self) -> str:
        """See `Pictures`."""
        data = hashlib.sha256(np.ascontiguousarray(self.images).data)
        data.update(self.labels.tobytes())
        return data.hexdigest()[:16]

    def first(self, count: int) -> HeldPictures:
        """See `Pictures`."""
        return HeldPictures(self.images[:count], self.labels[:count])


@dataclass(frozen=True, slots=True)
class PictureFiles:
    """Pictures on the disk, decoded when they are asked for.

    Attributes:
        paths: of the files.
        labels: int64 `[n]`.
    """

    paths: tuple[Path, ...] = field(repr=False)
    labels: Labels = field(repr=False)

    def __getitem__(self, index: int) -> Pixels:
        """See `Pictures`.

        Raises:
            ImageError: it cannot be decoded.
        """
        import cv2

        found = cv2.imread(str(self.paths[index]), cv2.IMREAD_COLOR)
        if found is None:
            msg = (
                f"{self.paths[index]}: cannot be decoded. The run stands at its last "
                "checkpoint; mend or remove the file and start it again."
            )
            raise ImageError(msg)
        return np.asarray(found, np.uint8)

    def digest(self) -> str:
        """See `Pictures`: of names, sizes and labels, as the files may be many."""
        data = hashlib.sha256(self.labels.tobytes())
        for path in self.paths:
            text = f"{path.parent.name}/{path.name}:{path.stat().st_size}\n"
            data.update(text.encode("utf-8", "surrogateescape"))
        return data.hexdigest()[:16]

    def first(self, count: int) -> PictureFiles:
        """See `Pictures`."""
        return PictureFiles(self.paths[:count], self.labels[:count])


@dataclass(frozen=True, slots=True)
class Data:
    """A data set in its two parts.

    Attributes:
        train: pictures to learn from.
        test: pictures that are never learned from.
        classes: their names, by label.
    """

    train: Pictures
    test: Pictures
    classes: tuple[str, ...]

    def first(self, count: int | None) -> Data:
        """The first pictures of both parts; None keeps them all."""
        if count is None:
            return self
        return Data(self.train.first(count), self.test.first(count), self.classes)

    def digest(self) -> str:
        """Of both parts: a run is not resumed with other pictures."""
        return f"{self.train.digest()}-{self.test.digest()}"
