"""Same input, same bytes: whatever the hash seed, time, folder, process or numpy."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppim_port.checkpoint import read
from tests.checkpoint.frameworks import paddle, torch, torch_numpy
from tests.convert.made import REDNET26, assert_holds, expected_state
from tests.support.states import made_state

ROOT = Path(__file__).parents[2]
KINDS = ("pdparams", "pth", "safetensors")
OLD_NUMPY = "1.26.4"

# Prints the digest of each output and of each sidecar.
SCRIPT = """
import datetime, hashlib, json, sys, time
from pathlib import Path

source, moment, kinds = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3].split(",")
time.time = lambda: moment
time.time_ns = lambda: int(moment * 1e9)
time.localtime = lambda *a, real=time.localtime: real(moment)
time.gmtime = lambda *a, real=time.gmtime: real(moment)

from convert import Request, convert
from ppim_port.checkpoint import read
import numpy

found = {}
for kind in kinds:
    request = Request("rednet26", source, to=kind, out=Path(), verify=False)
    done = convert(request)
    for path in (done.written.path, done.provenance):
        found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
print(json.dumps({"numpy": numpy.__version__, "digests": found}))
"""


def converted(
    source: Path,
    folder: Path,
    *,
    seed: str = "0",
    moment: float = 0.0,
    path: list[Path] | None = None,
) -> Any:
    """Convert in a new process, in `folder`, at `moment`; with `path` in place of
    what is installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    flags = [] if path is None else ["-S"]
    places = os.pathsep.join(str(place) for place in (*(path or []), ROOT))
    done = subprocess.run(
        [sys.executable, *flags, "-c", SCRIPT, source, str(moment), ",".join(KINDS)],
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def first(official: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("first")
    return {**converted(official, folder), "folder": folder}


@pytest.mark.parametrize(
    ("seed", "moment"), [("1", 0.0), ("4294967295", 2.0e9), ("random", 4.2e9)]
)
def test_another_process_time_folder_and_hash_seed_change_no_byte(
    seed: str, moment: float, first: Any, official: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "elsewhere" / official.name
    copy.parent.mkdir()
    shutil.copy(official, copy)
    os.utime(copy, (moment, moment))
    again = converted(copy, tmp_path / "out" / "deep", seed=seed, moment=moment)
    assert len(again["digests"]) == 2 * len(KINDS)
    assert again["digests"] == first["digests"]


def test_another_input_changes_the_bytes(
    first: Any, tmp_path: Path, official: Path
) -> None:
    """The twin of the test above: it shows that it could fail."""
    state = {key: np.array(value) for key, value in read(official).state.items()}
    state["head.fc.bias"].view(np.uint8)[0] ^= 1
    torch().save(
        {"state_dict": {k: torch().from_numpy(v) for k, v in state.items()}},
        tmp_path / official.name,
    )
    again = converted(tmp_path / official.name, tmp_path / "out")
    for name, digest in again["digests"].items():
        assert digest != first["digests"][name]


def test_the_frameworks_own_loaders_read_what_was_made(first: Any) -> None:
    expected = {f: expected_state(f, REDNET26) for f in ("torch", "paddle")}
    assert_same(torch_numpy(first["folder"] / "rednet26.pth"), expected["torch"])
    loaded = paddle().load(str(first["folder"] / "rednet26.pdparams"))
    arrays = {key: value.numpy() for key, value in loaded.items()}
    assert_same(arrays, expected["paddle"])
    from safetensors.numpy import load_file

    arrays = load_file(first["folder"] / "rednet26.safetensors")
    assert_same({key: arrays[key] for key in expected["paddle"]}, expected["paddle"])


def assert_same(found: Any, expected: Any) -> None:
    assert list(found) == list(expected)
    for key, value in expected.items():
        assert found[key].tobytes() == value.tobytes(), key


@pytest.fixture(scope="module")
def old_numpy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the last numpy 1, and nothing else."""
    folder = tmp_path_factory.mktemp("numpy1")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    done = subprocess.run(
        [*pip, "--target", folder, f"numpy=={OLD_NUMPY}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"numpy {OLD_NUMPY} cannot be installed: {done.stderr[-200:]}")
    return folder


@pytest.mark.slow
def test_another_numpy_major_changes_no_byte(
    first: Any, official: Path, old_numpy: Path, tmp_path: Path
) -> None:
    again = converted(official, tmp_path, path=[old_numpy])
    assert again["numpy"] == OLD_NUMPY
    assert first["numpy"].startswith("2.")
    for kind in KINDS:
        name = f"rednet26.{kind}"
        assert again["digests"][name] == first["digests"][name]
    sidecars = [
        json.loads((folder / "rednet26.pth.provenance.json").read_text())
        for folder in (tmp_path, first["folder"])
    ]
    assert sidecars[0].pop("versions")["numpy"] == OLD_NUMPY
    del sidecars[1]["versions"]
    assert sidecars[0] == sidecars[1]


@pytest.mark.slow
def test_old_numpy_unpickles_what_new_numpy_wrote(first: Any, old_numpy: Path) -> None:
    script = (
        "import hashlib, pickle, sys, numpy\n"
        f"assert numpy.__version__ == {OLD_NUMPY!r}\n"
        "state = pickle.load(open(sys.argv[1], 'rb'))\n"
        "state.pop('StructuredToParameterName@@')\n"
        "for key, value in state.items():\n"
        "    print(key, hashlib.sha256(value.tobytes()).hexdigest())\n"
    )
    path = first["folder"] / "rednet26.pdparams"
    done = subprocess.run(
        [sys.executable, "-S", "-c", script, path],
        env={"PYTHONPATH": str(old_numpy)},
        capture_output=True,
        text=True,
        check=True,
    )
    import hashlib

    state = made_state(REDNET26, "paddle")
    assert done.stdout.splitlines() == [
        f"{key} {hashlib.sha256(value.tobytes()).hexdigest()}"
        for key, value in state.items()
    ]


def test_this_numpy_unpickles_it_too(first: Any) -> None:
    loaded = pickle.loads((first["folder"] / "rednet26.pdparams").read_bytes())
    del loaded["StructuredToParameterName@@"]
    assert_same(loaded, made_state(REDNET26, "paddle"))
    assert_holds(first["folder"] / "rednet26.pth", expected_state("torch"))
