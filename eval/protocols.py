"""Named test sets beside ILSVRC2012's: how many pictures, and over which classes.

ImageNet-A and ImageNet-R hold 200 of the 1000 classes, and their authors score over
those alone: the class of the largest logit *among the 200*. Only five logits a picture
are kept, so that cannot be done to a finished ledger: `mask_logits` does it before the
row is made, one call between the net and the ledger. Refused: a picture whose label is
outside of the subset, because no answer to it could be right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from eval.cifar_sets import PICTURES, SETS, SOURCE, set_of_recipe
from eval.layout_names import PUBLISHED
from eval.records import Dataset
from ppim_port.errors import DatasetError, UnknownNameError
from ppim_port.imagenet import wnids
from ppim_port.manifest import ModelRecord
from ppim_port.state_dict import Array

CLASSES = 1000
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Protocol:
    """A test set and how it is scored.

    Attributes:
        name: as it is typed.
        n: pictures of the whole set.
        classes: indices that compete, sorted; None means all.
        source: where n and classes were read.
        outputs: of the nets that it is for.
    """

    name: str
    n: int
    classes: tuple[int, ...] | None
    source: str
    outputs: int = CLASSES

    @property
    def subset(self) -> str:
        """The class subset in words, as a report states it."""
        count = self.outputs if self.classes is None else len(self.classes)
        return f"{'all ' if self.classes is None else ''}{count:,} classes"


def _all(name: str, n: int, source: str) -> Protocol:
    return Protocol(name, n, None, source)


_V2 = "README of modestyachts/ImageNetV2: three sets of 10,000, ten a class"
_WHOLE: tuple[Protocol, ...] = (
    _all(PUBLISHED, 50_000, "ILSVRC2012 validation, fifty a class"),
    _all("imagenet-v2-matched-frequency", 10_000, _V2),
    _all("imagenet-v2-threshold-0.7", 10_000, _V2),
    _all("imagenet-v2-top-images", 10_000, _V2),
    # Its own README says 50,000; the archive that people have holds 889 more.
    _all("imagenet-sketch", 50_889, "TensorFlow Datasets' catalog: imagenet_sketch"),
    *(Protocol(s.name, PICTURES, None, SOURCE, s.classes) for s in SETS.values()),
)
_A = "TensorFlow Datasets' catalog; classes: eval.py of natural-adv-examples"
_R = "README of hendrycks/imagenet-r; classes: eval.py of the same repository"
_SUBSETS: Mapping[str, tuple[str, int, str]] = MappingProxyType(
    {
        "imagenet-a": ("imagenet_a_wnids.txt", 7_500, _A),
        "imagenet-r": ("imagenet_r_wnids.txt", 30_000, _R),
    }
)
NAMES: tuple[str, ...] = (*(each.name for each in _WHOLE), *_SUBSETS)


def protocol(name: str) -> Protocol:
    """The protocol of a name.

    Raises:
        UnknownNameError: no such protocol, with suggestions.
    """
    for whole in _WHOLE:
        if whole.name == name:
            return whole
    if name not in _SUBSETS:
        raise UnknownNameError(name, NAMES, kind="protocol")
    file, n, source = _SUBSETS[name]
    return Protocol(name, n, _indices(file), source)


def _indices(file: str) -> tuple[int, ...]:
    from importlib.resources import files

    text = (files("eval") / "data" / file).read_text("utf-8")
    order = {wnid: index for index, wnid in enumerate(wnids())}
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return tuple(sorted(order[line] for line in lines))


def mask_logits(logits: Array, classes: tuple[int, ...] | None) -> Array:
    """Logits as if the other classes did not exist.

    The others become the lowest finite float32: their probability is exactly 0, they
    come last, and a row with them is still finite. NaN and infinity stay what they
    are, wherever they stand, so that a broken net is still found.

    Args:
        logits: `[N, 1000]` float32, not changed.
        classes: indices that compete; None changes nothing.

    Raises:
        DatasetError: the net has other classes than the protocol is over.
    """
    if classes is None:
        return logits
    _refuse_other_net(logits.shape[1], classes)
    outside = np.ones(CLASSES, np.bool_)
    outside[list(classes)] = False
    lowest = np.finfo(np.float32).min
    return np.where(outside & np.isfinite(logits), lowest, logits)


def stated(chosen: Protocol, n: int) -> str:
    """How many of its pictures, and the class subset, as a verdict states them."""
    whole = f"all {n:,}" if n == chosen.n else f"{n:,} of the {chosen.n:,}"
    return f"{whole} pictures of the test set {chosen.name} over {chosen.subset}"


def default_recipe(record: ModelRecord, chosen: Protocol) -> str:
    """The recipe that a run has unless another is named.

    The model's own; but a net of ImageNet's that was fitted to CIFAR is shown CIFAR's
    pictures as they are, since no recipe for 224 pixels was meant for them.
    """
    known = SETS.get(chosen.name)
    own = record.recipe
    return own if known is None or own in known.recipes else known.recipes[0]


def published_set(record: ModelRecord) -> str:
    """The test set of a model's published figures: that of its own recipe."""
    known = set_of_recipe(record.recipe)
    return PUBLISHED if known is None else known.name


def check_classes(dataset: Dataset, chosen: Protocol) -> None:
    """Refuse what the protocol is not over, before anything is scored.

    Raises:
        DatasetError: a classifier of other classes, or pictures outside of the subset;
            some of them are named.
    """
    if chosen.classes is None:
        return
    _refuse_other_net(dataset.classes, chosen.classes)
    inside = frozenset(chosen.classes)
    outside = [sample.id for sample in dataset.samples if sample.label not in inside]
    if outside:
        some = ", ".join(map(repr, outside[:_SHOWN]))
        message = (
            f"{len(outside):,} pictures are of classes outside of the "
            f"{len(inside)} of {chosen.name}: {some}. Nothing was scored. Name the "
            "protocol that belongs to these pictures."
        )
        raise DatasetError(message)


def _refuse_other_net(outputs: int, classes: tuple[int, ...]) -> None:
    if outputs != CLASSES:
        message = (
            f"A protocol over {len(classes)} of {CLASSES} classes needs a net of "
            f"{CLASSES}, got {outputs}. Nothing was scored."
        )
        raise DatasetError(message)
