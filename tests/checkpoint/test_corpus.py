"""The whole corpus of hostile files: turned away at once, in little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.checkpoint.corpus import corpus

ROOT = Path(__file__).parents[2]
# Measured 0.6 s for the slowest, the two million opcodes, on two busy cores.
SECONDS = 10.0
MEBIBYTES = 512

SCRIPT = """
import json, resource, sys, time
from pathlib import Path
from ppim_port.checkpoint import read
from ppim_port.errors import CheckpointError
from tests.checkpoint.corpus import corpus

def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(x for x in lines if x.startswith(name + ":")).split()[1]) * 1024

files = list(corpus())
path = Path(sys.argv[1]) / "net"
held = status("VmSize") + {mebibytes} * 1024**2
resource.setrlimit(resource.RLIMIT_AS, (held, held))
slowest, read_all = 0.0, []
for name, content in files:
    path.write_bytes(content)
    started = time.perf_counter()
    try:
        {reading}
        read_all.append(name)
    except CheckpointError:
        pass
    slowest = max(slowest, time.perf_counter() - started)
peak = status("VmHWM") / 1024**2
print(json.dumps({{"count": len(files), "slowest": slowest, "peak": peak,
                  "read": read_all}}))
"""


def turned_away(tmp_path: Path, reading: str = "read(path)") -> Any:
    script = SCRIPT.format(mebibytes=MEBIBYTES, reading=reading)
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return done.stderr
    return json.loads(done.stdout)


def test_names_are_unique_and_there_are_hundreds() -> None:
    names = [name for name, _ in corpus()]
    assert len(names) == len(set(names)) > 400


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="no /proc to measure memory with"
)
def test_every_file_is_turned_away_at_once_and_within_512_mebibytes(
    tmp_path: Path,
) -> None:
    spent = turned_away(tmp_path)
    assert isinstance(spent, dict), spent
    assert spent["read"] == []
    assert spent["slowest"] < SECONDS
    assert spent["peak"] < MEBIBYTES


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="no /proc to measure memory with"
)
def test_the_limit_bites(tmp_path: Path) -> None:
    """The twin of the test above: it shows that it could fail."""
    spent = turned_away(tmp_path, "bytearray(600 * 1024**2)")
    assert "MemoryError" in spent
