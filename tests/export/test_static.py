"""Folders of Paddle's static graph: right in every way to run them, or not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.cli import main
from ppim_port.backends import get_backend
from ppim_port.errors import OutputExistsError, UsageError, VerificationError
from ppim_port.export import static_paddle
from ppim_port.export.nets import TOLERANCE, pictures
from ppim_port.export.static_paddle import export_paddle_static, predictor
from ppim_port.factory import create_model
from tests.convert.made import listing, save_as
from tests.export.tamed import tamed_state
from tests.support.nets import relative

SIZE = 32
FILES = ["inference.json", "inference.pdiparams", "ppim_port.json"]


def made(name: str = "resnet18_nam") -> Any:
    model = create_model(name, framework="paddle", num_classes=7)
    get_backend("paddle").load(model, tamed_state(model.config, "paddle"))
    return model


def test_a_folder_computes_what_the_net_does_in_every_way(tmp_path: Path) -> None:
    model, path = made(), tmp_path / "served"
    done = export_paddle_static(model, path, image_size=SIZE)
    assert sorted(file.name for file in path.iterdir()) == FILES
    assert [c.runtime.partition(" ")[0] for c in done.checks[::2]] == [
        "paddle.jit.load",
        *["paddle.inference"] * 3,
    ]
    assert [c.batch for c in done.checks] == [1, 2] * 4
    assert done.checks[-1].runtime.endswith("optimised, oneDNN")
    images = pictures(3, SIZE)
    found = predictor(path)(images)
    assert relative(found, get_backend("paddle").predict(model, images)) < TOLERANCE
    about = json.loads((path / "ppim_port.json").read_text())
    assert about == done.metadata
    assert about["form"] == "paddle-static"
    assert done.size == sum(file.stat().st_size for file in path.iterdir())
    # The net that was exported is as it was.
    assert model(get_tensor(images)).shape == [3, 7]


def get_tensor(images: Any) -> Any:
    from tests.support.frameworks import paddle

    return paddle.to_tensor(images)


# Paddle takes seconds to prepare RedNet's two thousand operators, in each of four ways.
@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["rednet26", "resnet18_nam_pixel", "resnet18_imagenet", "efficientnet_lite0"],
)
def test_every_family_is_exported(name: str, tmp_path: Path) -> None:
    export_paddle_static(made(name), tmp_path / "served")


def test_nothing_is_left_of_an_export_that_disagrees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = static_paddle._save

    def spoilt(subject: Any, folder: Path, batch: Any) -> None:
        subject.state["layer4.0.bn2.bias"] += np.float32(1)
        save(subject, folder, batch)

    path = tmp_path / "served"
    path.mkdir()
    (path / "ppim_port.json").write_text("older")
    before = listing(tmp_path)
    monkeypatch.setattr(static_paddle, "_save", spoilt)
    with pytest.raises(VerificationError, match=r"paddle\.jit\.load .*, 1 at once"):
        export_paddle_static(made(), path, image_size=SIZE, batch=1, overwrite=True)
    assert listing(tmp_path) == before


def test_only_an_export_is_replaced_and_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "served"
    path.mkdir()
    (path / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputExistsError, match="it is no export; name another"):
        export_paddle_static(made(), path, overwrite=True)
    (path / "thesis.tex").unlink()
    (path / "ppim_port.json").write_text("older")
    with pytest.raises(OutputExistsError, match=r"pass overwrite \(--force\)"):
        export_paddle_static(made(), path)
    monkeypatch.setattr(static_paddle, "verify", lambda *_: ())
    export_paddle_static(made(), path, image_size=SIZE, overwrite=True)
    assert sorted(file.name for file in path.iterdir()) == FILES
    assert [entry.name for entry in tmp_path.iterdir()] == ["served"]


def test_a_net_of_pytorch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="framework='paddle'"):
        export_paddle_static(create_model("rednet26"), tmp_path / "served")


@pytest.mark.slow
def test_the_command_exports_a_folder(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weights, out = save_as("official", tmp_path / "o.pth"), tmp_path / "served"
    monkeypatch.setattr(static_paddle, "verify", lambda *_: ())
    words = ["export", "rednet26", "--weights", str(weights), "--to", "paddle-static"]
    assert main([*words, "--image-size", "32", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("rednet26: paddle-static, images of 32x32, 1000 classes")
    assert f"written  {out} (" in text
    model = create_model("rednet26", framework="paddle", weights=weights)
    images = pictures(2, SIZE)
    found = predictor(out)(images)
    assert relative(found, get_backend("paddle").predict(model, images)) < TOLERANCE
