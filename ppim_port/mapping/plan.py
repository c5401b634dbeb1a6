"""Decide the fate of every key, from names, shapes and dtypes alone.

Refuses a source with missing or unexpected keys, or with shapes or dtypes that do not
fit, and names all of them in one error: what was not accounted for was not ported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingABC
from types import MappingProxyType

from ppim_port.errors import MappingError
from ppim_port.manifest import name_of
from ppim_port.mapping.fit import Infos, fit, variants_that_fit
from ppim_port.mapping.records import Action, Fate, Mapping, TensorInfo
from ppim_port.mapping.rules import TensorSpec, moved_axes, tensors
from ppim_port.models.family import (
    Layer,
    known_families,
    load_family,
    nets_of,
    require_net,
)
from ppim_port.state_dict import FrameworkName

_LAYOUTS = MappingProxyType(
    {
        Action.TRANSPOSE: (
            "Linear is [out, in] in PyTorch and [in, out] in Paddle and Keras"
        ),
        Action.PERMUTE: (
            "filters are [kh, kw, in, out] in Keras and [out, in, kh, kw] elsewhere"
        ),
    }
)


def plan(
    source: Infos,
    *,
    family: str,
    variant: str,
    source_framework: FrameworkName,
    target_framework: FrameworkName,
    origin: str = "the source",
) -> Mapping:
    """Plan the port of a checkpoint.

    Args:
        source: key -> shape and dtype, as stored.
        family: folder name under `ppim_port/models`.
        variant: the published variant, e.g. "50".
        source_framework: whose names and layouts the source has.
        target_framework: whose names and layouts the target gets.
        origin: the file's name, for messages.

    Raises:
        MappingError: all keys that are missing, unexpected, or do not fit.
        UsageError: one of the frameworks has no net of the family.
    """
    net = load_family(family)
    for framework in (target_framework, source_framework):
        require_net(family, framework, f"{origin}: nothing was converted.")
    found = fit(source, net, variant, framework=source_framework)
    if found.problems:
        models = list(_models_that_fit(source, source_framework))
        refusal = _refusal(origin, name_of(family, variant), source, found.problems)
        raise MappingError(refusal + _advice(models))
    fates = _fates(
        source, found.layers, found.published, source_framework, target_framework
    )
    return Mapping(
        found.config, source_framework, target_framework, found.naming, fates
    )


def _refusal(origin: str, model: str, source: Infos, found: Sequence[str]) -> str:
    lines = "\n  ".join(found)
    return (
        f"{origin}: its {len(source)} keys do not fit {model}; {len(found)} problems, "
        f"nothing was converted:\n  {lines}"
    )


def _models_that_fit(source: Infos, framework: FrameworkName) -> Iterator[str]:
    """Of every family: the right file may have the wrong family's name, too."""
    for family in known_families():
        if framework not in nets_of(family):
            continue
        net = load_family(family)
        for variant in variants_that_fit(source, net, framework=framework):
            yield name_of(family, variant)


def _advice(models: Sequence[str]) -> str:
    """Last, where it is still on the screen after hundreds of keys."""
    if not models:
        return ""
    names = " or ".join(models)
    return f"\nThese keys fit {names}: ask for that model instead."


def _fates(
    source: Infos,
    layers: tuple[Layer, ...],
    published: MappingABC[str, str],
    source_framework: FrameworkName,
    target_framework: FrameworkName,
) -> tuple[Fate, ...]:
    """One fate a tensor, over the union of both frameworks' tensors.

    PyTorch's tensors are that union: no framework has a tensor that PyTorch lacks.
    """
    old = {(s.layer, s.leaf): s for s in tensors(layers, source_framework)}
    new = {(s.layer, s.leaf): s for s in tensors(layers, target_framework)}
    fates = []
    for union in tensors(layers, "torch"):
        before = old.get((union.layer, union.leaf))
        after = new.get((union.layer, union.leaf))
        key = published[before.key] if before else ""
        if key in source:
            axes = moved_axes(union.leaf, source_framework, target_framework)
            fates.append(_fate(key, source[key], after, axes))
        elif after is not None:
            fates.append(_created(after))
    return tuple(fates)


def _created(after: TensorSpec) -> Fate:
    start = after.leaf.start
    reason = "not in the source; starts from 0, evaluation never reads it"
    if start is not None:
        reason = "not in a plain net; starts so that the logits are that net's"
    action = Action(start or "create")
    return Fate(None, after.key, action, after.shape, after.dtype, reason)


def _fate(
    key: str, info: TensorInfo, after: TensorSpec | None, axes: tuple[int, ...]
) -> Fate:
    if after is None:
        reason = "no counterpart in the target; evaluation never reads it"
        return Fate(key, None, Action.DROP, info.shape, info.dtype, reason)
    action = Action.COPY if key == after.key else Action.RENAME
    reasons = []
    if axes:
        action = Action.TRANSPOSE if axes == (1, 0) else Action.PERMUTE
        reasons.append(_LAYOUTS[action])
    if info.dtype != after.dtype:
        reasons.append(f"{info.dtype} widened to {after.dtype}, exactly")
    reason = "; ".join(reasons)
    return Fate(key, after.key, action, after.shape, after.dtype, reason, axes)
