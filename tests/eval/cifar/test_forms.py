"""The same pictures are the same samples and the same ledger in every form."""

from __future__ import annotations

import gc
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eval.cifar_sets import SETS, class_names, missing_from, picture_id
from eval.cli import main
from eval.dataset import known_set, open_dataset
from eval.pipeline import evaluate
from eval.records import Dataset, Request
from ppim_port.checkpoint import write
from ppim_port.imagenet import wnids
from ppim_port.manifest import load_manifest
from ppim_port.recipe import decode, open_recipe
from tests.eval.cifar import made
from tests.support.fake_backend import FakeBackend
from tests.support.shared import SHARED
from tests.support.states import made_state, rednet

NAMES = tuple(made.CLASSES)
CIFAR = SHARED / "cifar"


def opened(root: Path, name: str, layout: str | None = None) -> Dataset:
    return open_dataset(
        root,
        val_list=None,
        class_wnids=wnids(),
        num_classes=made.CLASSES[name],
        layout=layout,  # type: ignore[arg-type]
        test_set=name,
    )


@pytest.mark.parametrize("form", made.FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_every_form_gives_the_same_samples(
    name: str, form: str, tmp_path: Path
) -> None:
    root = made.FORMS[form](tmp_path, name)
    assert known_set(root) == name
    dataset = opened(root, name)
    assert dataset.classes == made.CLASSES[name]
    assert [s.label for s in dataset.samples] == made.labels(name)
    assert [s.id for s in dataset.samples] == [
        f"{name}/test/{at:05d}" for at in range(7)
    ]
    assert [s.read() for s in dataset.samples] == list(map(made.ppm, made.pictures()))


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("as_bytes", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_pickles_that_python_3_saved_again_are_read(
    name: str, as_bytes: bool, protocol: int, tmp_path: Path
) -> None:
    tree = made.batch(name, made.pictures(), made.labels(name))
    data = made.again(tree, protocol, as_bytes=as_bytes)
    path = made.put(tmp_path / made.FOLDERS[name][2], data)
    dataset = opened(path, name)
    assert [s.label for s in dataset.samples] == made.labels(name)
    assert dataset.samples[-1].read() == made.ppm(made.pictures()[-1])


def test_the_decoder_sees_the_pixels(tmp_path: Path) -> None:
    dataset = opened(made.binary(tmp_path, "cifar10"), "cifar10")
    recipe = open_recipe("cifar10", load_manifest().recipes)
    for sample, image in zip(dataset.samples, made.pictures(), strict=True):
        np.testing.assert_array_equal(decode(sample.read(), recipe), image[:, :, ::-1])


def test_an_unpacked_set_hides_its_archive(tmp_path: Path) -> None:
    made.archive_binary(tmp_path, "cifar10")
    made.python(tmp_path, "cifar10")
    assert opened(tmp_path, "cifar10").layout == "cifar-python"


def test_a_layout_chooses_between_two_forms(tmp_path: Path) -> None:
    made.python(made.binary(tmp_path, "cifar100"), "cifar100")
    assert opened(tmp_path, "cifar100", "cifar-binary").layout == "cifar-binary"


def test_a_plain_tar_is_read_too(tmp_path: Path) -> None:
    data = made.rows("cifar10", made.pictures(), made.labels("cifar10"))
    path = tmp_path / "cifar-10-binary.tar"
    made.packed(path, {"cifar-10-batches-bin/test_batch.bin": data}, "w")
    assert len(opened(path, "cifar10").samples) == 7


def test_a_closed_file_stays_readable(tmp_path: Path) -> None:
    path = made.binary(tmp_path, "cifar10") / "cifar-10-batches-bin" / "test_batch.bin"
    samples = opened(path, "cifar10").samples
    path.unlink()
    gc.collect()
    assert samples[3].read() == made.ppm(made.pictures()[3])


def test_class_names_are_those_of_the_sets() -> None:
    ten, hundred = (class_names(SETS[name]) for name in NAMES)
    assert (ten[0], ten[3], ten[9]) == ("airplane", "cat", "truck")
    assert (hundred[0], hundred[49], hundred[99]) == ("apple", "mountain", "worm")
    for names, count in ((ten, 10), (hundred, 100)):
        assert len(names) == count
        assert list(names) == sorted(set(names))


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_set_is_10_000_and_so_many_a_class(name: str) -> None:
    known, classes = SETS[name], made.CLASSES[name]
    whole = [(picture_id(known, at), at % classes) for at in range(10_000)]
    assert missing_from(known, whole) is None
    assert missing_from(known, whole[1:]) == (
        f"9,999 of the 10,000 test pictures of {known.title}"
    )
    other = [(whole[0][0], 1), *whole[1:]]
    assert "pictures of each of" in str(missing_from(known, other))
    stray = [("cifar10/train/00000", 0), *whole[1:]]
    assert "1 of 10,000 pictures are not of" in str(missing_from(known, stray))


@pytest.fixture(scope="module")
def ten_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ten") / "rednet26.pdparams"
    state = made_state(rednet(num_classes=10), "paddle")
    write(state, path, kind="pdparams", framework="paddle")
    return path


@pytest.mark.usefixtures("fake")
def test_the_ledger_is_the_same_to_the_byte(tmp_path: Path, ten_classes: Path) -> None:
    ledgers = set()
    for form, make in made.FORMS.items():
        root = make(tmp_path / form, "cifar10")
        request = Request(
            "rednet26",
            root,
            weights=ten_classes,
            batch_size=2,
            run=tmp_path / form / "run",
            protocol="cifar10",
        )
        result = evaluate(request)
        assert result.recipe.name == "cifar10"
        assert result.verdict.status == "not-comparable"
        assert "7 of the 10,000 pictures of the test set cifar10" in (
            result.verdict.reason
        )
        ledgers.add((tmp_path / form / "run" / "ledger.jsonl").read_bytes())
        assert evaluate(request).chain == result.chain
    assert len(ledgers) == 1


@pytest.mark.usefixtures("fake")
def test_the_command_line_finds_the_set_out(
    tmp_path: Path, ten_classes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, run = made.binary(tmp_path / "x", "cifar10"), tmp_path / "run"
    words = ["--model", "rednet26", "--weights", str(ten_classes), "--json", "--quiet"]
    assert main([*words, "--val-dir", str(root), "--run", str(run)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["protocol"], found["n"], found["layout"]) == (
        *("cifar10", 7),
        "cifar-binary",
    )
    assert main(["verify", str(run)]) == 0
    capsys.readouterr()
    assert main(["report", str(run)]) == 0
    told = capsys.readouterr().out
    assert "airplane" in told
    assert "n01440764" not in told
    assert "Superclasses" not in told


@pytest.mark.parametrize("word", ["--dataset", "--protocol"])
def test_check_looks_at_every_picture(
    word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = made.parquet(tmp_path, "cifar100")
    assert main(["check", "--val-dir", str(root), word, "cifar100", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n"], found["layout"], found["undecodable"]) == (7, "parquet", [])
    assert found["missing"] == "7 of the 10,000 test pictures of CIFAR-100"
    assert found["census"]["formats"] == {"ppm": 7}


@pytest.mark.usefixtures("fake")
def test_a_model_of_its_own_recipe_is_compared(
    tmp_path: Path, ten_classes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a CIFAR model's record will say: its figures are of that test set."""
    manifest = load_manifest()
    record = replace(manifest.model("rednet26"), recipe="cifar10-keras", num_classes=10)
    changed = replace(manifest, models={**manifest.models, "rednet26": record})
    monkeypatch.setattr("eval.prepare.load_manifest", lambda: changed)
    root = made.binary(tmp_path, "cifar10")
    request = Request("rednet26", root, weights=ten_classes, protocol="cifar10")
    result = evaluate(request)
    assert result.recipe.name == "cifar10-keras"
    assert result.verdict.status == "partial"
    assert "7 of the 10,000 test pictures of CIFAR-10" in result.verdict.reason


@pytest.mark.skipif(not CIFAR.is_dir(), reason=f"no pictures at {CIFAR}")
def test_a_thousand_real_pictures_in_their_published_order(tmp_path: Path) -> None:
    import re

    import cv2

    sheet = cv2.imread(str(CIFAR / "cifar10_batch_50.png"))
    assert sheet is not None
    images = np.ascontiguousarray(sheet[:, :, ::-1]).reshape(1000, 32, 32, 3)
    text = (CIFAR / "cifar10_labels.js").read_text()
    given = [int(word) for word in re.findall(r"\d+", text)][50_000:]
    tree = made.batch("cifar10", images, given)
    path = made.put(tmp_path / "test_batch", made.original(tree))
    dataset = opened(path, "cifar10")
    assert [s.label for s in dataset.samples] == given
    assert dataset.samples[999].read() == made.ppm(images[999])


def test_parity_takes_a_net_of_the_sets_classes(
    tmp_path: Path,
    ten_classes: Path,
    made_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("eval.players.get_backend", FakeBackend)
    root = made.binary(tmp_path, "cifar10")
    words = ["parity", "--model", "rednet26", "--val-dir", str(root), "--json"]
    assert main([*words, "--weights", str(ten_classes)]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 7
    assert main([*words, "--weights", str(made_weights)]) == 3
    assert "a net of 1000" in capsys.readouterr().err
