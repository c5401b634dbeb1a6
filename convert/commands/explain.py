"""`convert explain FILE`: where a file came from, every tensor's digest checked."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convert.commands.options import new_parser, print_json

if TYPE_CHECKING:
    from convert.explanation import Explanation, Hop

EPILOG = """\
examples:
  convert explain rednet50.pdparams
  convert explain rednet50.pdparams --source ~/downloads/rednet50.pth
  convert explain c.pth --source b.pdparams --source a.pth

The sidecar that `convert` wrote must lie beside FILE. The source is looked for beside
it and in the cache, by its digest; what is not at hand is said.
exit codes: 0 every digest is right, 1 one is not, 2 usage, 3 no sidecar, or a bad file
"""


def parser() -> argparse.ArgumentParser:
    """The options, in the order of the help."""
    p = new_parser(
        "explain",
        "Rebuild a converted file's chain of provenance from its sidecars and check "
        "every tensor's digest, against the source too where that is at hand.",
        EPILOG,
    )
    p.add_argument("file", type=Path, metavar="FILE", help="a file that convert wrote")
    p.add_argument(
        "--source",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="an earlier file of the chain, or its sidecar; may be given repeatedly",
    )
    return p


def run(options: argparse.Namespace) -> int:
    """Check, print, and say by the exit code whether every digest is right."""
    from convert.explanation import explain

    found = explain(options.file, sources=options.source)
    if options.json:
        print_json(as_object(found))
    else:
        print(as_text(found))
    return 1 if found.problems else 0


def as_object(found: Explanation) -> dict[str, Any]:
    """A chain for machines."""
    return {
        "path": str(found.path),
        "right": not found.problems,
        "complete": found.complete,
        "problems": list(found.problems),
        "hops": [_hop(hop) for hop in found.hops],
    }


def as_text(found: Explanation) -> str:
    """A chain for people: the last conversion first."""
    lines = [line for hop in found.hops for line in _lines(hop)]
    lines += [f"WRONG    {problem}" for problem in found.problems]
    return "\n".join([*lines, _verdict(found)])


def _hop(hop: Hop) -> dict[str, Any]:
    sidecar = hop.sidecar
    return {
        "sidecar": str(sidecar.path),
        "model": sidecar.model,
        "proven": sidecar.proven,
        "target": {
            "name": sidecar.target_file,
            "sha256": sidecar.target_sha256,
            "path": str(hop.file) if hop.file else None,
        },
        "source": {
            "name": sidecar.source_file,
            "sha256": sidecar.source_sha256,
            "path": str(hop.source) if hop.source else None,
            "origin": sidecar.origin,
            "url": sidecar.url,
            "trust": sidecar.trust,
        },
        "rules": _rules(hop),
        "remade": hop.remade,
        "problems": list(hop.problems),
    }


def _lines(hop: Hop) -> list[str]:
    sidecar = hop.sidecar
    rules = ", ".join(f"{n} {action}" for action, n in _rules(hop).items())
    proof = "logits proven" if sidecar.proven else "logits NOT proven"
    source = (
        f"read, {hop.remade} tensors made again from it"
        if hop.source
        else "not at hand (--source FILE): only its sidecars' word"
    )
    return [
        f"{_plain(sidecar.target_file)}: {sidecar.model}, {rules}; {proof}",
        f"  file   {sidecar.target_sha256} {'read' if hop.file else 'not at hand'}",
        f"  source {sidecar.source_sha256} {source}",
        f"         {_plain(sidecar.source_file)}: {_origin(hop)}",
    ]


def _origin(hop: Hop) -> str:
    sidecar = hop.sidecar
    return f"{sidecar.url or sidecar.origin} ({sidecar.trust})"


def _rules(hop: Hop) -> dict[str, int]:
    return dict(Counter(str(move.action) for move in hop.sidecar.moves))


def _verdict(found: Explanation) -> str:
    count = len(found.hops)
    hops = f"{count} conversion{'s' if count > 1 else ''}"
    if found.problems:
        return f"WRONG: {len(found.problems)} problems in {hops}"
    end = "back to its first file" if found.complete else "its first file not at hand"
    return f"right: {hops}, every digest as recorded; {end}"


def _plain(name: str) -> str:
    """A file name that is no proper text must not reach the terminal as it is."""
    return name if name.isprintable() else ascii(name)[1:-1]
