"""One `hubconf.py` serves both hubs, through their own functions, each in a process."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ppim_port.errors import UsageError
from ppim_port.factory import list_models
from tests.convert.made import save_as
from tests.support.states import made_state, rednet

ROOT = Path(__file__).parent.parent

# `-P` and another working folder: what the hub itself adds to the path is all it gets.
TALK = """
import json, sys, warnings
warnings.simplefilter("ignore")
import {framework}
root, weights = sys.argv[1:]
hub, where = {framework}.hub, dict(source="local")
net = hub.load(root, "rednet26", weights=weights, num_classes=3, new_classifier=True,
               **where)
if {framework!r} == "torch":
    # Its `list` and `help` know no local folder; theirs is what they would download.
    hub._get_cache_or_reload, where = lambda *_, **__: root, {{}}
names = hub.list(root, **where)
text = hub.help(root, "rednet26", **where)
state = net.state_dict()
print(json.dumps(dict(
    names=names, text=text, kind=type(net).__mro__[-2].__module__,
    classes=list(state["fc.bias"].shape), left=len(net.partial_load.left_out),
    value=float(state["stem.2.bias"][0]),
)))
"""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_as("official", tmp_path_factory.mktemp("files") / "official.pth")


@pytest.mark.parametrize("framework", ["torch", "paddle"])
def test_a_hub_lists_explains_and_loads(
    framework: str, weights: Path, tmp_path: Path
) -> None:
    code = TALK.format(framework=framework)
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, ROOT, weights],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert told["names"] == sorted(list_models())
    assert "fetch the published weights: official, " in told["text"]
    assert "recipe rednet-official" in told["text"]
    assert told["classes"] == [3]
    assert told["left"] == (2 if framework == "torch" else 42)
    assert told["value"] == pytest.approx(float(made_state(rednet())["stem.2.bias"][0]))


def hubconf(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "hubconf.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_name_of_the_file_says_which_hub_asks() -> None:
    assert hubconf("hubconf.py").dependencies[-1] == "torch"
    assert hubconf("hubconf").dependencies[-1] == "paddle"
    assert "torch" not in hubconf("another").dependencies


def test_without_a_hub_the_framework_has_to_be_said() -> None:
    entries = hubconf("another")
    with pytest.raises(
        UsageError, match=r"neither torch\.hub nor paddle\.hub is asking"
    ):
        entries.rednet26()
    assert entries.rednet26(framework="torch", num_classes=2).fc.out_features == 2


def test_pretrained_weights_are_the_manifests(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = hubconf("hubconf.py")
    asked: list[str] = []

    class Got:
        path = weights

    def fetched(record: Any, *, progress: bool) -> type[Got]:
        asked.append(record.name)
        return Got

    monkeypatch.setattr(entries, "_fetch_weights", fetched)
    net = entries.rednet26(pretrained=True)
    assert asked == ["rednet26"]
    assert net.fc.out_features == 1000
    with pytest.raises(UsageError, match="pass one of the two"):
        entries.rednet26(True, weights=weights)
    assert asked == ["rednet26"]


def test_a_model_without_published_weights_says_so() -> None:
    entries = hubconf("hubconf.py")
    with pytest.raises(UsageError, match="Nobody publishes weights of resnet18_nam"):
        entries.resnet18_nam(pretrained=True)
    assert "nobody publishes any of this model" in entries.resnet18_nam.__doc__
