"""`convert --from NET --to NET`: options in, text out."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

from convert.pairing.records import PairRequest
from ppim_port.errors import UsageError

# Options of the main parser that mean nothing for a pair.
FOREIGN = ("source", "framework", "gradients")


def answer(options: argparse.Namespace, *, say: Callable[[str], None]) -> str:
    """Do what was asked for and return what is to be printed.

    Raises:
        PpimError: see `convert.pairing.pipeline.convert_pair`.
    """
    from convert.pairing import pipeline, render

    request = _request(options)
    if options.plan:
        planned = pipeline.plan_pair(request)
        if options.json:
            return json.dumps(render.plan_object(planned), indent=2)
        return render.plan_table(planned)
    outcome = pipeline.convert_pair(request, say=say)
    if options.json:
        return json.dumps(render.outcome_object(outcome), indent=2)
    return render.summary(outcome)


def _request(options: argparse.Namespace) -> PairRequest:
    given = [name for name in FOREIGN if getattr(options, name)]
    if given or options.model:
        what = f"--{given[0]}" if given else f"The model {options.model!r}"
        message = f"{what} does not go with --from: the two nets say it all."
        raise UsageError(message)
    return PairRequest(
        options.origin,
        options.to,
        checkpoint=options.checkpoint,
        out=options.out,
        force=options.force,
        mend=options.mend,
        verify=options.verify,
        allow_nonfinite=options.allow_nonfinite,
    )
