"""A conversion without its proof stays small, whatever the formats.

How long it takes is measured by `benchmarks/conversion.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ppim_port.checkpoint import WriteKind, write
from ppim_port.state_dict import FrameworkName
from tests.support.states import Spelling, made_state, rednet

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="no /proc to measure memory with"
)

# The bar: 1.5 times the file and 100 MiB, the interpreter and numpy included. Measured
# on two busy cores: 190 to 204 MiB for RedNet-152's 131 MiB.
PER_BYTE, FLOOR_MIB = 1.5, 100
REDNET26_MIB = 250

SCRIPT = """
import json, sys
from pathlib import Path
from convert.cli import main
code = main(sys.argv[1:])
lines = Path("/proc/self/status").read_text().splitlines()
peak = next(int(x.split()[1]) / 1024 for x in lines if x.startswith("VmHWM"))
print(json.dumps({"code": code, "mib": peak}))
"""
SOURCES: dict[str, tuple[Spelling, WriteKind, FrameworkName]] = {
    "pth": ("official", "pth", "torch"),
    "pdparams": ("paddle", "pdparams", "paddle"),
    "safetensors": ("torch", "safetensors", "torch"),
}


def cost(model: str, source: Path, to: str, folder: Path) -> dict[str, Any]:
    out = folder / f"out.{to}"
    words = [model, "--checkpoint", source, "--to", to, "--out", out, "--force"]
    command = [sys.executable, "-c", SCRIPT, *words, "--no-verify", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    spent: dict[str, Any] = json.loads(done.stdout)
    assert spent["code"] == 0
    return spent


def source_file(variant: str, made: str, folder: Path) -> Path:
    spelling, kind, framework = SOURCES[made]
    state = made_state(rednet(variant), spelling)
    path = folder / f"rednet{variant}.{kind}"
    return write(state, path, kind=kind, framework=framework).path


@pytest.mark.parametrize("made", SOURCES)
@pytest.mark.parametrize("to", ["pth", "pdparams", "safetensors"])
def test_rednet26_stays_small_in_every_format(
    made: str, to: str, tmp_path: Path
) -> None:
    source = source_file("26", made, tmp_path)
    spent = cost("rednet26", source, to, tmp_path)
    size = source.stat().st_size / 2**20
    assert spent["mib"] < min(REDNET26_MIB, PER_BYTE * size + FLOOR_MIB)


@pytest.mark.slow
@pytest.mark.parametrize("made", SOURCES)
def test_rednet152_stays_small_in_every_format(made: str, tmp_path: Path) -> None:
    source = source_file("152", made, tmp_path)
    size = source.stat().st_size / 2**20
    for to in ("pth", "pdparams", "safetensors"):
        spent = cost("rednet152", source, to, tmp_path)
        assert spent["mib"] < PER_BYTE * size + FLOOR_MIB, to


def test_the_measure_sees_what_is_held(tmp_path: Path) -> None:
    """The twin of the tests above: it shows that they could fail."""
    hoard = SCRIPT.replace("code = main", "held = bytearray(300 << 20); code = main")
    command = [sys.executable, "-c", hoard, "--list", "--quiet", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1])["mib"] > REDNET26_MIB
