"""One net in two frameworks: the same arrays, near-ties told from disagreement."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from eval.cli import main
from eval.commands.options import parity_words
from eval.parity import HISTOGRAM, Parity, Watch, first_divergence, parity
from ppim_port.recipe import Transform
from ppim_port.state_dict import Array
from tests.eval.conftest import use_backend
from tests.eval.made import DEMO, DEMO_COUNT, DEMO_LIST
from tests.support.fake_backend import FakeBackend, FakeNet

FIRST = np.random.default_rng(0).standard_normal((6, 20)).astype(np.float32) * 10
PICTURES = ["--model", "rednet26", "--val-dir", str(DEMO), "--val-list", str(DEMO_LIST)]


def report(first: Array, second: Array) -> Parity:
    watch = Watch()
    for index in range(0, len(first), 4):
        part = slice(index, index + 4)
        ids = [f"{n}" for n in range(len(first))][part]
        watch.add(ids, first[part], second[part])
    return parity(watch)


def test_equal_logits_are_equal_bits() -> None:
    found = report(FIRST, FIRST.copy())
    assert found.histogram == (6, *[0] * (len(HISTOGRAM) - 1))
    assert (found.n, found.agree, found.same_top5, found.within) == (6, 6, 6, True)


def test_the_histogram_counts_each_picture_once_by_its_largest_difference() -> None:
    second = FIRST.copy()
    for row, size in enumerate((5e-6, 5e-5, 5e-4, 5e-3, 5e-2)):
        worst = int(np.abs(FIRST[row]).argmin())
        second[row, worst] += size * np.abs(FIRST[row]).max()
    found = report(FIRST, second)
    assert found.histogram == (1, 0, 0, 1, 1, 1, 1, 1, 0)
    assert found.largest == pytest.approx(5e-2, rel=1e-3)
    assert (found.worst, found.within) == ("4", False)


def test_a_flip_within_rounding_is_a_near_tie_and_passes() -> None:
    first, second = FIRST.copy(), FIRST.copy()
    first[2, :2], second[2, :2] = (50.0, 49.999), (49.999, 50.0)
    found = report(first, second)
    assert (found.agree, found.near_ties, found.disagree) == (5, ("2",), ())
    assert found.within


def test_a_flip_beyond_rounding_disagrees_and_fails() -> None:
    first, second = FIRST.copy(), FIRST.copy()
    first[2, :2], second[2, :2] = (50.0, 40.0), (40.0, 50.0)
    found = report(first, second)
    assert (found.near_ties, found.disagree, found.within) == ((), ("2",), False)


def test_nan_never_passes() -> None:
    second = FIRST.copy()
    second[1] = np.nan
    found = report(FIRST, second)
    assert not found.within
    assert found.histogram[-1] == 1


def test_the_first_layer_that_differs_is_named_with_what_was_before() -> None:
    first = {name: np.ones(3) for name in ("stem", "layer1", "layer2", "fc")}
    second = {**first, "stem": np.ones(3) + 1e-6, "layer2": np.ones(3) * 2}
    found = first_divergence(first, second)
    assert found is not None
    assert (found.layer, found.difference) == ("layer2", 1.0)
    assert found.before == pytest.approx(1e-6)
    assert first_divergence(first, first) is None


@pytest.mark.parametrize(
    ("words", "rest"),
    [
        (["--framework", "torch,paddle"], ["--frameworks", "torch,paddle"]),
        (["--framework=paddle,torch"], ["--frameworks", "paddle,torch"]),
    ],
)
def test_two_frameworks_for_evaluate_are_the_parity_command(
    words: list[str], rest: list[str]
) -> None:
    argv = [*PICTURES[:2], *words, *PICTURES[2:]]
    assert parity_words(argv) == ["parity", *PICTURES, *rest]
    assert parity_words([*PICTURES, "--framework", "torch"]) is None


def both(weights: Path, *more: str) -> list[str]:
    argv = [*PICTURES, "--weights", str(weights), "--framework", "torch,paddle"]
    return [*argv, "--limit", "3", "--json", "--quiet", *more]


def test_both_nets_agree_together_and_apart(
    demo_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(both(demo_weights)) == 0
    together = json.loads(capsys.readouterr().out)
    assert (together["n"], together["agree"]) == (3, 3)
    assert together["verdict"] == "pass"
    assert 0 < together["largest"] < 5e-5
    assert main(both(demo_weights, "--process-per-framework")) == 0
    assert json.loads(capsys.readouterr().out) == together


def test_pictures_are_decoded_once_and_both_nets_get_the_same_arrays(
    made_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen: dict[str, list[Array]] = {"torch": [], "paddle": []}
    decoded: list[object] = []
    transform = Transform.to_uint8

    class Noting(FakeBackend):
        def predict(self, model: FakeNet, images: Array) -> Array:
            seen[self.name].append(images)
            return super().predict(model, images)

    def note(self: Transform, image: object, *, name: str | None = None) -> Array:
        decoded.append(name)
        return transform(self, image, name=name)

    use_backend(monkeypatch, Noting)
    monkeypatch.setattr("eval.players.get_backend", Noting)
    monkeypatch.setattr(Transform, "to_uint8", note)
    assert main(both(made_weights)) == 0
    assert len(decoded) == 3
    assert json.loads(capsys.readouterr().out)["n"] == 3
    pairs = zip(seen["torch"], seen["paddle"], strict=True)
    assert all(first is second for first, second in pairs)
    assert seen["torch"]


def test_a_net_that_is_wrong_in_one_framework_fails_with_its_layer(
    demo_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from ppim_port.backends.paddle import PaddleBackend

    load = PaddleBackend.load

    def wrong(self: PaddleBackend, model: object, state: dict[str, Array]) -> None:
        key = "layer2.0.conv1.weight"
        load(self, model, {**state, key: state[key] * np.float32(1.5)})

    monkeypatch.setattr(PaddleBackend, "load", wrong)
    assert main(both(demo_weights)) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "fail"
    assert found["first_divergence"]["layer"] == "layer2.0.conv1"


def test_what_goes_wrong_in_the_other_process_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(both(tmp_path / "none.pth", "--process-per-framework")) != 0
    assert "none.pth" in capsys.readouterr().err


def test_two_of_the_same_framework_are_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*PICTURES, "--framework", "torch,torch"]) == 2
    assert "two different frameworks" in capsys.readouterr().err
    assert DEMO_COUNT == 11
