"""The report as one HTML page that needs nothing from anywhere.

Styles and pictures are inside, there is no script, and a content security policy keeps
the browser from asking any network for anything. The template escapes every name; a
link is made of web addresses alone, because a report of a stranger's run must not be
able to carry code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.reporting.names import ClassNames
from eval.reporting.parts import Section
from eval.reporting.plots import plot_uris
from eval.reporting.text import share, visible
from eval.reporting.thumbnails import thumbnail
from ppim_port.errors import MissingPackageError

_JINJA = ("jinja2", "report")


def as_html(
    report: Mapping[str, Any],
    parts: Sequence[Section],
    *,
    names: ClassNames,
    pictures: Path | None,
) -> str:
    """The whole page.

    Args:
        report: the object, for plots and pictures.
        parts: its sections.
        names: of the classes.
        pictures: folder that the pictures' ids are relative to; None shows none.

    Raises:
        MissingPackageError: jinja2 or matplotlib is not installed.
    """
    template = _template()
    verdict = report["verdict"]["status"] if report["verdict"] else "none"
    return str(
        template.render(
            title=report["title"],
            sections=parts,
            plots=plot_uris(report),
            cards=_cards(report, names, pictures),
            verdict=verdict,
        )
    )


def _template() -> Any:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise MissingPackageError(*_JINJA) from error
    environment = Environment(
        loader=PackageLoader("eval.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = lambda value: visible(str(value))
    environment.tests["address"] = _is_address
    return environment.get_template("report.html.jinja")


def _is_address(text: str) -> bool:
    return text.startswith(("https://", "http://"))


def _cards(
    report: Mapping[str, Any], names: ClassNames, folder: Path | None
) -> list[dict[str, Any]]:
    return [
        {
            "id": each["id"],
            "image": thumbnail(folder, each["id"], each["digest"]),
            "label": names(each["label"]),
            "answer": names(each["predicted"]),
            "confidence": share(each["confidence"]),
            "before": None if each["before"] is None else names(each["before"]),
            "change": each["change"],
        }
        for each in report["pictures"]["shown"]
    ]
