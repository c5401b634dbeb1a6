"""A training's folder: kill the program at any moment, start it again, and it goes on.

    config.json           settings and the digest of the pictures
    recipe.json           for `evaluate --recipe`
    history.jsonl         a row an epoch
    epochs/0007/          after seven epochs: weights, optimizer, the history so far
    weights.pth           of the finished training; weights.pdparams of Paddle's,
                          net.weights.h5 of Keras'

A checkpoint is a folder that gets its name in one step when all of it is on the disk,
so there is never a half one, and history and weights are always of the same epoch.
Files are written by the library's own writers: `convert` and `evaluate` take the
weights, and reading any of them executes nothing. Refused: resuming with other settings
or other pictures, and two programs in one folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from filelock import FileLock, Timeout

from ppim_port.atomic import atomic_write
from ppim_port.checkpoint import NATIVE_KIND, read, write
from ppim_port.errors import DatasetError, UsageError
from ppim_port.recipe import Recipe
from ppim_port.state_dict import FrameworkName, StateDict

Part: TypeAlias = Literal["weights", "optimizer"]


def file_name(framework: FrameworkName, part: Part) -> str:
    """What a part of a checkpoint is called: Keras demands its own ending."""
    if framework == "keras" and part == "weights":
        return "net.weights.h5"
    return f"{part}.{NATIVE_KIND[framework]}"


@dataclass(frozen=True, slots=True)
class Row:
    """What is noted of an epoch.

    Attributes:
        epoch: from 1.
        lr: of its last step.
        train_loss: mean over the epoch's augmented pictures, as the net learned.
        train_top1: percent of them.
        test_loss: mean cross-entropy over the test pictures, after the epoch.
        test_top1: percent of them.
        test_top5: percent of them.
        seconds: of the epoch; the only value that a repeated run changes.
    """

    epoch: int
    lr: float
    train_loss: float
    train_top1: float
    test_loss: float
    test_top1: float
    test_top5: float
    seconds: float


class Run:
    """An open run; made by `open_run`, which holds its lock."""

    def __init__(self, folder: Path, framework: FrameworkName) -> None:
        self.folder = folder
        self.framework: FrameworkName = framework
        self._epochs = folder / "epochs"
        self._epochs.mkdir(exist_ok=True)
        done = [
            int(path.name) for path in self._epochs.iterdir() if path.name.isdigit()
        ]
        self.epoch = max(done, default=0)
        self._tidy()

    @property
    def weights(self) -> Path:
        """Of the finished training."""
        return self.folder / file_name(self.framework, "weights")

    @property
    def rows(self) -> list[Row]:
        """The history up to the last checkpoint."""
        return read_history(self._at(self.epoch)) if self.epoch else []

    def load(self) -> tuple[StateDict, StateDict]:
        """Weights and optimizer of the last checkpoint.

        Raises:
            CheckpointError: a file is damaged.
        """
        at = self._at(self.epoch)
        weights = read(at / file_name(self.framework, "weights")).state
        optimizer = read(at / file_name(self.framework, "optimizer")).state
        return weights, optimizer

    def commit(self, weights: StateDict, optimizer: StateDict, row: Row) -> None:
        """Keep what an epoch left; from here on it is not repeated.

        Raises:
            CheckpointError: it cannot be written; the last checkpoint stays.
        """
        draft = self._epochs / "draft"
        draft.mkdir()
        self._write(weights, draft, "weights")
        self._write(optimizer, draft, "optimizer")
        _write_text(draft / "history.jsonl", _lines([*self.rows, row]))
        draft.rename(self._at(row.epoch))
        _sync(self._epochs)
        self.epoch = row.epoch
        self._tidy()

    def finish(self) -> Path:
        """Give the last checkpoint's weights the run's name for them."""
        self._write(self.load()[0], self.folder, "weights")
        return self.weights

    def _at(self, epoch: int) -> Path:
        return self._epochs / f"{epoch:04d}"

    def _write(self, state: StateDict, folder: Path, part: Part) -> None:
        path = folder / file_name(self.framework, part)
        kind = NATIVE_KIND[self.framework]
        write(state, path, kind=kind, framework=self.framework, overwrite=True)

    def _tidy(self) -> None:
        """Remove drafts and older checkpoints; the history at the top follows."""
        for path in self._epochs.iterdir():
            if path != self._at(self.epoch):
                shutil.rmtree(path)
        if self.epoch:
            _write_text(self.folder / "history.jsonl", _lines(self.rows))


@contextlib.contextmanager
def open_run(
    folder: Path,
    settings: Mapping[str, Any],
    *,
    framework: FrameworkName,
    recipe: Recipe,
) -> Iterator[Run]:
    """Start a run, or go on with the one in the folder.

    Args:
        folder: of the run; made if need be.
        settings: all that decides the result; JSON values.
        framework: whose weights are written.
        recipe: of the test pictures.

    Raises:
        UsageError: the folder's run has other settings, or is being run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        msg = (
            f"{folder}: another program trains there. Nothing was changed. Wait for "
            "it, or name another folder with --run."
        )
        raise UsageError(msg) from None
    try:
        _check_settings(folder / "config.json", {"framework": framework, **settings})
        _write_text(folder / "recipe.json", _recipe_text(recipe))
        yield Run(folder, framework)
    finally:
        lock.release()


def read_history(folder: Path) -> list[Row]:
    """The rows of a run.

    Raises:
        DatasetError: there is no history, or it is damaged.
    """
    path = folder / "history.jsonl"
    try:
        return [Row(**json.loads(line)) for line in path.read_text().splitlines()]
    except (OSError, ValueError, TypeError) as error:
        msg = (
            f"{path}: no readable history: {error}. Expected a line of JSON an epoch, "
            "as a training of examples/ writes. Nothing was drawn."
        )
        raise DatasetError(msg) from error


def _check_settings(path: Path, settings: Mapping[str, Any]) -> None:
    # Through JSON, so that tuples are the lists that they will be read as.
    wanted = json.loads(json.dumps(settings))
    if not path.exists():
        _write_text(path, json.dumps(wanted, indent=2) + "\n")
        return
    found = json.loads(path.read_text("utf-8"))
    names = [n for n in {**found, **wanted} if found.get(n) != wanted.get(n)]
    if names:
        shown = "; ".join(
            f"{name} was {found.get(name)!r}, now {wanted.get(name)!r}"
            for name in names
        )
        msg = (
            f"{path.parent}: its run has other settings: {shown}. Nothing was changed. "
            "Start it again with its own settings, or name another folder with --run."
        )
        raise UsageError(msg)


def _recipe_text(recipe: Recipe) -> str:
    fields = {name: value for name, value in asdict(recipe).items() if name != "name"}
    return json.dumps(fields, indent=2) + "\n"


def _lines(rows: list[Row]) -> str:
    return "".join(json.dumps(asdict(row)) + "\n" for row in rows)


def _write_text(path: Path, text: str) -> None:
    with atomic_write(path, overwrite=True) as draft:
        draft.file.write(text.encode())


def _sync(folder: Path) -> None:
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
