"""Keras' nets learn, go on after a kill to the bit, and leave weights that convert."""

from __future__ import annotations

from pathlib import Path

import pytest

import convert.cli
from examples.common.run_folder import Run, read_history
from examples.involution_cifar10 import train_keras
from tests.examples.made import CIFAR, above_chance, needs_cifar
from tests.examples.processes import (
    end_of,
    finished,
    killed_after,
    rows_without_time,
    same_bits,
)

pytestmark = needs_cifar


def arguments(run: Path, net: str, *more: str) -> list[str]:
    given = ["--data", str(CIFAR), "--run", str(run), "--net", net]
    return ["--smoke", "--quiet", *given, *more]


@pytest.mark.slow
def test_the_convolution_net_is_above_chance(tmp_path: Path) -> None:
    run = tmp_path / "run"
    few = ["--epochs", "3", "--batch-size", "50", "--lr", "0.002"]
    assert train_keras.main(arguments(run, "convolution", *few)) == 0
    rows = read_history(run)
    assert rows[-1].test_top1 > above_chance(1000, 10)
    assert rows[-1].train_loss < rows[0].train_loss


def test_a_training_that_broke_off_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = "involution"
    few = ["--limit", "60", "--epochs", "3", "--batch-size", "20"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train_keras.main(arguments(whole, net, *few))
    commit = Run.commit

    def once(self: Run, *state: object) -> None:
        if self.epoch == 1:
            raise KeyboardInterrupt
        commit(self, *state)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Run, "commit", once)
        with pytest.raises(KeyboardInterrupt):
            train_keras.main(arguments(broken, net, *few))
    assert len(read_history(broken)) == 1
    train_keras.main(arguments(broken, net, *few))
    assert rows_without_time(broken) == rows_without_time(whole)
    pairs = zip(end_of(whole, "keras"), end_of(broken, "keras"), strict=True)
    assert all(same_bits(one, other) for one, other in pairs)


def test_the_weights_convert_to_torch_with_proof(tmp_path: Path) -> None:
    run = tmp_path / "run"
    few = ["--limit", "60", "--epochs", "1", "--batch-size", "20"]
    train_keras.main(arguments(run, "involution", *few))
    given = ["--checkpoint", str(run / "net.weights.h5"), "--to", "torch"]
    out = str(tmp_path / "converted.pth")
    assert convert.cli.main(["involution_cifar10", *given, "--out", out]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["torch", "jax", "tensorflow"])
def test_a_killed_training_ends_with_the_same_bits(engine: str, tmp_path: Path) -> None:
    module = "examples.involution_cifar10.train_keras"
    few = ["--limit", "200", "--epochs", "6", "--batch-size", "20"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finished(module, arguments(whole, "convolution", *few), engine)
    given = arguments(killed, "convolution", *few)
    killed_after(module, given, killed / "epochs" / "0001", engine)
    assert not (killed / "net.weights.h5").exists()
    finished(module, given, engine)
    assert rows_without_time(killed) == rows_without_time(whole)
    pairs = zip(end_of(whole, "keras"), end_of(killed, "keras"), strict=True)
    assert all(same_bits(one, other) for one, other in pairs)


@pytest.mark.slow
@pytest.mark.parametrize("net", ["involution", "convolution"])
def test_the_whole_smoke_learns(net: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    finished("examples.involution_cifar10.train_keras", arguments(run, net))
    # 18.9 % by involution, 40.5 % by convolution (Keras 3.15.1 on torch 2.13.0).
    assert read_history(run)[-1].test_top1 > above_chance(1000, 10)
