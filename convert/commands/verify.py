"""`convert verify MODEL FILE`: prove a file that is there; or test the proof itself."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convert.commands.options import new_parser, print_json
from ppim_port.errors import UsageError

if TYPE_CHECKING:
    from convert.records import Upstream
    from convert.verification.files import Verified
    from convert.verification.selftest import SelfTest

EPILOG = """\
examples:
  convert verify rednet50 rednet50.pdparams
                          against the source that its sidecar names, if at hand
  convert verify rednet50 rednet50.pdparams --against rednet50.pth
  convert verify rednet50 rednet50.pdparams --against official
                          fetches the source of that name if it is not in the cache
  convert verify --self-test --faults 400 --seed 7

The self-test plants seeded faults into good ports, in tensors, map, loading and live
nets, and counts which check notices which; ports without a fault must raise no alarm.
exit codes: 0 proven, 1 it is not what it should be, 2 usage, 3 bad input
"""
LEAST_FAULTS = 200
DEFAULT_MODEL = "rednet26"


def parser() -> argparse.ArgumentParser:
    """The options, in the order of the help."""
    p = new_parser(
        "verify",
        "Prove a weights file: every tensor against its source through the inverse\n"
        "map, the settings of both live nets, and float64 logits.",
        EPILOG,
    )
    p.add_argument("model", nargs="?", metavar="MODEL", help="name in the manifest")
    p.add_argument("file", nargs="?", type=Path, metavar="FILE", help="what to prove")
    p.add_argument(
        "--against",
        metavar="SOURCE",
        help="file that it was made from, or a source's name (default: by its sidecar)",
    )
    p.add_argument(
        "--gradients", action="store_true", help="compare the backward pass too"
    )
    test = p.add_argument_group("the verification's own test")
    test.add_argument(
        "--self-test", action="store_true", help="plant faults and count who notices"
    )
    test.add_argument(
        "--model",
        dest="tested",
        metavar="MODEL",
        help=f"whose net to plant them into (default: {DEFAULT_MODEL})",
    )
    test.add_argument(
        "--faults", type=int, metavar="N", help=f"how many, {LEAST_FAULTS} or more"
    )
    test.add_argument(
        "--seed", type=int, metavar="S", help="of weights and faults (default: 0)"
    )
    p.add_argument("--quiet", action="store_true", help="print errors only")
    return p


def run(options: argparse.Namespace) -> int:
    """Prove or test, print, and say by the exit code how it went."""
    return _self_test(options) if options.self_test else _verify(options)


def _verify(options: argparse.Namespace) -> int:
    from convert.verification.files import verify_file

    if options.model is None or options.file is None:
        message = "Name a model and a file, or --self-test."
        raise UsageError(message)
    _refuse(options, "tested", "faults", "seed", because="is for --self-test")
    found = verify_file(
        options.model,
        options.file,
        against=options.against,
        gradients=options.gradients,
        progress=not (options.quiet or options.json),
        say=lambda text: _say(options, text),
    )
    if options.json:
        print_json(as_object(found))
    elif not options.quiet:
        print(as_text(found))
    return 0


def _self_test(options: argparse.Namespace) -> int:
    from convert.verification.selftest import FAULTS, self_test

    _refuse(
        options, "file", "against", "gradients", because="has no place in a --self-test"
    )
    faults = FAULTS if options.faults is None else options.faults
    if faults < LEAST_FAULTS:
        message = (
            f"--faults {faults}: fewer than {LEAST_FAULTS} would prove too little."
        )
        raise UsageError(message)
    tested = self_test(
        options.tested or options.model or DEFAULT_MODEL,
        faults=faults,
        seed=options.seed or 0,
        say=lambda text: _say(options, text),
    )
    if options.json:
        print_json(tested_object(tested))
    elif not options.quiet:
        print(tested_text(tested))
    return 0 if tested.passed else 1


def _refuse(options: argparse.Namespace, *names: str, because: str) -> None:
    for name in names:
        if getattr(options, name) not in (None, False):
            word = "--model" if name == "tested" else f"--{name}"
            message = f"{'FILE' if name == 'file' else word} {because}."
            raise UsageError(message)


def _say(options: argparse.Namespace, text: str) -> None:
    if not (options.quiet or options.json):
        print(text, file=sys.stderr)


def as_object(found: Verified) -> dict[str, Any]:
    """A proof for machines."""
    return {
        "model": found.file.record.name,
        "file": _file(found.file),
        "against": _file(found.against) if found.against else None,
        "note": found.note,
        "parity": asdict(found.proof),
    }


def as_text(found: Verified) -> str:
    """A proof for people."""
    from convert.render import proof_lines

    file, other = found.file, found.against
    source = f"{other.origin.path}, {found.note}" if other else found.note
    return "\n".join(
        [
            f"{file.record.name}: {file.origin.path} is right",
            f"against  {source}",
            *proof_lines(found.proof),
            f"sha256   {file.origin.sha256}",
        ]
    )


def _file(upstream: Upstream) -> dict[str, Any]:
    return {
        "path": str(upstream.origin.path),
        "sha256": upstream.origin.sha256,
        "format": str(upstream.checkpoint.file_format),
        "framework": upstream.checkpoint.framework,
    }


def tested_object(tested: SelfTest) -> dict[str, Any]:
    """A self-test for machines, every fault in it."""
    return {
        "model": tested.model,
        "passed": tested.passed,
        "faults": len(tested.trials),
        "caught": len(tested.trials) - len(tested.missed),
        "absent": list(tested.absent),
        "caught_by": tested.caught_by(),
        "caught_by_one_alone": tested.caught_alone(),
        "float32_allclose_misses": tested.allclose_misses,
        "clean": tested.clean,
        "alarms": list(tested.alarms),
        "gradients": tested.gradients,
        "seconds": round(tested.seconds, 1),
        "trials": [asdict(trial) for trial in tested.trials],
    }


def tested_text(tested: SelfTest) -> str:
    """A self-test for people: a row a kind, a column a check."""
    from convert.verification.records import CHECKS
    from ppim_port.table import table

    kinds = list(dict.fromkeys(trial.kind for trial in tested.trials))
    columns = [check for check in CHECKS if check != "gradients"]
    rows = []
    for kind in [*kinds, None]:
        trials = [t for t in tested.trials if kind in (None, t.kind)]
        caught = sum(bool(t.checks) for t in trials)
        by = tested.caught_by(kind)
        counts = [str(n) for n in (len(trials), caught, *(by[c] for c in columns))]
        rows.append([kind or "total", *counts])
    lines = [table(["fault", "planted", "caught", *columns], rows), ""]
    alone = [f"{n} by {check}" for check, n in tested.caught_alone().items() if n]
    lines.append(f"caught by one check alone: {', '.join(alone) or 'none'}")
    lines.append(
        f"allclose of float32 logits at 1e-4 would have missed {tested.allclose_misses}"
    )
    lines.append(
        f"without a fault: {tested.clean} ports, {len(tested.alarms)} false alarms; "
        f"gradients differ by {tested.gradients:.1e}"
    )
    lines += [f"no place in this net for: {kind}" for kind in tested.absent]
    lines += [f"FALSE    {alarm}" for alarm in tested.alarms]
    lines += [f"MISSED   {t.kind}: {t.text}, seed {t.seed}" for t in tested.missed]
    verdict = "PASS" if tested.passed else "FAIL"
    lines.append(f"{verdict} in {tested.seconds:.0f} s")
    return "\n".join(lines)
