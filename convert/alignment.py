"""Two weights files under one framework's names and layouts, so that they compare.

A file whose keys are mostly those of a model of the manifest is spelled as that model,
problems and all: a file with one key too many must still be comparable. Two files are
both spelled so, or both left as they are stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from convert.candidates import Candidate, best_of, candidates
from ppim_port.checkpoint import Checkpoint
from ppim_port.mapping import describe, tensors
from ppim_port.mapping.rules import moved_axes
from ppim_port.state_dict import FrameworkName, StateDict


@dataclass(frozen=True, slots=True)
class Aligned:
    """One file's tensors under the common names.

    Attributes:
        state: common name -> array in the common layout; bits are the file's own.
        stored: common name -> key in the file.
        without: keys of the file that the common framework has no place for.
        model: the model whose names these are; None for the names as stored.
    """

    state: StateDict
    stored: Mapping[str, str]
    without: tuple[str, ...]
    model: str | None


def align(
    first: Checkpoint, second: Checkpoint
) -> tuple[Aligned, Aligned, FrameworkName]:
    """Both files under the names of one framework.

    That framework is the files' own if they share it, else Paddle, which has no tensor
    that PyTorch lacks; and PyTorch for two Keras files, whose tensors have no names.
    """
    same = first.framework == second.framework
    common: FrameworkName = first.framework if same else "paddle"
    common = "torch" if common == "keras" else common
    models = [_recognised(file) for file in (first, second)]
    if models[0] is None or models[1] is None:
        return _as_stored(first), _as_stored(second), common
    return (
        _spelled(first, models[0], common),
        _spelled(second, models[1], common),
        common,
    )


def _recognised(file: Checkpoint) -> Candidate | None:
    found = candidates(describe(file.state), file.framework)
    return best_of(found, len(file.state))


def _as_stored(file: Checkpoint) -> Aligned:
    return Aligned(file.state, {key: key for key in file.state}, (), None)


def _spelled(file: Checkpoint, model: Candidate, common: FrameworkName) -> Aligned:
    assert model.fit is not None  # `best_of` sees to it
    state: StateDict = {}
    stored, without = {}, []
    known: set[str] = set()
    for spec in tensors(model.fit.layers, file.framework):
        key = model.fit.published[spec.key]
        if key not in file.state:
            continue
        known.add(key)
        leaf = spec.leaf.name(common)
        if leaf is None:
            without.append(key)
            continue
        axes = moved_axes(spec.leaf, file.framework, common)
        value = file.state[key]
        # Of another rank it is compared as it is, and differs.
        axes = axes if len(axes) == value.ndim else ()
        name = f"{spec.layer.name}.{leaf}"
        state[name] = value.transpose(axes) if axes else value
        stored[name] = key
    for key in (key for key in file.state if key not in known):
        name = key if key not in state else f"{key} (not {model.model}'s)"
        state[name], stored[name] = file.state[key], key
    return Aligned(state, stored, tuple(without), model.model)
