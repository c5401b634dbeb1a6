"""ResNet-NAM learns something real, and what it learned goes through both programs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import convert.cli
import eval.cli
from examples.common.cifar import load_cifar
from examples.common.run_folder import read_history
from ppim_port.checkpoint import read
from tests.eval.cifar import made
from tests.examples.made import CIFAR, above_chance, needs_cifar
from tests.examples.processes import finished

pytestmark = needs_cifar
MODEL = "resnet18_nam_imagenet"
TRAIN = "examples.resnet_nam_cifar100.train"


def arguments(run: Path, *more: str) -> list[str]:
    return ["--smoke", "--quiet", "--data", str(CIFAR), "--run", str(run), *more]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("nam") / "run"
    # 28.6, 23.2 and 26.6 % with the seeds 0, 1 and 2 (torch 2.13.0).
    finished(f"{TRAIN}_torch", arguments(run, "--epochs", "2", "--threads", "1"))
    return run


def published_form(folder: Path) -> Path:
    """The test pictures of the sheets as the archive of CIFAR-10 holds them."""
    data = load_cifar(CIFAR, "cifar10").test
    rgb = np.stack([data[at][..., ::-1] for at in range(len(data.labels))])
    tree = made.batch("cifar10", rgb, data.labels.tolist())
    made.put(folder / "test_batch", made.again(tree, 2, as_bytes=True))
    return folder


def test_two_epochs_are_above_chance(trained: Path) -> None:
    rows = read_history(trained)
    assert [row.epoch for row in rows] == [1, 2]
    assert rows[-1].test_top1 > above_chance(1000, 10)


@pytest.mark.slow
def test_the_weights_convert_with_proof_and_score_alike_in_both(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "converted"
    out.mkdir()
    done = convert.cli.main(
        [MODEL, "--checkpoint", str(trained / "weights.pth"), "--out", str(out)]
    )
    assert done == 0
    pictures = published_form(tmp_path / "cifar")
    expected = round(10 * read_history(trained)[-1].test_top1)
    files = {"torch": trained / "weights.pth", "paddle": out / f"{MODEL}.pdparams"}
    for framework, weights in files.items():
        capsys.readouterr()
        eval.cli.main(
            [
                *(
                    "--model",
                    MODEL,
                    "--framework",
                    framework,
                    "--weights",
                    str(weights),
                ),
                *("--dataset", "cifar10", "--val-dir", str(pictures), "--quiet"),
                *("--recipe", str(trained / "recipe.json"), "--json"),
            ]
        )
        assert json.loads(capsys.readouterr().out)["top1_correct"] == expected


def test_the_penalty_is_felt(trained: Path) -> None:
    weights = read(trained / "weights.pth").state
    attention = [
        value for key, value in weights.items() if key.endswith("nam.channel.bn.weight")
    ]
    assert len(attention) == 8
    # From 1 on, weight decay and penalty both pull down; the cross-entropy hardly.
    assert all(value.mean() < 1 for value in attention)


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["torch", "paddle"])
def test_the_whole_smoke_learns(framework: str, tmp_path: Path) -> None:
    finished(f"{TRAIN}_{framework}", arguments(tmp_path / "run"))
    rows = read_history(tmp_path / "run")
    assert len(rows) == 5
    # 37.0 % in PyTorch, 33.7 % in Paddle; 15 % is what guessing exceeds once in 1e6.
    assert rows[-1].test_top1 > 25
    assert rows[-1].train_loss < rows[0].train_loss - 0.3
