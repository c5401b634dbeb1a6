"""Numbers and names as people read them; the one place that rounds.

Names come from strangers' files: whatever cannot be seen (control characters, broken
Unicode, marks that turn the writing direction) is shown as an escape.
"""

from __future__ import annotations

import re

_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&#])")


def visible(text: str) -> str:
    """The text with every invisible character spelled out."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )


def escaped(text: str) -> str:
    """Visible text that Markdown shows as it is, in a table too."""
    return _MARKDOWN.sub(r"\\\1", visible(text))


def percent(value: float | None) -> str:
    """A percentage."""
    return "–" if value is None else f"{value:.3f} %"


def share(value: float | None) -> str:
    """A number from 0 to 1 as a percentage."""
    return "–" if value is None else f"{100 * value:.2f} %"


def points(value: float | None) -> str:
    """A difference in percentage points."""
    return "–" if value is None else f"{value:+.3f}"


def counted(correct: int, n: int, value: float | None) -> str:
    """A percentage and the counts it comes from."""
    return f"{percent(value)} ({correct:,} of {n:,})"


def probability(value: float) -> str:
    """A p-value or a rare class's probability."""
    return f"{value:.4f}" if value >= 1e-4 or value == 0 else f"{value:.1e}"
