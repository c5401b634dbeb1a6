"""The programs as a shell would start them, in a folder of the test's choosing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

BIN = Path(sys.executable).parent

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "script": (str(BIN / "evaluate"),),
    "long script": (str(BIN / "ppim-evaluate"),),
    "module": (sys.executable, "-m", "eval"),
    "module -P": (sys.executable, "-P", "-m", "eval"),
    "convert": (str(BIN / "convert"),),
    "convert module": (sys.executable, "-m", "convert"),
}


def started(
    command: tuple[str, ...], *argv: object, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run to the end; the cache is the test's own, as the variable is inherited."""
    return subprocess.run(
        [*command, *map(str, argv)],
        cwd=folder,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
