"""Ctrl-C in mid-run: one line, exit code 130, and no file half-written."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ppim_port.state_dict import FRAMEWORKS
from tests.eval.made import DEMO

# A parent that ignores SIGINT, as a shell's background job may, hands that down.
PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from eval.cli import main
sys.exit(main())
"""
MANY = 3000


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """More pictures than a test could wait for, and a result of an earlier run."""
    root = tmp_path / "val"
    root.mkdir()
    names = [f"{number}.jpg" for number in range(MANY)]
    for name in names:
        (root / name).symlink_to(DEMO / "zebra.jpg")
    (tmp_path / "list.txt").write_text("".join(f"{name} 340\n" for name in names))
    (tmp_path / "out.json").write_text("of an earlier run")
    return tmp_path


def interrupted(folder: Path, weights: Path, framework: str) -> tuple[int, str, str]:
    """Start, wait until pictures are being scored, press Ctrl-C."""
    options = f"--model rednet26 --val-dir val --val-list list.txt --weights {weights}"
    files = "--out out.json --ledger ledger.csv --batch-size 4"
    argv = [*options.split(), *files.split(), "--framework", framework, "--json"]
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *argv],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        seen = b""
        while b"image/s]" not in seen.replace(b"?image/s]", b""):
            part = os.read(process.stderr.fileno(), 1 << 16)
            assert part, seen.decode()
            seen += part
        process.send_signal(signal.SIGINT)
        out, rest = process.communicate(timeout=60)
    return process.returncode, out.decode(), (seen + rest).decode()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_interrupt_leaves_one_line_and_the_older_result(
    framework: str, many: Path, demo_weights: Path
) -> None:
    weights = shutil.copy(demo_weights, many / "w.pth")
    code, out, text = interrupted(many, Path(weights), framework)
    assert (code, out) == (130, "")
    assert text.splitlines()[-1] == "evaluate: interrupted; nothing was half-written"
    assert "Traceback" not in text
    left = {path.name for path in many.iterdir()}
    assert left == {"val", "list.txt", "out.json", "w.pth"}
    assert (many / "out.json").read_text() == "of an earlier run"
