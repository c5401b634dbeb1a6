"""The fuzz target: mutated real files must be an error of ours or a sound read.

    python -m tests.checkpoint.fuzz [--seconds N] [--seed S] [FILE ...]

Files that are given are mutated besides the small ones that are made here. What fails
is kept in the working folder as `crash-<digest>`; `replay` reads such a file again. A
coverage-guided fuzzer takes `target` as it is.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

from ppim_port.checkpoint import read
from ppim_port.errors import CheckpointError
from tests.checkpoint.canary import watch
from tests.checkpoint.test_mutations import FILES, SECONDS_A_READ, mutated

LONGEST_MESSAGE = 4000


def target(data: bytes) -> bool:
    """Read bytes as a file; True if they were read, False if turned away.

    Raises:
        AssertionError: something ran, took long, or said too much.
    """
    with tempfile.NamedTemporaryFile(prefix="fuzz-") as file:
        file.write(data)
        file.flush()
        started = time.perf_counter()
        with watch() as events:
            sound = _read(Path(file.name))
    assert events == [], events
    assert time.perf_counter() - started < SECONDS_A_READ
    return sound


def _read(path: Path) -> bool:
    try:
        state = read(path).state
    except CheckpointError as error:
        if len(str(error)) > LONGEST_MESSAGE:
            raise
        return False
    # Copying reaches every element, so a window off the file would crash here.
    return all(len(value.tobytes()) == value.nbytes for value in state.values())


def fuzz(originals: list[bytes], seconds: float, seed: int) -> tuple[int, int]:
    """Mutate for a time; files tried, and files that were read all the same."""
    rng = random.Random(seed)
    end = time.monotonic() + seconds
    tried = sound = 0
    while time.monotonic() < end:
        data = mutated(rng.choice(originals), rng)
        try:
            sound += target(data)
        except Exception:
            _keep(data)
            raise
        tried += 1
    return tried, sound


def replay(path: str) -> None:
    """Read a kept crash again."""
    target(Path(path).read_bytes())


def made() -> list[bytes]:
    """A small real file of every format, as the frameworks and we write them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net"
        contents = []
        for build in FILES.values():
            build(path)
            contents.append(path.read_bytes())
            path.unlink()
        return contents


def _keep(data: bytes) -> None:
    path = Path(f"crash-{hashlib.sha256(data).hexdigest()[:16]}")
    path.write_bytes(data)
    sys.stderr.write(f"kept {path}\n{traceback.format_exc()}")


def main() -> None:
    """Run for a time and say how much was tried."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("files", nargs="*", type=Path)
    options = parser.parse_args()
    originals = made() + [path.read_bytes() for path in options.files]
    tried, sound = fuzz(originals, options.seconds, options.seed)
    sys.stdout.write(f"seed {options.seed}: {tried} files, {sound} of them sound\n")


if __name__ == "__main__":
    main()
