"""A finished run, given back without a model.

Refused: a run folder that is finished but was asked for with other settings, and one
whose files do not verify, because printing it again would repeat a number that nobody
can stand for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eval.evidence import Certificate, Flips, Timing
from eval.journal import LEDGER_NAME, refuse_other_settings
from eval.metrics import score
from eval.prepare import Named, pictures
from eval.records import Comparison, Request, Result, Verdict
from eval.report import RESULT_NAME
from eval.settings import asked_settings
from eval.verification import Verified, verify
from ppim_port.checkpoint import sha256_file


def saved_result(request: Request, found: Named) -> Result | None:
    """The result in a request's run folder; None if it is not finished.

    Raises:
        LedgerError: it is of other settings, or damaged.
        VerificationError: its numbers are not what its ledger says.
    """
    if request.run is None or not (request.run / RESULT_NAME).exists():
        return None
    verified = verify(request.run)
    assert verified.result is not None
    _refuse_other(request, found, verified)
    return _rebuilt(request, found, verified, verified.result)


def _refuse_other(request: Request, found: Named, verified: Verified) -> None:
    settings = verified.sealed.settings
    asked = asked_settings(
        found.record,
        found.recipe,
        request.framework,
        dataset=pictures(request, int(settings["classes"])),
        batch_size=request.batch_size,
        protocol=request.protocol,
        precision=request.precision,
    )
    if request.weights is not None:
        asked["weights_sha256"] = sha256_file(request.weights)
    assert request.run is not None
    path = request.run / LEDGER_NAME
    refuse_other_settings(path, {name: settings[name] for name in asked}, asked)


def _rebuilt(request: Request, found: Named, verified: Verified, told: Any) -> Result:
    sealed = verified.sealed
    comparisons = tuple(Comparison(**entry) for entry in told["comparisons"])
    return Result(
        request=request,
        record=found.record,
        recipe=found.recipe,
        dataset=pictures(request, int(sealed.settings["classes"])),
        framework_version=sealed.settings["framework_version"],
        weights=Path(told["weights"]["path"]),
        weights_sha256=told["weights"]["sha256"],
        score=score(sealed.rows),
        verdict=Verdict(told["verdict"], told["verdict_reason"], comparisons),
        seconds=told["seconds"],
        rows=sealed.rows,
        scored=told["scored"],
        chain=sealed.chain,
        dataset_digest=sealed.settings["dataset"],
        certificate=Certificate(**told["certificate"]),
        timing=Timing(**told["timing"]),
        flips=Flips(**told["flips"]) if told["flips"] else None,
    )
