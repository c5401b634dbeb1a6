"""A RedNet of other classes learns these, with as much of it frozen as was said."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import convert.cli
from examples.common.cifar import load_cifar
from examples.common.folders import load_folders
from examples.common.pictures import Pictures
from examples.common.run_folder import read_history
from examples.finetune_rednet import train_paddle, train_torch
from examples.finetune_rednet.options import open_job, recipe_of
from ppim_port.checkpoint import read
from ppim_port.errors import DatasetError, UsageError
from ppim_port.manifest import load_manifest
from ppim_port.state_dict import FrameworkName
from ppim_port.weights import load_weights
from tests.examples.made import CIFAR, above_chance, needs_cifar
from tests.examples.processes import end_of, finished
from tests.support.shared import GOLDEN

WEIGHTS = GOLDEN / "rednet26.pth"
TRAIN = "examples.finetune_rednet.train"
CLASSES = ("frog", "ship")
TRAINS = {"torch": train_torch, "paddle": train_paddle}
LAST = "layer4.0.conv3.weight"


def save(pictures: Pictures, names: tuple[str, ...], folder: Path) -> None:
    for at, label in enumerate(pictures.labels):
        if names[label] in CLASSES:
            (folder / names[label]).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / names[label] / f"{at}.png"), pictures[at])


@pytest.fixture(scope="module")
def two_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frogs and ships, a folder a class."""
    folder = tmp_path_factory.mktemp("two")
    data = load_cifar(CIFAR, "cifar10")
    save(data.train, data.classes, folder / "train")
    save(data.test, data.classes, folder / "val")
    return folder


def arguments(data: Path, run: Path, *more: str) -> list[str]:
    given = ["--data", str(data), "--run", str(run), "--weights", str(WEIGHTS)]
    return ["--smoke", "--quiet", *given, *more]


@pytest.fixture(scope="module")
def tuned(two_classes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("tuned") / "run"
    few = ["--dataset", "folders", "--classes", "2", "--epochs", "2", "--side", "32"]
    few += ["--threads", "1"]
    finished(f"{TRAIN}_torch", arguments(two_classes, run, *few))
    return run


@needs_cifar
def test_two_classes_are_told_apart(tuned: Path, two_classes: Path) -> None:
    pictures = len(load_folders(two_classes).test.labels)
    assert read_history(tuned)[-1].test_top1 > above_chance(pictures, 2)


@needs_cifar
def test_what_was_frozen_has_not_moved_and_the_rest_has(tuned: Path) -> None:
    record = load_manifest().model("rednet26")
    before = load_weights(WEIGHTS, record, framework="torch").state
    after, moments = end_of(tuned, "torch")
    moved = {
        key
        for key, value in after.items()
        if not np.array_equal(value, before.get(key, value))
    }
    assert after["fc.weight"].shape == (2, 2048)
    assert not [key for key in moved if key.startswith(("stem", "layer1", "layer3"))]
    weights = {key for key in after if key.startswith("layer4") and "conv" in key}
    assert weights <= moved
    assert {key.partition(".")[0] for key in moments} == {"layer4", "fc"}


@needs_cifar
def test_the_result_converts_with_proof(tuned: Path, tmp_path: Path) -> None:
    given = ["rednet26", "--checkpoint", str(tuned / "weights.pth")]
    assert convert.cli.main([*given, "--out", str(tmp_path)]) == 0
    state = read(tmp_path / "rednet26.pdparams").state
    assert state["fc.weight"].shape == (2048, 2)


@needs_cifar
def test_other_classes_than_promised_are_refused(
    two_classes: Path, tmp_path: Path
) -> None:
    given = arguments(two_classes, tmp_path / "run", "--dataset", "folders")
    with (
        pytest.raises(UsageError, match="has 2 classes, and --classes says 5"),
        open_job([*given, "--classes", "5"], "torch"),
    ):
        pass


def test_a_class_of_one_part_alone_is_named(tmp_path: Path) -> None:
    for name in ("train/a", "train/b", "val/a"):
        (tmp_path / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / name / "1.png"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(DatasetError, match=r"different classes: b \(1 in all\)"):
        load_folders(tmp_path)
    (tmp_path / "val/b").mkdir()
    with pytest.raises(DatasetError, match="no picture of b"):
        load_folders(tmp_path)


def test_pictures_of_224_have_the_models_own_recipe() -> None:
    assert recipe_of("rednet26", 224).name == "rednet-official"
    small = recipe_of("rednet26", 64)
    assert (small.resize_short_side, small.crop_size) == (73, 64)


@pytest.mark.slow
@needs_cifar
@pytest.mark.parametrize("framework", ["torch", "paddle"])
def test_the_whole_smoke_learns(framework: str, tmp_path: Path) -> None:
    finished(f"{TRAIN}_{framework}", arguments(CIFAR, tmp_path / "run"))
    rows = read_history(tmp_path / "run")
    assert rows[-1].test_top1 > above_chance(500, 10)
    assert rows[-1].train_loss < rows[0].train_loss - 0.2


@needs_cifar
@pytest.mark.parametrize("framework", ["torch", "paddle"])
def test_the_body_learns_with_a_rate_of_its_own(
    framework: FrameworkName, tmp_path: Path
) -> None:
    record = load_manifest().model("rednet26")
    before = load_weights(WEIGHTS, record, framework=framework).state
    few = ["--limit", "12", "--epochs", "1", "--batch-size", "4", "--side", "32"]
    moved = []
    for scale in ("0", "0.01"):
        run = tmp_path / scale
        more = ["--frozen-stages", "-1", "--body-scale", scale]
        assert TRAINS[framework].main(arguments(CIFAR, run, *few, *more)) == 0
        after, _ = end_of(run, framework)
        moved.append(float(np.linalg.norm(after[LAST] - before[LAST])))
        assert (after["stem.0.conv.weight"] != before["stem.0.conv.weight"]).any() == (
            scale != "0"
        )
    assert moved[0] == 0 < moved[1]
