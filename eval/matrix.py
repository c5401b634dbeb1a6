"""Many evaluations, one process each: models x frameworks x recipes.

Each cell has a run folder of its own, so the whole goes on where it was killed, and a
finished cell costs nothing. A cell that fails does not stop the others; it fails the
matrix. One process a cell, because two frameworks in one process fight for threads,
and a crash of one must not take the others' results along.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import eval as package
from eval.report import RESULT_NAME
from ppim_port.table import percent, table

OWN_RECIPE = "own"
# What one process in a launcher's group would tell its children.
_LAUNCHER = ("RANK", "WORLD_SIZE", "PADDLE_TRAINER_ID", "PADDLE_TRAINERS_NUM")


@dataclass(frozen=True, slots=True)
class Cell:
    """One evaluation of a matrix; `recipe` is "own" for the model's."""

    model: str
    framework: str
    recipe: str

    @property
    def name(self) -> str:
        """Of its run folder."""
        recipe = Path(self.recipe).name
        return f"{self.model}.{self.framework}.{recipe}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a cell ended.

    Attributes:
        cell: which.
        code: the exit code of its process.
        result: its `result.json`; None if it did not come to one.
        error: the last line that it said, if it failed.
    """

    cell: Cell
    code: int
    result: dict[str, Any] | None
    error: str = ""


def cells(
    models: Sequence[str], frameworks: Sequence[str], recipes: Sequence[str]
) -> list[Cell]:
    """All combinations, model by model."""
    return [Cell(*names) for names in product(models, frameworks, recipes)]


def run_cell(cell: Cell, folder: Path, options: Sequence[str]) -> Outcome:
    """Run a cell in a process of its own, or let it say again what it had found.

    Args:
        cell: which.
        folder: of the whole matrix.
        options: further ones of `evaluate`.
    """
    run = folder / cell.name
    recipe = [] if cell.recipe == OWN_RECIPE else ["--recipe", cell.recipe]
    done = subprocess.run(
        [
            *(sys.executable, "-P", "-m", "eval", "--quiet", "--no-doctor"),
            *("--model", cell.model, "--framework", cell.framework, *recipe),
            *("--run", str(run), *options),
        ],
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    lines = done.stderr.strip().splitlines()
    answered = done.returncode in (0, 1) and (run / RESULT_NAME).exists()
    result = json.loads((run / RESULT_NAME).read_bytes()) if answered else None
    error = lines[-1] if lines and done.returncode else ""
    return Outcome(cell, done.returncode, result, error)


def report(outcomes: Iterable[Outcome]) -> str:
    """A table against the published numbers, a line a cell."""
    header = ["model", "framework", "recipe", "n", "top-1", "top-5"]
    header += ["published", "diff", "verdict"]
    return table(header, [_line(outcome) for outcome in outcomes])


def _line(outcome: Outcome) -> list[str]:
    cell, result = outcome.cell, outcome.result
    if result is None:
        names = [cell.model, cell.framework, cell.recipe]
        return [*names, "", "", "", "", "", f"ERROR {outcome.code}: {outcome.error}"]
    compared, published = result["comparisons"], result["published"]
    figure = percent(published[0]["top1"]) if published else ""
    difference = f"{compared[0]['top1_difference']:+.3f}" if compared else ""
    return [
        *(cell.model, cell.framework, result["recipe"], f"{result['n']:,}"),
        *(f"{result['top1']:.3f}", f"{result['top5']:.3f}"),
        *(figure, difference, result["verdict"].upper()),
    ]


def _environment() -> dict[str, str]:
    """Ours, with our own code found from any folder and no launcher's rank."""
    root = str(Path(package.__file__).parents[1])
    kept = {k: v for k, v in os.environ.items() if k not in _LAUNCHER}
    path = os.pathsep.join(filter(None, [root, kept.get("PYTHONPATH")]))
    return {**kept, "PYTHONPATH": path}
