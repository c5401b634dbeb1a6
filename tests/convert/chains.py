"""Ports of ports, to be explained and to be broken."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from convert.provenance import provenance_path
from ppim_port.checkpoint import read, write

if TYPE_CHECKING:
    from tests.convert.conftest import Ran

Run: TypeAlias = "Callable[..., Ran]"
Edit = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Chain:
    """a.pth -> b.pdparams -> c.pth, sidecars beside the last two."""

    folder: Path

    @property
    def a(self) -> Path:
        return self.folder / "a.pth"

    @property
    def b(self) -> Path:
        return self.folder / "b.pdparams"

    @property
    def c(self) -> Path:
        return self.folder / "c.pth"


def linked(source: str, target: str) -> None:
    """Weights are only ever replaced here, so that a second name is a copy."""
    copy = shutil.copy if source.endswith(".json") else os.link
    copy(source, target)


def edit(file: Path, change: Edit) -> None:
    path = provenance_path(file)
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def flip(path: Path, key: str, kind: Any, framework: Any) -> None:
    """One bit of one tensor, in a file that is sound otherwise."""
    state = {k: np.array(v) for k, v in read(path).state.items()}
    state[key].reshape(-1).view(np.uint8)[0] ^= 1
    write(state, path, kind=kind, framework=framework, overwrite=True)


def wrong(run: Run, *words: object) -> str:
    """The lines that name what is wrong."""
    ran = run("explain", *words)
    assert ran.code == 1
    lines = [x for x in ran.out.splitlines() if x.startswith("WRONG")]
    assert lines[-1].startswith("WRONG: ")
    return "\n".join(lines[:-1])
