"""`show_config()` says what is installed and what runs, and loads no framework."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

import ppim_port
from ppim_port import config
from ppim_port.errors import UsageError
from ppim_port.native import library
from ppim_port.native.library import PATH, VARIABLE
from tests.support.native import ISAS, needs_kernels, on_every_set

BUILD = "python -m ppim_port.native.build"


def choose(patch: pytest.MonkeyPatch, isa: str) -> None:
    """As if the process had been started with this choice."""
    patch.setenv(VARIABLE, isa)
    patch.setattr(config, "load", library.load.__wrapped__)


def test_every_entry_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    ppim_port.show_config()
    lines = capsys.readouterr().out.splitlines()
    found = config.config()
    assert len(lines) == len(found)
    for line, (name, value) in zip(lines, found.items(), strict=True):
        assert line.startswith(name)
        assert line.endswith(value)
    assert found["ppim-port"] == ppim_port.__version__


def test_a_package_under_another_name_is_found_and_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed = {"tensorflow-cpu": "2.1", "keras": "3.2"}

    def version(name: str) -> str:
        if name not in installed:
            raise PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(config, "version", version)
    found = config.config()
    assert found["tensorflow"] == "2.1 (tensorflow-cpu)"
    assert found["keras"] == "3.2"
    assert found["jax"] == "not installed"
    assert found["involution in Keras"].startswith("shifted views")
    del installed["keras"]
    assert config.config()["involution in Keras"] == "not installed"


@needs_kernels
@on_every_set
def test_the_set_that_runs_is_named(isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, isa)
    found = config.config()
    assert found["C++ kernels"] == f"{isa} ({PATH})"
    assert found["involution on a CPU"].startswith(f"C++ ({isa})")


@needs_kernels
def test_kernels_that_are_switched_off_are_said_to_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choose(monkeypatch, "off")
    found = config.config()
    assert found["C++ kernels"] == f"switched off by {VARIABLE}"
    assert found["involution on a CPU"].startswith("shifted views")


def test_kernels_that_were_not_built_are_said_to_be_with_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    choose(monkeypatch, "")
    for module in (config, library):
        monkeypatch.setattr(module, "PATH", tmp_path / "absent.so")
    found = config.config()
    assert found["C++ kernels"].startswith("not built")
    assert found["C++ kernels"].endswith(BUILD)
    assert found["involution on a CPU"].startswith("shifted views")


@needs_kernels
def test_a_wrong_choice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "nonsense")
    with pytest.raises(UsageError, match=f"{VARIABLE}=nonsense"):
        config.config()


def test_what_is_not_installed_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "_PACKAGES", ("no-such-package", "triton", "keras"))
    assert config.config()["no-such-package"] == "not installed"


@needs_kernels
def test_the_nets_fall_back_and_say_so_where_the_kernels_are_off() -> None:
    code = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "import ppim_port, torch\n"
        "from ppim_port.inference.native_net import is_possible\n"
        "from ppim_port.models.rednet import torch_net\n"
        "from ppim_port.models.rednet.family import RedNetConfig\n"
        "from ppim_port.ops.involution_torch import form\n"
        "config = RedNetConfig('26', 10)\n"
        "print(is_possible(config), form(torch.zeros(1)))\n"
        "net, x = torch_net.build(config).eval(), torch.randn(1, 3, 32, 32)\n"
        "with torch.no_grad():\n"
        "    print(torch.allclose(net.fuse()(x), net(x), rtol=1e-4, atol=1e-3))\n"
        "ppim_port.show_config()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {VARIABLE: "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["False shift", "True"]
    assert f"switched off by {VARIABLE}" in done.stdout
    assert ISAS[-1] not in done.stdout
