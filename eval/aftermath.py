"""After a failed gate: which single mistake would explain it?

The verdict stands whatever is found, and an examination that cannot be made is told in
one line: a cause is help, and help must not lose a result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eval.doctor.text import as_text
from eval.examine import Examination, examine
from eval.outcome import Outcome
from eval.records import Row
from ppim_port.errors import PpimError


def cause_text(
    outcome: Outcome, baseline: Sequence[Row] | None, *, say: Callable[[str], None]
) -> str:
    """Examine a failed run, against its baseline if that is what it failed.

    Args:
        outcome: what failed.
        baseline: the baseline's rows; None if there was none.
        say: told how far it is.
    """
    request = outcome.result.request
    against = baseline if outcome.failed_baseline else None
    try:
        found = examine(Examination(request, against), say=say)
    except PpimError as error:
        return f"cause  not looked for: {error}"
    return as_text(found)
