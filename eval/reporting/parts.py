"""What a readable report is made of: sections of facts and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Report: TypeAlias = Mapping[str, Any]
Plot: TypeAlias = Literal["classes", "superclasses", "reliability", "risk"]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text.

    Attributes:
        caption: what it holds.
        header: of the columns.
        rows: of as many cells.
        folded: whether a page shows it on demand only.
        fixed: whether the columns are the same in every report.
        links: whether web addresses in it may be followed; never those in file names.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    folded: bool = False
    fixed: bool = True
    links: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it.

    Attributes:
        heading: of the section.
        note: a sentence or two under it.
        facts: labels and values.
        plots: pictures of the tables, where pictures can be shown.
        tables: in order.
        pictures: whether thumbnails belong here.
        listed: whether the facts' labels are the run's own and not explained.
        wide: whether a page shows plots above the tables and not beside them.
    """

    heading: str
    note: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    plots: tuple[Plot, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: bool = False
    listed: bool = False
    wide: bool = False
