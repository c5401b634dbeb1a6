"""Many small pictures, and runs over them, in this process or in others."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from eval.journal import LEDGER_NAME
from eval.launch import Shard
from eval.pipeline import evaluate_shard
from eval.records import Request, Result
from ppim_port.state_dict import Array
from tests.support.fake_backend import FakeBackend, FakeNet

ROOT = Path(__file__).parents[3]
COUNT = 23
BATCH = 2
ODD = ("with space.png", "new\nline.png", "日本 é.png", "-rf.png", 'quo"te,.png')


class Apart(FakeBackend):
    """Each picture by itself, as the real backends do it: the same bits anywhere.

    Summed in float64: BLAS in float32 gives other bits in another process (numpy
    2.4.6), by where the memory happens to begin.
    """

    def run_layer(self, model: FakeNet, layer: str, inputs: tuple[Array, ...]) -> Array:
        exact = (np.asarray(inputs[0], np.float64),)
        if model.precision == "float64":
            return super().run_layer(model, layer, exact)
        wide = FakeNet(model.config, "float64", model.state)
        logits: Array = super().run_layer(wide, layer, exact)
        return logits.astype(np.float32)

    def predict(self, model: FakeNet, images: Array) -> Array:
        return np.concatenate(
            [FakeBackend.predict(self, model, i[None]) for i in images]
        )


def made_pictures(folder: Path, count: int = COUNT) -> Path:
    """Noise of 40 x 48 pixels, in two class folders, some with odd names."""
    rng = np.random.default_rng(11)
    for number in range(count):
        wnid = ("n01440764", "n01443537")[number % 2]
        (folder / wnid).mkdir(parents=True, exist_ok=True)
        name = ODD[number] if number < len(ODD) else f"{number}.png"
        pixels = rng.integers(0, 255, (40, 48, 3), np.uint8)
        data = cv2.imencode(".png", pixels)[1].tobytes()
        (folder / wnid / name).write_bytes(data)
    return folder


def ledger_of(folder: Path) -> bytes:
    return (folder / LEDGER_NAME).read_bytes()


def run_ranks(request: Request, world: int, *ranks: int) -> list[Result | None]:
    """The ranks one after the other; all of them unless some are named."""
    return [
        evaluate_shard(request, Shard(rank, world)) for rank in ranks or range(world)
    ]


def program(
    request: Request,
    *,
    death: tuple[int, int, str] = (0, 0, "SIGKILL"),
    seen: Path,
    environment: Mapping[str, str] | None = None,
    limit: int | None = None,
) -> subprocess.Popen[str]:
    """Start `tests.eval.runs.program`; `limit` is the longest file, in bytes."""

    def full_disk() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    argv = [
        *(sys.executable, "-m", "tests.eval.runs.program", *map(str, death)),
        *("--model", request.model, "--weights", str(request.weights)),
        *("--val-dir", str(request.val_dir), "--run", str(request.run)),
        *("--batch-size", str(request.batch_size), "--quiet", "--workers", "1"),
    ]
    return subprocess.Popen(
        argv,
        cwd=ROOT,
        env={**os.environ, "SEEN": str(seen), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=full_disk,
    )
