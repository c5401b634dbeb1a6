"""A net that answers arrays with arrays, in this process or in one of its own.

One process a framework keeps two sets of native libraries apart: two GPU builds in one
process have been seen to crash. The answers are the same either way.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from eval.weights import open_weights
from ppim_port.backends import get_backend
from ppim_port.errors import PpimError
from ppim_port.manifest import load_manifest
from ppim_port.state_dict import Array, FrameworkName

GRACE = 10


@dataclass(frozen=True, slots=True)
class Part:
    """Which net somebody plays."""

    model: str
    framework: FrameworkName
    weights: Path | None


class Player(Protocol):
    """Asks are answered in order; `ask` returns at once where another process works."""

    framework: FrameworkName

    def ask(self, what: str, images: Array) -> None:
        """Ask for "predict" or "trace" of images `[N, 3, H, W]`."""

    def answer(self) -> Any:
        """Logits `[N, classes]`, or each layer's output by its name."""


class Here:
    """A net in this process."""

    def __init__(self, part: Part) -> None:
        record = load_manifest().model(part.model)
        weights = open_weights(
            record, part.framework, part.weights, say=_nothing, progress=False
        )
        self.framework = part.framework
        self._backend = get_backend(part.framework)
        self._model = self._backend.build(weights.mapping.config)
        self._backend.load(self._model, weights.state)
        self._asked: list[tuple[str, Array]] = []

    def ask(self, what: str, images: Array) -> None:
        """See `Player.ask`."""
        self._asked.append((what, images))

    def answer(self) -> Any:
        """See `Player.answer`."""
        what, images = self._asked.pop(0)
        if what == "predict":
            return self._backend.predict(self._model, images)
        calls = self._backend.trace(self._model, images)
        return {name: call.output for name, call in calls.items()}


class There:
    """A net in a process of its own, spawned: nothing of ours is shared with it."""

    def __init__(self, part: Part) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(part, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.framework = part.framework
        self.answer()

    def ask(self, what: str, images: Array) -> None:
        """See `Player.ask`."""
        self._pipe.send((what, images))

    def answer(self) -> Any:
        """See `Player.answer`.

        Raises:
            PpimError: whatever its process raised, or that it is gone.
        """
        try:
            value = self._pipe.recv()
        except EOFError as error:
            self._process.join(GRACE)
            message = (
                f"The process of {self.framework} ended with code "
                f"{self._process.exitcode}. Nothing was compared."
            )
            raise PpimError(message) from error
        if isinstance(value, _Failure):
            raise value.error
        return value

    def close(self) -> None:
        """Let the process end."""
        self._pipe.close()
        self._process.join(GRACE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


@contextmanager
def players(parts: tuple[Part, ...], *, apart: bool) -> Iterator[list[Player]]:
    """A player for each part, apart or together; gone afterwards."""
    with ExitStack() as stack:
        found: list[Player] = []
        for part in parts:
            if apart:
                there = There(part)
                stack.callback(there.close)
                found.append(there)
            else:
                found.append(Here(part))
        yield found


@dataclass(frozen=True, slots=True)
class _Failure:
    error: Exception


def _serve(part: Part, pipe: Connection) -> None:
    """The other process: say that we are ready, then answer until the pipe ends."""
    try:
        player = Here(part)
        pipe.send(None)
        while True:
            what, images = pipe.recv()
            player.ask(what, images)
            pipe.send(player.answer())
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return
    except Exception as error:
        # A copy of its text: frameworks' errors may not survive the pipe.
        ours = isinstance(error, PpimError)
        text = str(error) if ours else f"{type(error).__name__}: {error}"
        pipe.send(_Failure(PpimError(f"{part.framework}: {text}")))


def _nothing(text: str) -> None:
    pass
