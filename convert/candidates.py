"""Which model of the manifest a file's keys and shapes are nearest to, and why.

Refuses nothing: a file that fits no model is still shown, with what each model misses.
That a file fits proves nothing about its net: see `convert MODEL` for the proof.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ppim_port.errors import MappingError
from ppim_port.manifest import ModelRecord, load_manifest
from ppim_port.mapping.fit import Fit, Infos, fit
from ppim_port.models.family import load_family, nets_of
from ppim_port.state_dict import FrameworkName


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file held against one model.

    Attributes:
        model: name in the manifest.
        matched: keys of the file that the model has.
        missing: keys of the model that the file lacks.
        unexpected: keys of the file that the model lacks.
        shapes: keys whose shape is another.
        dtypes: keys whose dtype is another.
        problems: one line each; empty if it fits exactly.
        fit: names and layers; None if the model cannot have such shapes at all.
    """

    model: str
    matched: int
    missing: int
    unexpected: int
    shapes: int
    dtypes: int
    problems: tuple[str, ...]
    fit: Fit | None

    @property
    def fits(self) -> bool:
        """Whether every key, shape and dtype is the model's."""
        return not self.problems


def candidates(source: Infos, framework: FrameworkName) -> list[Candidate]:
    """Every model of the manifest, the best first.

    Args:
        source: key -> shape and dtype, as stored.
        framework: whose names and layouts they are.
    """
    found = [
        _held_against(source, record, framework)
        for record in load_manifest().models.values()
        if framework in nets_of(record.family)
    ]
    return sorted(found, key=lambda c: (len(c.problems), -c.matched))


def best_of(found: list[Candidate], keys: int) -> Candidate | None:
    """The first, if most of the keys are the same; else the file is a stranger.

    Most of the file's and most of the model's: a ResNet has many keys of a RedNet's
    names, and lacks more.
    """
    best = found[0] if found else None
    if best is None or best.fit is None or best.missing > best.matched:
        return None
    return best if 2 * best.matched >= keys > 0 else None


def _held_against(
    source: Infos, record: ModelRecord, framework: FrameworkName
) -> Candidate:
    family = load_family(record.family)
    try:
        found = fit(source, family, record.variant, framework=framework)
    except MappingError as error:  # a shape that no configuration has
        return Candidate(record.name, 0, 0, 0, 1, 0, (f"shape: {error}",), None)
    matched = sum(key in source for key in found.published.values())
    kinds = Counter(problem.partition(":")[0] for problem in found.problems)
    return Candidate(
        record.name,
        matched,
        kinds["missing"],
        kinds["unexpected"],
        kinds["shape"],
        kinds["dtype"],
        found.problems,
        found,
    )
