"""The report as Markdown: headings, lists and pipe tables, and no pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eval.reporting.parts import Section, Table
from eval.reporting.text import escaped


def as_markdown(title: str, parts: Iterable[Section]) -> str:
    """The whole report; every name in it is escaped."""
    lines = [f"# {escaped(title)}", ""]
    for part in parts:
        lines += _section(part)
    return "\n".join(lines)


def _section(part: Section) -> Iterator[str]:
    yield from (f"## {escaped(part.heading)}", "")
    if part.note:
        yield from (escaped(part.note), "")
    for label, value in part.facts:
        yield f"- **{escaped(label)}**: {escaped(value)}"
    if part.facts:
        yield ""
    for table in part.tables:
        yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    yield from (f"{escaped(table.caption)}:", "")
    yield _line(table.header)
    yield _line(["---"] * len(table.header), raw=True)
    for row in table.rows:
        yield _line(row)
    yield ""


def _line(cells: Iterable[str], *, raw: bool = False) -> str:
    shown = cells if raw else map(escaped, cells)
    return f"| {' | '.join(shown)} |"
