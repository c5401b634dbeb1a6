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
    from convert.exporting import export
    from convert.inspection import Inspection, inspect
    from convert.pairing.pipeline import convert_pair, plan_pair
    from convert.pairing.records import PairOutcome, PairPlan, PairProof, PairRequest
    from convert.pipeline import convert, plan
    from convert.proof import verify
    from convert.records import Outcome, Plan, Proof, Request
    from convert.verification.files import Verified, verify_file
    from convert.verification.selftest import SelfTest, self_test
    from ppim_port.export.records import Exported
    from ppim_port.fetch.cache import (
        CacheCheck,
        CacheEntry,
        cache_entries,
        clear_cache,
        verify_cache,
    )
    from ppim_port.manifest import load_manifest

_LIBRARY = {
    "CacheCheck": "ppim_port.fetch.cache",
    "CacheEntry": "ppim_port.fetch.cache",
    "Exported": "ppim_port.export.records",
    "cache_entries": "ppim_port.fetch.cache",
    "clear_cache": "ppim_port.fetch.cache",
    "load_manifest": "ppim_port.manifest",
    "verify_cache": "ppim_port.fetch.cache",
}
_HOMES = {
    "Difference": "comparison",
    "Explanation": "explanation",
    "Inspection": "inspection",
    "Outcome": "records",
    "PairOutcome": "pairing.records",
    "PairPlan": "pairing.records",
    "PairProof": "pairing.records",
    "PairRequest": "pairing.records",
    "Plan": "records",
    "Proof": "records",
    "Request": "records",
    "SelfTest": "verification.selftest",
    "Verified": "verification.files",
    "convert": "pipeline",
    "convert_pair": "pairing.pipeline",
    "diff": "comparison",
    "explain": "explanation",
    "export": "exporting",
    "inspect": "inspection",
    "plan": "pipeline",
    "plan_pair": "pairing.pipeline",
    "self_test": "verification.selftest",
    "verify": "proof",
    "verify_file": "verification.files",
}

__all__ = [
    "CacheCheck",
    "CacheEntry",
    "Difference",
    "Explanation",
    "Exported",
    "Inspection",
    "Outcome",
    "PairOutcome",
    "PairPlan",
    "PairProof",
    "PairRequest",
    "Plan",
    "Proof",
    "Request",
    "SelfTest",
    "Verified",
    "cache_entries",
    "clear_cache",
    "convert",
    "convert_pair",
    "diff",
    "explain",
    "export",
    "inspect",
    "load_manifest",
    "plan",
    "plan_pair",
    "self_test",
    "verify",
    "verify_cache",
    "verify_file",
]


def __getattr__(name: str) -> Any:
    if name in _LIBRARY:
        return getattr(import_module(_LIBRARY[name]), name)
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
