"""The form that scores: the inference form, the framework's own layers, bfloat16."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eval.certificate import Canaries, certify, oracle
from eval.cli import main
from eval.lower import SAMPLE, FlipCounter
from eval.pipeline import evaluate
from eval.records import Request
from ppim_port import native
from ppim_port.backends import Reduced
from ppim_port.errors import LedgerError, UsageError, VerificationError
from ppim_port.manifest import load_manifest
from ppim_port.models.family import Config
from ppim_port.recipe import Transform, open_recipe
from ppim_port.state_dict import Array, FrameworkName
from tests.eval.conftest import use_backend
from tests.eval.made import DEMO, DEMO_COUNT, DEMO_LIST, record
from tests.support.fake_backend import FakeBackend, FakeNet
from tests.support.states import made_state, rednet

needs_kernels = pytest.mark.skipif(
    not native.available(), reason="the C++ kernels are not built"
)


class Rounded(FakeBackend):
    """A backend whose bfloat16 net knows its classifier to one digit."""

    def fuse(
        self, model: FakeNet, config: Config, *, precision: Reduced = "float32"
    ) -> FakeNet:
        if precision == "float32":
            return model
        state = {key: np.round(value, 1) for key, value in model.state.items()}
        return FakeNet(model.config, model.precision, state)


class Wrong(FakeBackend):
    """A backend whose inference form is another net."""

    def fuse(
        self, model: FakeNet, config: Config, *, precision: Reduced = "float32"
    ) -> FakeNet:
        state = {key: -value for key, value in model.state.items()}
        return FakeNet(model.config, model.precision, state)


def test_a_lower_precision_is_held_against_float32_on_a_sample(
    demo: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_backend(monkeypatch, Rounded)
    monkeypatch.setattr("eval.certificate.ALLOWED", {"float32": 10.0})
    monkeypatch.setattr("eval.lower.SAMPLE", 7)
    result = evaluate(replace(demo, precision="bfloat16", batch_size=4))
    assert result.flips is not None
    assert result.flips.pictures == 7
    exact = evaluate(demo)
    assert exact.flips is None
    pairs = list(zip(result.rows, exact.rows, strict=True))[:7]
    assert result.flips.top1 == sum(a.top5[0] != b.top5[0] for a, b in pairs) > 0
    assert result.flips.top5 == sum(set(a.top5) != set(b.top5) for a, b in pairs)
    assert result.flips.largest > 0


def test_a_form_that_is_another_net_is_refused_before_the_first_picture(
    demo: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_backend(monkeypatch, Wrong)
    with pytest.raises(VerificationError, match=r"--plain.*Nothing was evaluated"):
        evaluate(demo)
    assert evaluate(replace(demo, plain=True)).score.n == DEMO_COUNT


def test_plain_layers_in_bfloat16_are_refused(demo: Request) -> None:
    with pytest.raises(UsageError, match="one of them"):
        evaluate(replace(demo, plain=True, precision="bfloat16"))


@pytest.mark.usefixtures("fake")
def test_a_run_is_not_finished_in_another_precision(
    demo: Request, tmp_path: Path
) -> None:
    kept = replace(demo, run=tmp_path / "run")
    evaluate(kept)
    with pytest.raises(LedgerError, match="precision"):
        evaluate(replace(kept, precision="bfloat16"))


def test_the_counter_counts_what_differs_and_stops_being_asked() -> None:
    low = np.array([[3.0, 2, 1, 0, -1, -2], [0, 1, 2, 3, 4, -np.inf]])
    exact = np.array([[2.0, 3, 1, 0, -1, -2], [0, 1, 2, 3, 4, -np.inf]])
    counter = FlipCounter()
    counter.add(low, exact)
    assert (counter.flips.pictures, counter.flips.top1, counter.flips.top5) == (2, 1, 0)
    assert counter.flips.largest == 1
    assert counter.wanted == SAMPLE - 2


def run(request: Request, *options: str, capsys: pytest.CaptureFixture[str]) -> dict:  # type: ignore[type-arg]
    words = ["--model", "rednet26", "--val-dir", str(DEMO), "--val-list"]
    words += [str(DEMO_LIST), "--weights", str(request.weights), "--quiet", "--json"]
    assert main([*words, *options]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


@needs_kernels
@pytest.mark.parametrize("framework", ["torch", "paddle"])
def test_the_inference_form_scores_like_the_plain_net(
    demo: Request, framework: FrameworkName, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ("--framework", framework)
    fused = run(demo, *chosen, capsys=capsys)
    plain = run(demo, *chosen, "--plain", capsys=capsys)
    assert "kernels" in fused["certificate"]["versions"]
    assert "kernels" not in plain["certificate"]["versions"]
    for name in ("top1_correct", "top5_correct", "n", "flips"):
        assert fused[name] == plain[name]


@needs_kernels
def test_bfloat16_says_its_flips(
    demo: Request, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(demo, "--precision", "bfloat16", capsys=capsys)
    assert found["precision"] == "bfloat16"
    assert found["flips"]["pictures"] == DEMO_COUNT
    assert found["flips"]["largest"] > 0


def test_without_kernels_the_plain_net_scores_and_bfloat16_is_refused(
    demo: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ppim_port.inference.native_net.load", lambda: None)
    found = evaluate(replace(demo, framework="torch"))
    assert "kernels" not in found.certificate.versions
    with pytest.raises(UsageError, match="bfloat16 needs the inference form"):
        evaluate(replace(demo, framework="torch", precision="bfloat16"))


def test_a_net_that_is_nan_on_the_canary_is_left_to_its_first_picture() -> None:
    class NotANumber(FakeBackend):
        def predict(self, model: FakeNet, images: Array) -> Array:
            return super().predict(model, images) * np.nan

    backend, config = NotANumber(), rednet()
    state = made_state(config, "paddle")
    model = backend.build(config)
    backend.load(model, state)
    canaries = Canaries.of(
        Transform(open_recipe(record().recipe, load_manifest().recipes))
    )
    exact = oracle(canaries, backend, config, state)
    found = certify(canaries, backend, model=model, exact=exact, workers=1)
    assert found.rounding == 0
