"""Plain text tables for the programs' output; no state, no terminal control."""

from __future__ import annotations

from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell; columns of numbers aligned to the right."""
    columns = list(zip(header, *rows, strict=True))
    padded = [_padded(column) for column in columns]
    lines = ["  ".join(cells).rstrip() for cells in zip(*padded, strict=True)]
    rule = "  ".join("-" * len(column[0]) for column in padded)
    return "\n".join([lines[0], rule, *lines[1:]])


def _padded(column: Sequence[str]) -> list[str]:
    width = max(map(len, column))
    numeric = all(
        cell.replace(".", "").replace(",", "").isdigit() for cell in column[1:]
    )
    return [cell.rjust(width) if numeric else cell.ljust(width) for cell in column]


def percent(value: float) -> str:
    """A published percentage with the digits that it was published with."""
    return f"{value:.2f}" if round(value, 2) == value else f"{value:.3f}"
