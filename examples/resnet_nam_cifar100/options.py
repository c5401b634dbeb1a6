"""The command line of both frameworks' trainings, and what follows from it."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from examples.common.batches import Batches
from examples.common.cifar import load_cifar
from examples.common.options import chosen, common_options
from examples.common.plan import Plan
from examples.common.run_folder import Run, open_run
from examples.common.schedule import Schedule
from examples.resnet_nam_cifar100.recipes import (
    AUGMENTATIONS,
    TRAININGS,
    Training,
    normalisation,
)
from ppim_port.errors import UnknownNameError
from ppim_port.manifest import load_manifest
from ppim_port.state_dict import FrameworkName

# ResNet-18 with the article's stem is the cheapest; a thousand pictures of ten classes.
SMOKE_MODEL, SMOKE_SET = "resnet18_nam_imagenet", "cifar10"
SMOKE: dict[str, Any] = {
    "epochs": 5,
    "batch_size": 50,
    "lr": 0.02,
    "warmup_steps": 20,
    "penalty": 1e-4,
}


@dataclass(frozen=True, slots=True)
class Job:
    """A training that is ready to run.

    Attributes:
        model: name of the net.
        num_classes: of the data set.
        training: optimizer and penalty.
        plan: data and schedule.
        weights: to start from; None starts from the framework's own.
        seed: of the initial weights.
        device: as given; None lets the framework choose.
        threads: as given.
    """

    model: str
    num_classes: int
    training: Training
    plan: Plan
    weights: Path | None
    seed: int
    device: str | None
    threads: int | None


def parser() -> argparse.ArgumentParser:
    """The command line."""
    data = "archive or folder of CIFAR-100 (or -10), see examples/README.md"
    parser = common_options("Train ResNet-NAM, or ResNet, on CIFAR.", data=data)
    add = parser.add_argument
    add(
        "--recipe",
        choices=TRAININGS,
        default="article",
        help="whose: of the Paddle article (default), or of the official code",
    )
    add("--dataset", choices=("cifar100", "cifar10"), help="default: cifar100")
    add(
        "--model",
        metavar="NAME",
        help="default: resnet50_nam; resnet50_cifar is the same without attention, "
        "resnet50_nam_imagenet has the article's stem of 7x7",
    )
    add("--penalty", type=float, help="of the sparsity of the attentions")
    add("--warmup-steps", type=int, help="over which the learning rate rises from 0")
    add(
        "--weights",
        type=Path,
        metavar="FILE",
        help="start from these, of either framework, instead of random ones",
    )
    return parser


@contextmanager
def open_job(
    arguments: Sequence[str] | None, framework: FrameworkName
) -> Iterator[tuple[Job, Run]]:
    """Read the command line, then the pictures; open or resume the run.

    Raises:
        DatasetError: the pictures are not there, or damaged.
        UsageError: the run's folder has other settings.
    """
    options = parser().parse_args(arguments)
    smoke = options.smoke
    given = chosen(options, ("epochs", "batch_size", "lr", "penalty", "warmup_steps"))
    changes = {**(SMOKE if smoke else {}), **given}
    training = replace(TRAININGS[options.recipe], **changes)
    model = options.model or (SMOKE_MODEL if smoke else "resnet50_nam")
    _check_model(model)
    name = options.dataset or (SMOKE_SET if smoke else "cifar100")
    data = load_cifar(options.data, name).first(options.limit)
    recipe = normalisation(options.recipe)
    train = Batches(
        data.train,
        recipe,
        size=training.batch_size,
        augment=AUGMENTATIONS[options.recipe],
        seed=options.seed,
    )
    plan = Plan(
        train,
        Batches(data.test, recipe, size=training.batch_size),
        Schedule(
            training.lr,
            training.epochs,
            len(train),
            training.warmup_steps,
            training.decay,
            training.milestones,
            training.gamma,
        ),
        seed=options.seed,
        quiet=options.quiet,
    )
    settings = {
        "model": model,
        "dataset": name,
        "recipe": options.recipe,
        "seed": options.seed,
        "weights": options.weights and _digest(options.weights),
        "pictures": data.digest(),
        **asdict(training),
    }
    job = Job(
        model,
        len(data.classes),
        training,
        plan,
        options.weights,
        options.seed,
        options.device,
        options.threads,
    )
    with open_run(options.run, settings, framework=framework, recipe=recipe) as run:
        yield job, run


def _check_model(name: str) -> None:
    models = load_manifest().models
    fit = [each for each in models if models[each].family == "resnet_nam"]
    if name not in fit:
        raise UnknownNameError(name, fit, kind="ResNet with or without NAM")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
