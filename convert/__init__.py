"""Convert published weights between PyTorch and Paddle, and prove the port.

    from convert import Request, convert

    outcome = convert(Request("rednet50", checkpoint=Path("rednet50.pth")))
    outcome.proof.max_relative_difference

Importing this package loads no framework, and nothing at all until a name is used:
`python -m convert` must be able to mend the import path first.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convert.comparison import Difference, diff
    from convert.explanation import Explanation, explain
    from convert.inspection import Inspection, inspect
    from convert.pipeline import convert, plan
    from convert.proof import verify
    from convert.records import Outcome, Plan, Proof, Request

_HOMES = {
    "Difference": "comparison",
    "Explanation": "explanation",
    "Inspection": "inspection",
    "Outcome": "records",
    "Plan": "records",
    "Proof": "records",
    "Request": "records",
    "convert": "pipeline",
    "diff": "comparison",
    "explain": "explanation",
    "inspect": "inspection",
    "plan": "pipeline",
    "verify": "proof",
}

__all__ = [
    "Difference",
    "Explanation",
    "Inspection",
    "Outcome",
    "Plan",
    "Proof",
    "Request",
    "convert",
    "diff",
    "explain",
    "inspect",
    "plan",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
