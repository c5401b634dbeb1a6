"""Small real files with random bytes changed: an error of ours, or a sound read.

Of a zip more is asked: each byte is covered by a CRC or by a cross-check, so a read
that succeeds must give the very bits that were written.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ppim_port.checkpoint import read, write
from ppim_port.errors import CheckpointError
from tests.checkpoint.canary import watch
from tests.checkpoint.frameworks import paddle, torch
from tests.checkpoint.made import ordered

ROUNDS = 400
SECONDS_A_READ = 3.0


def torch_file(path: Path, zipped: bool) -> None:
    weights = ordered(a=torch().arange(6.0).reshape(2, 3).t(), b=torch().tensor(3))
    value = {"meta": {"epoch": 1, "x": np.float64(2)}, "state_dict": weights}
    torch().save(value, path, _use_new_zipfile_serialization=zipped)


def paddle_file(path: Path, protocol: int) -> None:
    layer = paddle().nn.Linear(2, 3)
    paddle().save(layer.state_dict(), str(path), protocol=protocol)


def our_file(path: Path, kind: Any, framework: Any) -> None:
    state = {"a": np.arange(6.0).reshape(2, 3), "b": np.array(3)}
    write(state, path, kind=kind, framework=framework)


def keras_file(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["layers/conv/vars/0"] = np.arange(24.0, dtype="f4").reshape(2, 3, 4)
        packed = {"compression": "gzip", "shuffle": True, "fletcher32": True}
        file.create_dataset("layers/dense/vars/0", data=np.arange(300.0), **packed)


FILES: dict[str, Callable[[Path], None]] = {
    "torch zip": lambda path: torch_file(path, True),
    "torch legacy": lambda path: torch_file(path, False),
    "paddle 2": lambda path: paddle_file(path, 2),
    "paddle 4": lambda path: paddle_file(path, 4),
    "our pdparams": lambda path: our_file(path, "pdparams", "paddle"),
    "our pth": lambda path: our_file(path, "pth", "torch"),
    "our safetensors": lambda path: our_file(path, "safetensors", "torch"),
    "keras": keras_file,
}


def mutated(original: bytes, rng: random.Random) -> bytes:
    """One to four changes: a bit, a byte, bytes put in, taken out, or repeated."""
    raw = bytearray(original)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(raw))
        change = rng.randrange(5)
        if change == 0:
            raw[at] ^= 1 << rng.randrange(8)
        elif change == 1:
            raw[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        elif change == 2:
            raw[at:at] = rng.randbytes(rng.randint(1, 9))
        elif change == 3 and len(raw) > 20:
            del raw[at : at + rng.randint(1, 9)]
        else:
            start = rng.randrange(len(raw))
            raw[at:at] = raw[start : start + rng.randint(1, 40)]
    return bytes(raw)


def outcome(path: Path) -> dict[str, np.ndarray] | CheckpointError:
    started = time.perf_counter()
    with watch() as events:
        try:
            result: Any = read(path).state
        except CheckpointError as error:
            result = error
    assert events == []
    assert time.perf_counter() - started < SECONDS_A_READ
    return result


def assert_sound(result: Any, original: dict[str, np.ndarray], zipped: bool) -> None:
    if isinstance(result, CheckpointError):
        assert len(str(result)) < 1000
        return
    # Copying reaches every element, so a window off the file would crash here.
    got = {key: value.tobytes() for key, value in result.items()}
    if zipped:
        assert got == {key: value.tobytes() for key, value in original.items()}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "rounds", [ROUNDS, pytest.param(20 * ROUNDS, marks=pytest.mark.slow)]
)
def test_a_changed_file_is_an_error_or_a_sound_read(
    tmp_path: Path, name: str, rounds: int
) -> None:
    path = tmp_path / "net"
    FILES[name](path)
    content, original = path.read_bytes(), read(path).state
    rng = random.Random(f"{name} {rounds}")
    refusals = 0
    for _ in range(rounds):
        changed = tmp_path / "changed"
        changed.write_bytes(mutated(content, rng))
        result = outcome(changed)
        assert_sound(result, original, name in ("torch zip", "our pth"))
        refusals += isinstance(result, CheckpointError)
    assert refusals > rounds // 4


@pytest.mark.parametrize("name", ["torch zip", "our pth"])
def test_every_flipped_bit_of_a_zip_is_found_or_harmless(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "net"
    FILES[name](path)
    content, original = path.read_bytes(), read(path).state
    rng = random.Random(name)
    for at in range(len(content)):
        raw = bytearray(content)
        raw[at] ^= 1 << rng.randrange(8)
        path.write_bytes(raw)
        assert_sound(outcome(path), original, True)
