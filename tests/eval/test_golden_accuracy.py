"""The official implementation's counts and logits on real pictures, reproduced."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from eval.pipeline import evaluate
from eval.records import Request, Result
from ppim_port.backends import Backend, Precision, Reduced, get_backend
from ppim_port.models.family import Config
from ppim_port.state_dict import FRAMEWORKS, Array, FrameworkName, StateDict
from tests.support.native import needs_kernels
from tests.support.shared import (
    GOLDEN,
    PICTURES,
    SHARED,
    golden_outputs,
    golden_state,
    needs_shared,
)
from tests.support.states import rednet

pytestmark = needs_shared

COUNT, TOP1, TOP5 = 250, 192, 247

# Of the largest logit of a picture, both in float32. Measured were 3e-6 with torch
# 2.13.0 and 2e-5 with paddlepaddle 3.3.1.
TOLERANCE = 5e-5

WEIGHTS = GOLDEN / "rednet26.pth"
FLAT = SHARED / "imagenet-sample" / "val"
FLAT_LIST = SHARED / "imagenet-sample" / "val_list.txt"
FLAT_COUNT = 42


@dataclass
class Recorder:
    """A backend that keeps all logits, of which the ledger has the five largest."""

    backend: Backend
    logits: list[Array] = field(default_factory=list)

    @property
    def name(self) -> FrameworkName:
        return self.backend.name

    def version(self) -> str:
        return self.backend.version()

    def pin(self) -> dict[str, bool | int | str]:
        return self.backend.pin()

    def build(self, config: Config, *, precision: Precision = "float32") -> Any:
        return self.backend.build(config, precision=precision)

    def load(self, model: Any, state: StateDict) -> None:
        self.backend.load(model, state)

    def fuse(
        self, model: Any, config: Config, *, precision: Reduced = "float32"
    ) -> Any:
        return self.backend.fuse(model, config, precision=precision)

    def predict(self, model: Any, images: Array) -> Array:
        self.logits.append(self.backend.predict(model, images))
        return self.logits[-1]


@cache
def golden_run(
    framework: FrameworkName, *, plain: bool = False
) -> tuple[Result, Array]:
    """The 250 pictures, once a framework and form, with all logits."""
    recorder = Recorder(get_backend(framework))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eval.prepare.get_backend", lambda name: recorder)
        request = Request("rednet26", PICTURES, framework=framework, weights=WEIGHTS)
        result = evaluate(replace(request, plain=plain))
    # The run's canaries were scored before its pictures.
    return result, np.concatenate(recorder.logits)[-COUNT:]


forms = pytest.mark.parametrize(
    "plain", [False, pytest.param(True, marks=pytest.mark.slow)]
)


@forms
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_counts_are_the_official_ones(framework: FrameworkName, plain: bool) -> None:
    result, _ = golden_run(framework, plain=plain)
    counts = (result.score.n, result.score.top1_correct, result.score.top5_correct)
    assert counts == (COUNT, TOP1, TOP5)
    assert (result.score.top1, result.score.top5) == (76.8, 98.8)
    assert result.verdict.status == "partial"


@forms
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_logits_of_every_picture_are_the_official_ones(
    framework: FrameworkName, plain: bool
) -> None:
    result, logits = golden_run(framework, plain=plain)
    golden = golden_outputs()
    place = {name: index for index, name in enumerate(golden["names"].tolist())}
    wanted = golden["logits"][[place[row.id] for row in result.rows]]
    assert wanted.shape == logits.shape == (COUNT, 1000)
    off = np.abs(logits - wanted).max(axis=1) / np.abs(wanted).max(axis=1)
    assert off.max() <= TOLERANCE
    assert np.array_equal(logits.argmax(axis=1), wanted.argmax(axis=1))
    assert [row.top5[0] for row in result.rows] == wanted.argmax(axis=1).tolist()


def prepared(path: Path) -> Array:
    """The recipe in plain OpenCV and float64, without the code under test."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert image is not None
    height, width = image.shape[:2]
    short = min(height, width)
    size = (int(width * 256 / short), int(height * 256 / short))
    if short != 256:
        image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    top, left = (round((side - 224) / 2) for side in image.shape[:2])
    pixels = image[top : top + 224, left : left + 224, ::-1].astype(np.float64)
    pixels = (pixels - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375]
    return pixels.transpose(2, 0, 1).astype(np.float32)


@cache
def flat_by_hand() -> dict[str, tuple[int, Array]]:
    """Label and official net's logits of the 42 validation pictures, in plain torch."""
    import torch

    from ppim_port.models.rednet import torch_net

    model = torch_net.build(rednet()).eval()
    state = {
        key.split(".", 1)[1] if key.startswith("backbone.") else key[5:]: value
        for key, value in golden_state().items()
    }
    model.load_state_dict({key: torch.tensor(np.array(v)) for key, v in state.items()})
    lines = [line.split() for line in FLAT_LIST.read_text().splitlines()]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # Many would wait for each other where cores are few.
    try:
        with torch.inference_mode():
            return {
                name: (
                    int(label),
                    model(torch.tensor(prepared(FLAT / name)[None]))[0].numpy(),
                )
                for name, label in lines
            }
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_flat_pictures_with_a_list_are_scored_as_by_hand(
    framework: FrameworkName,
) -> None:
    request = Request("rednet26", FLAT, FLAT_LIST, framework=framework, weights=WEIGHTS)
    result = evaluate(request)
    by_hand = flat_by_hand()
    places = [list(np.argsort(-x)).index(label) for label, x in by_hand.values()]
    counts = (result.score.n, result.score.top1_correct, result.score.top5_correct)
    assert counts == (
        FLAT_COUNT,
        sum(p < 1 for p in places),
        sum(p < 5 for p in places),
    )
    for row in result.rows:
        label, logits = by_hand[row.id]
        assert row.label == label
        assert row.top5 == tuple(np.argsort(-logits)[:5])
        off = np.abs(logits[list(row.top5)] - row.logits)
        assert off.max() <= TOLERANCE * np.abs(logits).max()


@needs_kernels
def test_bfloat16_gets_as_many_right_and_counts_its_flips() -> None:
    """One picture's two best logits are 0.07 of 63 apart: some sets tell them so."""
    request = Request("rednet26", PICTURES, framework="torch", weights=WEIGHTS)
    result = evaluate(replace(request, precision="bfloat16"))
    assert (result.score.top1_correct, result.score.top5_correct) == (TOP1, TOP5)
    assert result.flips is not None
    assert result.flips.pictures == COUNT
    assert result.flips.top1 <= 1
    assert 0 < result.flips.largest < 2
