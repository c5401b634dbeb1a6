"""Tables and curves of runs, out of their `history.jsonl` alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from examples.common.run_folder import Row
from ppim_port.atomic import atomic_write
from ppim_port.table import table

History = Sequence[Row]


def compared(histories: Mapping[str, History]) -> str:
    """A table of where each run ended, and of its best epoch."""
    head = ["run", "epochs", "train loss", "test loss", "top-1", "top-5", "best top-1"]
    rows = [[name, *_figures(rows)] for name, rows in histories.items()]
    return table(head, rows)


def _figures(rows: History) -> list[str]:
    last, best = rows[-1], max(rows, key=lambda row: row.test_top1)
    return [
        str(last.epoch),
        f"{last.train_loss:.3f}",
        f"{last.test_loss:.3f}",
        f"{last.test_top1:.2f} %",
        f"{last.test_top5:.2f} %",
        f"{best.test_top1:.2f} % (epoch {best.epoch})",
    ]


def draw(histories: Mapping[str, History], path: Path, *, title: str) -> None:
    """Loss and accuracy by epoch, a colour a run, as a PNG; a file there is replaced.

    Args:
        histories: the rows of each run, by its name.
        path: of the PNG.
        title: over both.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    figure.suptitle(title)
    loss, accuracy = figure.subplots(1, 2)
    for at, (name, rows) in enumerate(histories.items()):
        epochs, colour = [row.epoch for row in rows], f"C{at}"
        style = {"color": colour, "marker": "." if len(rows) < 40 else ""}
        dashed = {**style, "linestyle": "--", "alpha": 0.6}
        loss.plot(epochs, [row.train_loss for row in rows], **dashed)
        loss.plot(epochs, [row.test_loss for row in rows], label=name, **style)
        accuracy.plot(epochs, [row.train_top1 for row in rows], **dashed)
        accuracy.plot(epochs, [row.test_top1 for row in rows], label=name, **style)
    for axes, what in ((loss, "loss"), (accuracy, "top-1 accuracy, %")):
        axes.set(xlabel="epoch", ylabel=what, title="solid: test; dashed: training")
        axes.grid(alpha=0.3)
        axes.legend()
    with atomic_write(path, overwrite=True) as draft:
        figure.savefig(draft.file, format="png", dpi=120)
