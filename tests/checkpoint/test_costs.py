"""Reading and writing load no framework, copy little, and take little time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.checkpoint.made import GOLDEN

ROOT = Path(__file__).parents[2]
needs_golden = pytest.mark.skipif(not GOLDEN.exists(), reason="shared/golden is absent")

# Read 37 MB: measured 0.03-0.07 s on two busy cores; the bound leaves room for others.
READ_SECONDS = 1.0
# Private memory that reading and writing 37 MB may add: the views are the file's own
# pages. Measured 2 MB for reading, 11 MB with writing; a copy of all would be 37.
READ_MEGABYTES = 15
WRITE_MEGABYTES = 30

HEAVY = ("torch", "paddle", "safetensors", "zipfile", "cv2", "requests")
SCRIPT = """
import json, sys, time
from ppim_port.checkpoint import read, write
{extra}
def private():
    with open("/proc/self/smaps_rollup") as file:
        lines = dict(line.split()[:2] for line in file if "kB" in line)
    return int(lines["Anonymous:"]) / 1024
start, before = time.perf_counter(), private()
{body}
seconds, after = time.perf_counter() - start, private()
loaded = [name for name in {heavy} if name in sys.modules]
print(json.dumps({{"seconds": seconds, "megabytes": after - before, "loaded": loaded}}))
"""


def cost(body: str, extra: str = "") -> dict[str, Any]:
    """Time, private memory and heavy imports of `body` in a fresh process."""
    script = SCRIPT.format(extra=extra, body=body, heavy=HEAVY)
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(ran.stdout)
    return result


@needs_golden
def test_reading_loads_no_framework_and_copies_little() -> None:
    spent = cost(f"checkpoint = read({str(GOLDEN)!r})")
    assert spent["loaded"] == []
    assert spent["seconds"] < READ_SECONDS
    assert spent["megabytes"] < READ_MEGABYTES


@needs_golden
@pytest.mark.parametrize(
    ("kind", "framework"), [("pdparams", "paddle"), ("pth", "torch")]
)
def test_writing_loads_no_framework_and_copies_little(
    tmp_path: Path, kind: str, framework: str
) -> None:
    target = str(tmp_path / "net")
    spent = cost(
        f"write(read({str(GOLDEN)!r}).state, {target!r}, kind={kind!r}, "
        f"framework={framework!r})"
    )
    assert spent["loaded"] == []
    assert spent["megabytes"] < WRITE_MEGABYTES


def test_the_proof_can_fail() -> None:
    spent = cost("copy = bytearray(40_000_000)", extra="import zipfile")
    assert spent["loaded"] == ["zipfile"]
    assert spent["megabytes"] > WRITE_MEGABYTES
