"""The command line of the involution example, and what follows from it.

The numbers are those of keras.io/examples/vision/involution (Aritra Roy Gosthipaty,
2021; keras-team/keras-io, examples/vision/involution.py): Adam as Keras sets it,
cross-entropy on logits, batches of 256, 20 epochs, pixels / 255 and no augmentation.
Other than there, all pictures are shuffled each epoch, not 256 at a time.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

from numpy.random import Generator

from examples.common.batches import Batches
from examples.common.cifar import load_cifar
from examples.common.options import chosen, common_options
from examples.common.pictures import Pixels
from examples.common.plan import Plan
from examples.common.run_folder import Run, open_run
from examples.common.schedule import Schedule
from ppim_port.manifest import load_manifest
from ppim_port.recipe import open_recipe

NETS = ("involution", "convolution")
RECIPE = "cifar10-keras"


@dataclass(frozen=True, slots=True)
class Training:
    """All that decides a training but the net and the pictures.

    Attributes:
        epochs: times through the training pictures.
        batch_size: pictures a step.
        lr: of Adam; Keras' default.
    """

    epochs: int = 20
    batch_size: int = 256
    lr: float = 0.001


SMOKE = Training(epochs=12, batch_size=25)


@dataclass(frozen=True, slots=True)
class Job:
    """A training that is ready to run.

    Attributes:
        model: name of the net.
        num_classes: of the data set.
        training: of the optimizer.
        plan: data and schedule.
        seed: of the initial weights.
    """

    model: str
    num_classes: int
    training: Training
    plan: Plan
    seed: int


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = common_options(
        "Train Keras' involution net, or its convolution net, on CIFAR-10. "
        "KERAS_BACKEND chooses torch, jax or tensorflow, and that the device.",
        data="archive or folder of CIFAR-10, see examples/README.md",
        placed=False,
    )
    parser.add_argument("--net", choices=NETS, default=NETS[0], help="which of the two")
    return parser


@contextmanager
def open_job(
    arguments: Sequence[str] | None, *, engine: str
) -> Iterator[tuple[Job, Run]]:
    """Read the command line, then the pictures; open or resume the run.

    Args:
        arguments: of the command line; None takes the process's.
        engine: Keras' backend; a run stays on it.

    Raises:
        DatasetError: the pictures are not there, or damaged.
        UsageError: the run's folder has other settings.
    """
    options = parser().parse_args(arguments)
    given = chosen(options, Training.__slots__)
    start = SMOKE if options.smoke else Training()
    training = replace(start, **given)
    data = load_cifar(options.data, "cifar10").first(options.limit)
    recipe = open_recipe(RECIPE, load_manifest().recipes)
    size = training.batch_size
    train = Batches(
        data.train, recipe, size=size, augment=as_they_are, seed=options.seed
    )
    schedule = Schedule(training.lr, training.epochs, len(train), decay="none")
    test = Batches(data.test, recipe, size=size)
    plan = Plan(train, test, schedule, seed=options.seed, quiet=options.quiet)
    settings = {
        "net": options.net,
        "keras_backend": engine,
        "pictures": data.digest(),
        "seed": options.seed,
        **asdict(training),
    }
    model = f"{options.net}_cifar10"
    job = Job(model, len(data.classes), training, plan, options.seed)
    with open_run(options.run, settings, framework="keras", recipe=recipe) as run:
        yield job, run


def as_they_are(rng: Generator, picture: Pixels) -> Pixels:
    """No augmentation, though the pictures are shuffled."""
    return picture
