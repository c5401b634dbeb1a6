"""Decide the fate of every key, from names, shapes and dtypes alone.

Refuses a source with missing or unexpected keys, or with shapes or dtypes that do not
fit, and names all of them in one error: what was not accounted for was not ported.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingABC

from ppim_port.errors import MappingError
from ppim_port.mapping.records import Action, Fate, Mapping, TensorInfo
from ppim_port.mapping.rules import TensorSpec, tensors
from ppim_port.models.family import Family, Layer, Naming, Shape, load_family
from ppim_port.state_dict import FrameworkName

Infos = MappingABC[str, TensorInfo]

# DataParallel and DistributedDataParallel put this before every key that they save.
WRAPPER = "module."
# Exact in float32; float64 is refused, since the target could not hold it.
WIDENED = ("float16",)


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
    """
    net = load_family(family)
    layers = net.layers(net.configure(variant))
    prefix, naming = _spelling(source, net, layers, source_framework)
    ours = _our_keys(source, prefix, naming, layers, source_framework)
    config = net.infer(variant, _torch_shapes(ours, source, layers, source_framework))
    layers = net.layers(config)
    wanted = tensors(layers, source_framework)
    published = {spec.key: prefix + naming.publish(spec.key) for spec in wanted}
    found = _problems(source, wanted, published)
    if found:
        raise MappingError(_refusal(origin, f"{family}{variant}", source, found))
    fates = _fates(source, layers, published, source_framework, target_framework)
    spelled = f"{naming.name}, in {WRAPPER}*" if prefix else naming.name
    return Mapping(config, source_framework, target_framework, spelled, fates)


def _spelling(
    source: Infos, net: Family, layers: tuple[Layer, ...], framework: FrameworkName
) -> tuple[str, Naming]:
    keys = [spec.key for spec in tensors(layers, framework)]

    def hits(choice: tuple[str, Naming]) -> int:
        prefix, naming = choice
        return sum(prefix + naming.publish(key) in source for key in keys)

    choices = [(prefix, name) for prefix in ("", WRAPPER) for name in net.namings]
    return max(choices, key=hits)


def _our_keys(
    source: Infos,
    prefix: str,
    naming: Naming,
    layers: tuple[Layer, ...],
    framework: FrameworkName,
) -> dict[str, TensorSpec]:
    """Source key -> our spec, for the keys that are recognised."""
    specs = tensors(layers, framework)
    by_source = {prefix + naming.publish(spec.key): spec for spec in specs}
    return {key: spec for key, spec in by_source.items() if key in source}


def _torch_shapes(
    ours: MappingABC[str, TensorSpec],
    source: Infos,
    layers: tuple[Layer, ...],
    framework: FrameworkName,
) -> dict[str, Shape]:
    """Our key -> the source's own shape, in PyTorch's layout."""
    shapes = {}
    for key, spec in ours.items():
        swapped = spec.leaf.transpose and framework == "paddle"
        shape = source[key].shape
        shapes[spec.key] = shape[::-1] if swapped else shape
    return shapes


def _problems(
    source: Infos, wanted: tuple[TensorSpec, ...], published: MappingABC[str, str]
) -> list[str]:
    optional = {published[spec.key] for spec in wanted if spec.leaf.counter}
    missing = set(published.values()) - source.keys() - optional
    unexpected = source.keys() - set(published.values())
    lines = [f"missing: {key}" for key in sorted(missing)]
    lines += [f"unexpected: {key}" for key in sorted(unexpected)]
    for spec in wanted:
        info = source.get(published[spec.key])
        if info is None:
            continue
        if info.shape != spec.shape:
            lines.append(
                f"shape: {published[spec.key]} is {list(info.shape)}, "
                f"expected {list(spec.shape)}"
            )
        if info.dtype != spec.dtype and not _widens(info.dtype, spec.dtype):
            lines.append(
                f"dtype: {published[spec.key]} is {info.dtype}, expected {spec.dtype}"
            )
    return lines


def _widens(dtype: str, target: str) -> bool:
    return target == "float32" and dtype in WIDENED


def _refusal(origin: str, model: str, source: Infos, found: list[str]) -> str:
    lines = "\n  ".join(found)
    return (
        f"{origin}: its {len(source)} keys do not fit {model}; {len(found)} problems, "
        f"nothing was converted:\n  {lines}"
    )


def _fates(
    source: Infos,
    layers: tuple[Layer, ...],
    published: MappingABC[str, str],
    source_framework: FrameworkName,
    target_framework: FrameworkName,
) -> tuple[Fate, ...]:
    """One fate a tensor, over the union of both frameworks' tensors.

    PyTorch's tensors are that union: Paddle has no tensor that PyTorch lacks.
    """
    old = {(s.layer, s.leaf): s for s in tensors(layers, source_framework)}
    new = {(s.layer, s.leaf): s for s in tensors(layers, target_framework)}
    crosses = source_framework != target_framework
    fates = []
    for union in tensors(layers, "torch"):
        before = old.get((union.layer, union.leaf))
        after = new.get((union.layer, union.leaf))
        key = published[before.key] if before else ""
        if key in source:
            transpose = crosses and union.leaf.transpose
            fates.append(_fate(key, source[key], after, transpose=transpose))
        elif after is not None:
            fates.append(_created(after))
    return tuple(fates)


def _created(after: TensorSpec) -> Fate:
    reason = "not in the source; starts from 0, evaluation never reads it"
    return Fate(None, after.key, Action.CREATE, after.shape, after.dtype, reason)


def _fate(
    key: str, info: TensorInfo, after: TensorSpec | None, *, transpose: bool
) -> Fate:
    if after is None:
        reason = "no counterpart in the target; evaluation never reads it"
        return Fate(key, None, Action.DROP, info.shape, info.dtype, reason)
    action = Action.COPY if key == after.key else Action.RENAME
    reasons = []
    if transpose:
        action = Action.TRANSPOSE
        reasons.append("Linear is [out, in] in PyTorch and [in, out] in Paddle")
    if info.dtype != after.dtype:
        reasons.append(f"{info.dtype} widened to {after.dtype}, exactly")
    return Fate(key, after.key, action, after.shape, after.dtype, "; ".join(reasons))
