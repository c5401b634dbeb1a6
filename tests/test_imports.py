"""Starting is light: no framework, decoder or network library before it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

LIGHT = (
    "ppim_port",
    "ppim_port.manifest",
    "ppim_port.mapping",
    "ppim_port.checkpoint",
    "ppim_port.recipe",
    "ppim_port.backends",
    "ppim_port.factory",
    "ppim_port.features",
    "ppim_port.partial",
    "ppim_port.export.onnx_file",
    "convert.exporting",
    "ppim_port.weights",
    "ppim_port.models.rednet.family",
    "ppim_port.models.involution_cifar.family",
    "ppim_port.backends.walk_keras",
    "ppim_port.ops.involution_numpy",
    "ppim_port.ops.involution_native",
    "ppim_port.native.calls",
    "ppim_port.inference.native_net",
    "ppim_port.models.rednet.inference",
    "convert.cli",
    "convert.pipeline",
    "eval.cli",
)
HEAVY = {"torch", "paddle", "keras", "h5py", "cv2", "requests", "onnx", "onnxruntime"}


def run(statements: str) -> str:
    """What a new process prints."""
    code = "import importlib, sys, warnings; warnings.simplefilter('ignore')\n"
    return subprocess.run(
        [sys.executable, "-c", code + statements],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def loaded_after(statement: str) -> set[str]:
    """The heavy packages that a new process holds after one statement."""
    return set(run(f"{statement}; print(*sys.modules)").split()) & HEAVY


@pytest.fixture(scope="module")
def blamed() -> dict[str, str]:
    """Heavy packages, each with the light module whose import brought it.

    One process imports all of them: what none of them loaded, each leaves alone.
    """
    found: dict[str, str] = {}
    reports = run(
        f"for light in {LIGHT}: importlib.import_module(light); print(*sys.modules)"
    ).splitlines()
    for module, loaded in zip(LIGHT, reports, strict=True):
        for package in sorted(set(loaded.split()) & HEAVY - found.keys()):
            found[package] = module
    return found


@pytest.mark.parametrize("module", LIGHT)
def test_importing_loads_nothing_heavy(module: str, blamed: dict[str, str]) -> None:
    assert [package for package, by in blamed.items() if by == module] == []


def test_asking_for_the_configuration_loads_nothing_heavy() -> None:
    """Not even for the versions of what is heavy."""
    assert loaded_after("from ppim_port.config import config; config()") == set()


def test_listing_the_models_loads_nothing_heavy() -> None:
    assert loaded_after("import ppim_port; ppim_port.list_models()") == set()


@pytest.mark.parametrize("framework", ["torch", "paddle"])
def test_a_backend_loads_its_own_framework_and_not_the_other(framework: str) -> None:
    """Also the proof that the proof above can fail."""
    found = loaded_after(f"import ppim_port.backends.{framework}")
    assert found & {"torch", "paddle"} == {framework}


def test_the_frameworks_heavy_names_are_their_modules_names() -> None:
    assert loaded_after("import cv2, requests") == {"cv2", "requests"}
