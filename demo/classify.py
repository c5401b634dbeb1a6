"""Name what is on the demo's photographs, in both frameworks.

The names of classes are WordNet's; see photographs/README.md for whose words and whose
pictures these are. Probabilities are the softmax of the logits, as they come.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

import ppim_port
from ppim_port.backends import get_backend
from ppim_port.imagenet import wnids
from ppim_port.state_dict import FrameworkName
from ppim_port.table import table

FOLDER = Path(__file__).parent / "photographs"
NAMES = Path(__file__).parent / "class_names.txt"
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Guess:
    """A class that a picture may be of.

    Attributes:
        index: of the class.
        name: its first word.
        probability: 0 to 1.
    """

    index: int
    name: str
    probability: float


def class_names(path: Path = NAMES) -> list[str]:
    """The first word of each class, in the order of their indices."""
    lines = dict(line.split(" ", 1) for line in path.read_text("utf-8").splitlines())
    return [lines[wnid].split(",")[0] for wnid in wnids()]


def classify(
    model: str, weights: str | Path, framework: FrameworkName, pictures: list[Path]
) -> list[list[Guess]]:
    """The likeliest classes of each picture, the likeliest first.

    Args:
        model: name in the manifest.
        weights: a file, or the name of a source in the manifest.
        framework: whose net runs.
        pictures: their files.
    """
    net, transform = ppim_port.create_model(
        model, framework=framework, weights=weights, return_transforms=True
    )
    images = np.stack([transform(picture) for picture in pictures])
    logits = get_backend(framework).predict(net, images).astype(np.float64)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    names = class_names()
    return [
        [Guess(int(i), names[i], float(row[i])) for i in np.argsort(-row)[:SHOWN]]
        for row in odds / odds.sum(axis=1, keepdims=True)
    ]


def show(model: str, weights: Path) -> bool:
    """Print what both frameworks make of the photographs.

    Args:
        model: name in the manifest.
        weights: a file of either framework.

    Returns:
        Whether they name the same classes, in the same order.
    """
    pictures = sorted(FOLDER.glob("*.jpg"))
    paddles = classify(model, weights, "paddle", pictures)
    torchs = classify(model, "package", "torch", pictures)
    rows = [
        [
            picture.name if place == 0 else "",
            guess.name,
            f"{guess.probability:7.2%}",
            f"{other.probability:7.2%}" if other.index == guess.index else other.name,
        ]
        for picture, mine, theirs in zip(pictures, paddles, torchs, strict=True)
        for place, (guess, other) in enumerate(zip(mine, theirs, strict=True))
    ]
    print(table(["photograph", "class", "converted, Paddle", "original, torch"], rows))
    return all(
        [guess.index for guess in mine] == [guess.index for guess in theirs]
        for mine, theirs in zip(paddles, torchs, strict=True)
    )
