"""Pictures that were decoded before, so that the next model on the same set need not.

A picture is kept as it leaves the recipe's crop, uint8, in a file of its own, named by
the digest of the encoded file within a folder named by the recipe's fingerprint and the
decoder's versions: another file, an edited recipe or another OpenCV miss it. Its own
digest ends the file: one that does not fit is decoded anew, and said. A disk that is
full ends the keeping, not the run.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
from numpy.typing import NDArray

from eval.preprocess import ToPicture
from ppim_port.recipe import Recipe

Say = Callable[[str], None]
_DIGEST = hashlib.sha256().digest_size


class Decoded:
    """A transform that looks first whether it has made the picture before.

    Args:
        transform: makes those that are not kept.
        folder: of all kept pictures, of any recipe.
        recipe: of the transform.
        versions: of the libraries that decode and resize.
        say: told once of each thing that goes wrong.
    """

    def __init__(
        self,
        transform: ToPicture,
        folder: Path,
        recipe: Recipe,
        *,
        versions: dict[str, str],
        say: Say,
    ) -> None:
        made_by = "-".join(f"{name}{text}" for name, text in sorted(versions.items()))
        self.folder = folder / f"{recipe.fingerprint()}-{made_by}"
        self._transform = transform
        self._say = say
        self._said: set[str] = set()
        self._lock = threading.Lock()

    @property
    def crop_size(self) -> int:
        """See `ToPicture.crop_size`."""
        return self._transform.crop_size

    def to_uint8(self, image: object, *, name: str | None = None) -> NDArray[np.uint8]:
        """See `ToPicture.to_uint8`; only encoded bytes are kept."""
        if not isinstance(image, bytes):
            return self._transform.to_uint8(image, name=name)
        digest = hashlib.sha256(image).hexdigest()
        path = self.folder / digest[:2] / digest
        found = self._kept(path)
        if found is None:
            found = self._transform.to_uint8(image, name=name)
            self._keep(path, found)
        return found

    def _kept(self, path: Path) -> NDArray[np.uint8] | None:
        """The picture in a file, mapped; None if there is none, or a damaged one."""
        size = self.crop_size
        try:
            data = np.memmap(path, np.uint8, "r")
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self._once("read", f"{path}: cannot be read ({error}); decoding anew")
            return None
        pixels, digest = data[:-_DIGEST], data[-_DIGEST:].tobytes()
        whole = pixels.size == size * size * 3
        if whole and hashlib.sha256(pixels.data).digest() == digest:
            return pixels.reshape(size, size, 3)
        self._once("damage", f"{path}: a damaged decoded picture; decoding anew")
        return None

    def _keep(self, path: Path, pixels: NDArray[np.uint8]) -> None:
        data = np.ascontiguousarray(pixels).tobytes()
        draft = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Not `atomic_write`: it waits for the disk, while what a power cut leaves
            # here is recognised by its digest and made again.
            with NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
                draft = Path(file.name)
                file.write(data + hashlib.sha256(data).digest())
            draft.replace(path)
        except OSError as error:
            if draft is not None:
                draft.unlink(missing_ok=True)
            self._once("write", f"{path}: cannot be kept ({error}); decoding goes on")

    def _once(self, kind: str, text: str) -> None:
        with self._lock:
            new = kind not in self._said
            self._said.add(kind)
        if new:
            self._say(text)
