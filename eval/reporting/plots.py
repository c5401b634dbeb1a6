"""The report's pictures as SVG, byte for byte the same for the same numbers.

Drawn with Matplotlib's own objects, without pyplot: no global state, no display.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from typing import Any

from eval.reporting.parts import Plot
from ppim_port.errors import MissingPackageError

_MATPLOTLIB = ("matplotlib", "report")
BLUE = "#2563eb"
PALE = "#bfd3fb"
RED = "#dc2626"
GREY = "#64748b"
# More bars than these would be hairlines.
BARS = 60
_STYLE: dict[Any, Any] = {
    # Without a fixed salt the ids inside an SVG are random.
    "svg.hashsalt": "ppim-port",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": "#cbd5e1",
    "axes.labelcolor": "#334155",
    "xtick.color": GREY,
    "ytick.color": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def plot_uris(report: Mapping[str, Any]) -> dict[Plot, str]:
    """All plots of a report as `data:image/svg+xml;base64,...`.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    drawn: dict[Plot, str] = {
        "classes": _svg((7.2, 2.8), lambda axes: _classes(axes, report)),
        "reliability": _svg((4.2, 3.8), lambda axes: _reliability(axes, report)),
        "risk": _svg((4.2, 3.8), lambda axes: _risk(axes, report)),
    }
    if report["superclasses"]:
        side = 2.2 + 0.28 * len(report["superclasses"]["names"])
        drawn["superclasses"] = _svg((side, side), lambda a: _superclasses(a, report))
    return drawn


def _svg(size: tuple[float, float], draw: Callable[[Any], None]) -> str:
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackageError(*_MATPLOTLIB) from error
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.add_subplot())
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = base64.b64encode(file.getvalue()).decode()
    return f"data:image/svg+xml;base64,{text}"


def _classes(axes: Any, report: Mapping[str, Any]) -> None:
    values = sorted((each["accuracy"] for each in report["classes"]), reverse=True)
    places = range(1, len(values) + 1)
    if len(values) <= BARS:
        axes.bar(places, values, color=PALE, edgecolor=BLUE)
    else:
        axes.fill_between(places, values, step="mid", color=PALE)
        axes.step(places, values, where="mid", color=BLUE, linewidth=1.2)
    mean = report["summary"]["top1"]
    axes.axhline(mean, color=RED, linewidth=1, linestyle="--")
    axes.annotate(
        f"top-1 {mean:.2f} %",
        (0.01, mean),
        xycoords=("axes fraction", "data"),
        xytext=(0, -3),
        textcoords="offset points",
        va="top",
        color=RED,
    )
    axes.set_xlim(0.5, len(values) + 0.5)
    axes.set_ylim(0, 104)
    axes.set_xlabel("classes, the easiest first")
    axes.set_ylabel("top-1 accuracy, %")


def _reliability(axes: Any, report: Mapping[str, Any]) -> None:
    bins = [each for each in report["calibration"]["bins"] if each["n"]]
    most = max(each["n"] for each in bins)
    for each in bins:
        # Full bins are darker: a gap matters as much as it has pictures.
        strength = 0.25 + 0.75 * each["n"] / most
        axes.bar(
            100 * each["low"],
            100 * each["accuracy"],
            width=100 * (each["high"] - each["low"]),
            align="edge",
            color=BLUE,
            alpha=strength,
            edgecolor="white",
        )
        axes.plot(100 * each["confidence"], 100 * each["accuracy"], ".", color=RED)
    axes.plot([0, 100], [0, 100], color=GREY, linewidth=1, linestyle="--")
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    axes.set_aspect("equal")
    axes.set_xlabel("confidence, %")
    axes.set_ylabel("accuracy, %")


def _risk(axes: Any, report: Mapping[str, Any]) -> None:
    points = report["risk_coverage"]["points"]
    coverage = [100 * each["coverage"] for each in points]
    risk = [100 * each["risk"] for each in points]
    axes.fill_between(coverage, risk, color=PALE)
    axes.plot(coverage, risk, color=BLUE, marker=".", linewidth=1.2)
    axes.set_xlim(0, 102)
    axes.set_ylim(0, max(*risk, 1) * 1.1)
    axes.set_xlabel("coverage, %")
    axes.set_ylabel("risk (wrong among answered), %")


def _superclasses(axes: Any, report: Mapping[str, Any]) -> None:
    found = report["superclasses"]
    totals = [max(1, sum(row)) for row in found["counts"]]
    rows = zip(found["counts"], totals, strict=True)
    shares = [[count / total for count in row] for row, total in rows]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    places = range(len(found["names"]))
    axes.set_xticks(places, found["names"], rotation=90)
    axes.set_yticks(places, found["names"])
    axes.set_xlabel("answer")
    axes.set_ylabel("label")
    axes.tick_params(length=0)
