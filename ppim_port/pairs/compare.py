"""Hold two matched nets against each other, setting by setting.

Keys and shapes that fit say nothing about padding, ceil mode, epsilon or dropout mode,
and such a port loads cleanly and is wrong. Every difference is found, in execution
order, and each says whether evaluation feels it; what training alone feels (momentum,
the rate of a dropout that does nothing in evaluation) is a note and no refusal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from ppim_port.pairs.infer import Match
from ppim_port.pairs.records import LAYOUT, NetDescription, Op, Setting

ABSENT = "absent"
# A dropout of this mode is the identity in evaluation.
IDENTITY = "upscale_in_train"


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that two nets do not share.

    Attributes:
        source_layer: its place in the source.
        target_layer: its place in the target.
        parameter: the setting's name; the kind, for an operation that one net lacks.
        source: its value in the source; "absent" without the operation.
        target: its value in the target.
        training_only: whether evaluation never feels it.
    """

    source_layer: str
    target_layer: str
    parameter: str
    source: Setting
    target: Setting
    training_only: bool = False

    def __str__(self) -> str:
        places = dict.fromkeys((self.source_layer, self.target_layer))
        return (
            f"{' / '.join(places)}: {self.parameter} is {_shown(self.source)} in the "
            f"source and {_shown(self.target)} in the target"
        )


def compare(match: Match) -> tuple[Difference, ...]:
    """Every difference between two matched nets, in execution order."""
    return tuple(dict.fromkeys(_differences(match)))


def _differences(match: Match) -> Iterator[Difference]:
    for index, counterpart in match.nodes.items():
        for ours, theirs in match.edges[index]:
            yield from _chains(match, ours.chain, theirs.chain, (index, counterpart))
        yield from _settings(match, index, counterpart)


def _chains(
    match: Match, ours: Sequence[int], theirs: Sequence[int], end: tuple[int, int]
) -> Iterator[Difference]:
    a, b = match.source, match.target
    kinds = [a.ops[i].kind for i in ours], [b.ops[i].kind for i in theirs]
    matcher = SequenceMatcher[str](None, *kinds, autojunk=False)
    for what, i1, i2, j1, j2 in matcher.get_opcodes():
        if what == "equal":
            for one, two in zip(ours[i1:i2], theirs[j1:j2], strict=True):
                yield from _settings(match, one, two)
            continue
        for one in ours[i1:i2]:
            near = _near(b, theirs, j1, end[1])
            yield _absent(a.ops[one], (a.name(one), near), missing="target")
        for two in theirs[j1:j2]:
            near = _near(a, ours, i1, end[0])
            yield _absent(b.ops[two], (near, b.name(two)), missing="source")


def _near(net: NetDescription, chain: Sequence[int], place: int, end: int) -> str:
    """Where an operation would stand that is not there."""
    return f"before {net.name((*chain, end)[place])}"


def _absent(op: Op, layers: tuple[str, str], *, missing: str) -> Difference:
    values = (ABSENT, _present(op)) if missing == "source" else (_present(op), ABSENT)
    idle = op.kind == "dropout" and op.settings["mode"] == IDENTITY
    return Difference(*layers, op.kind, *values, training_only=idle)


def _present(op: Op) -> str:
    values = ", ".join(f"{name} {_shown(v)}" for name, v in op.settings.items())
    return f"there ({values})" if values else "there"


def _settings(match: Match, one: int, two: int) -> Iterator[Difference]:
    a, b = match.source.ops[one], match.target.ops[two]
    layers = (match.source.name(one), match.target.name(two))
    for name in dict.fromkeys((*a.settings, *b.settings)):
        values = (a.settings.get(name, ABSENT), b.settings.get(name, ABSENT))
        if values[0] != values[1] and name != LAYOUT:
            idle = name == "momentum" or (name == "p" and _idle(a) and _idle(b))
            yield Difference(*layers, name, *values, training_only=idle)


def _idle(dropout: Op) -> bool:
    return dropout.settings["mode"] == IDENTITY


def _shown(value: Setting) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
