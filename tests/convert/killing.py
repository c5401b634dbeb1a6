"""Kill conversions at chosen points and report what each left behind.

    python -m tests.convert.killing SOURCE OLD_SOURCE FOLDER POINTS

Each conversion runs in a forked child that counts the lines it runs of the files that
write, and kills itself with SIGKILL when it comes to its point: nothing in the product
knows of it, and no clean-up runs. Afterwards a clean conversion follows each kill.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from convert import Request
from convert.explanation import explain
from convert.pipeline import convert
from convert.provenance import provenance_path
from ppim_port import atomic

# What runs from the first byte to the last name; the readers only look.
WATCHED = (
    "convert/pipeline.py",
    "convert/provenance.py",
    "ppim_port/output.py",
    "ppim_port/checkpoint/write.py",
    "ppim_port/checkpoint/write_pdparams.py",
    "ppim_port/checkpoint/verify_written.py",
)
SMALL = str(Path(atomic.__file__))


class Countdown:
    """A tracer that counts lines and ends the process at one of them."""

    def __init__(self, only: tuple[str, ...], stop_at: int | None) -> None:
        self.only, self.stop_at, self.count = only, stop_at, 0

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> Any:
        return self.line if frame.f_code.co_filename.endswith(self.only) else None

    def line(self, _frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            self.count += 1
            if self.count == self.stop_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return self.line


def in_child(
    source: Path, out: Path, only: tuple[str, ...], stop_at: int | None
) -> int:
    """Convert in a fork; the lines that it ran, or -1 if it was killed."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        counter = Countdown(only, stop_at)
        sys.settrace(counter)
        convert(Request("rednet26", source, out=out, force=True, verify=False))
        sys.settrace(None)
        os.write(writer, str(counter.count).encode())
        os._exit(0)
    os.close(writer)
    said = os.read(reader, 20)
    os.close(reader)
    _, status = os.waitpid(pid, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed != bool(said), status
    return int(said) if said else -1


def main() -> None:
    """Kill at `POINTS` points of each kind, evenly spread, and print one JSON list."""
    source, old_source, folder = (Path(word) for word in sys.argv[1:4])
    points, out = int(sys.argv[4]), folder / "out.pdparams"
    kinds = {"writing": WATCHED, "naming": (SMALL,)}
    old, new = _made(old_source, folder / "old"), _made(source, folder / "new")
    stage = folder / "stage"
    results = []
    for kind, only in kinds.items():
        lines = in_child(source, folder / "new" / out.name, only, None)
        for number in range(points):
            point = 1 + number * (lines - 1) // (points - 1)
            shutil.rmtree(stage, ignore_errors=True)
            shutil.copytree(folder / "old", stage)
            assert in_child(source, stage / out.name, only, point) == -1
            seen = _seen(stage / out.name, old, new)
            assert in_child(source, stage / out.name, (), None) >= 0
            after = sorted(path.name for path in stage.iterdir())
            whole = _pair(stage / out.name) == new
            results.append({"kind": kind, **seen, "after": after, "whole": whole})
    sys.stdout.write(json.dumps(results))


def _made(source: Path, folder: Path) -> tuple[bytes, bytes]:
    folder.mkdir()
    in_child(source, folder / "out.pdparams", (), None)
    return _pair(folder / "out.pdparams")


def _pair(out: Path) -> tuple[bytes, bytes]:
    return out.read_bytes(), provenance_path(out).read_bytes()


def _seen(
    out: Path, old: tuple[bytes, bytes], new: tuple[bytes, bytes]
) -> dict[str, Any]:
    """What is there after a kill, and whether `explain` says that it fits together."""
    found = _pair(out)
    names = [
        "old" if part == before else "new" if part == after else "broken"
        for part, before, after in zip(found, old, new, strict=True)
    ]
    return {
        "file": names[0],
        "sidecar": names[1],
        "right": not explain(out).problems,
        "litter": len(list(out.parent.iterdir())) - 2,
    }


if __name__ == "__main__":
    main()
