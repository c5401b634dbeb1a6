"""The command line of both frameworks' fine-tunings, and what follows from it.

The numbers are no publication's: a usual beginning for SGD on a net that has learned
already, with a small learning rate for it and a larger one for the new classifier.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from examples.common.augment import Chain, ResizedCrop, flip
from examples.common.batches import Batches
from examples.common.cifar import load_cifar
from examples.common.folders import load_folders
from examples.common.options import chosen, common_options, positive
from examples.common.pictures import Data
from examples.common.plan import Plan
from examples.common.run_folder import Run, open_run
from examples.common.schedule import Schedule
from ppim_port.checkpoint import sha256_file
from ppim_port.errors import UsageError
from ppim_port.manifest import load_manifest
from ppim_port.recipe import Recipe, open_recipe
from ppim_port.state_dict import FrameworkName

# The official recipe's crop of 224 out of 256.
MARGIN = 256 / 224


@dataclass(frozen=True, slots=True)
class Tuning:
    """All that decides a fine-tuning but the net and the pictures.

    Attributes:
        epochs: times through the training pictures.
        batch_size: pictures a step.
        lr: of the new classifier, after the warm-up of an epoch.
        body_scale: what the rest learns with: that times `lr`.
        frozen_stages: -1 for none, 0 for the stem, k for it and the first k stages.
        norm_eval: whether all batch norms keep their statistics.
        side: of the pictures, in pixels.
        momentum: of SGD.
        weight_decay: of all parameters that learn.
        smallest_crop: least part of a picture's area that a training crop shows.
    """

    epochs: int = 20
    batch_size: int = 64
    lr: float = 0.01
    body_scale: float = 0.1
    frozen_stages: int = 0
    norm_eval: bool = False
    side: int = 224
    momentum: float = 0.9
    weight_decay: float = 1e-4
    smallest_crop: float = 0.35


# For a body of made-up weights, which has more to learn than a pretrained one.
SMOKE: Mapping[str, Any] = MappingProxyType(
    {
        "epochs": 4,
        "batch_size": 25,
        "lr": 0.005,
        "body_scale": 0.5,
        "frozen_stages": 3,
        "side": 64,
    }
)
SMOKE_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Job:
    """A fine-tuning that is ready to run.

    Attributes:
        model: name of the net.
        weights: a file of either framework.
        num_classes: of the data set.
        tuning: how to train.
        plan: data and schedule.
        seed: of the new classifier.
        device: as given; None lets the framework choose.
        threads: as given.
    """

    model: str
    weights: Path
    num_classes: int
    tuning: Tuning
    plan: Plan
    seed: int
    device: str | None
    threads: int | None


def parser() -> argparse.ArgumentParser:
    """The command line."""
    data = "folder with train/CLASS and val/CLASS; with --dataset, CIFAR's"
    parser = common_options("Fine-tune a RedNet on other classes.", data=data)
    add = parser.add_argument
    add("--weights", type=Path, required=True, metavar="FILE", help="of RedNet")
    add("--model", default="rednet26", metavar="NAME", help="default: rednet26")
    add("--dataset", choices=("folders", "cifar10", "cifar100"), help="of --data")
    add("--classes", type=positive, metavar="N", help="that --data must have")
    add("--side", type=positive, metavar="PIXELS", help="of pictures; 224")
    add("--body-scale", type=float, help="learning rate of the old layers over --lr")
    add(
        "--frozen-stages",
        type=int,
        choices=range(-1, 5),
        help="-1: all learns; 0: not the stem; 1 to 4: nor the first stages",
    )
    add(
        "--norm-eval",
        action="store_const",
        const=True,
        help="batch norms keep their statistics: for small batches",
    )
    return parser


@contextmanager
def open_job(
    arguments: Sequence[str] | None, framework: FrameworkName
) -> Iterator[tuple[Job, Run]]:
    """Read the command line, then the pictures; open or resume the run.

    Raises:
        DatasetError: the pictures are not there, or damaged.
        UsageError: the run's folder has other settings, or other classes were promised.
    """
    options = parser().parse_args(arguments)
    names = Tuning.__slots__
    given = chosen(options, [name for name in names if hasattr(options, name)])
    tuning = replace(Tuning(), **{**(SMOKE if options.smoke else {}), **given})
    name = options.dataset or ("cifar10" if options.smoke else "folders")
    limit = options.limit or (SMOKE_LIMIT if options.smoke else None)
    data = _data(options.data, name).first(limit)
    _check_classes(data, options.classes, options.data)
    recipe = recipe_of(options.model, tuning.side)
    plan = _plan(data, recipe, tuning, options)
    settings = {
        "model": options.model,
        "weights": sha256_file(options.weights),
        "dataset": name,
        "classes": data.classes,
        "pictures": data.digest(),
        "seed": options.seed,
        **asdict(tuning),
    }
    job = Job(
        options.model,
        options.weights,
        len(data.classes),
        tuning,
        plan,
        options.seed,
        options.device,
        options.threads,
    )
    with open_run(options.run, settings, framework=framework, recipe=recipe) as run:
        yield job, run


def recipe_of(model: str, side: int) -> Recipe:
    """The model's own recipe, scaled to pictures of another side.

    Args:
        model: name in the manifest.
        side: of the crop, in pixels.
    """
    manifest = load_manifest()
    own = open_recipe(manifest.model(model).recipe, manifest.recipes)
    if side == own.crop_size:
        return own
    return replace(own, resize_short_side=round(side * MARGIN), crop_size=side)


def _plan(
    data: Data, recipe: Recipe, tuning: Tuning, options: argparse.Namespace
) -> Plan:
    crop = ResizedCrop(tuning.side, area=(tuning.smallest_crop, 1.0))
    train = Batches(
        data.train,
        recipe,
        size=tuning.batch_size,
        augment=Chain((crop, flip)),
        seed=options.seed,
    )
    test = Batches(data.test, recipe, size=tuning.batch_size)
    steps = len(train)
    schedule = Schedule(tuning.lr, tuning.epochs, steps, warmup_steps=steps)
    return Plan(train, test, schedule, seed=options.seed, quiet=options.quiet)


def _data(path: Path, name: str) -> Data:
    return load_folders(path) if name == "folders" else load_cifar(path, name)


def _check_classes(data: Data, promised: int | None, path: Path) -> None:
    if promised not in (None, len(data.classes)):
        msg = (
            f"{path}: has {len(data.classes)} classes, and --classes says {promised}. "
            "Nothing was trained. Leave --classes out to take what is there."
        )
        raise UsageError(msg)
