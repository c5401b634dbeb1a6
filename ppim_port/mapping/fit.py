"""Whether a checkpoint's keys, shapes and dtypes are exactly those of a variant.

Refuses nothing itself: it reports every problem, sorted, because what is not named
cannot be mended, and says which other variant has none, because the usual mistake is
the right file under the wrong model's name.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from dataclasses import dataclass

from ppim_port.errors import MappingError
from ppim_port.mapping.records import TensorInfo
from ppim_port.mapping.rules import TensorSpec, tensors
from ppim_port.models.family import Config, Family, Layer, Naming, Shape
from ppim_port.state_dict import FrameworkName

Infos = MappingABC[str, TensorInfo]

# DataParallel and DistributedDataParallel put this before every key that they save.
WRAPPER = "module."
# Exact in float32; float64 is refused, since the target could not hold it.
WIDENED = ("float16",)


@dataclass(frozen=True, slots=True)
class Fit:
    """A checkpoint held against a variant.

    Attributes:
        config: the net that the checkpoint's own tensors ask for.
        layers: of that net.
        naming: the spelling that the keys were found in, e.g. "official".
        published: our key -> the key in that spelling, for every tensor of the net.
        problems: one line each, sorted by kind; empty if it fits exactly.
        plain: whether it lacks all that the variant has beyond a plain net, and is to
            start as that.
    """

    config: Config
    layers: tuple[Layer, ...]
    naming: str
    published: MappingABC[str, str]
    problems: tuple[str, ...]
    plain: bool = False


def fit(source: Infos, net: Family, variant: str, *, framework: FrameworkName) -> Fit:
    """Hold a checkpoint against a variant.

    Args:
        source: key -> shape and dtype, as stored.
        net: the family.
        variant: the published variant, e.g. "50".
        framework: whose names and layouts the source has.

    Raises:
        MappingError: a shape that no configuration of the family has.
        UnknownNameError: no such variant.
    """
    layers = net.layers(net.configure(variant))
    prefix, naming = _spelling(source, net, layers, framework)
    ours = _our_keys(source, prefix, naming, layers, framework)
    config = net.infer(variant, _torch_shapes(ours, source, framework))
    layers = net.layers(config)
    wanted = tensors(layers, framework)
    published = {spec.key: prefix + naming.publish(spec.key) for spec in wanted}
    spelled = f"{naming.name}, in {WRAPPER}*" if prefix else naming.name
    starting = {published[spec.key] for spec in wanted if spec.leaf.start}
    # All or none: a file that lacks a part of them is a damaged one.
    plain = bool(starting) and not starting & source.keys()
    optional = {published[spec.key] for spec in wanted if spec.leaf.counter}
    optional |= starting if plain else set()
    problems = _problems(source, wanted, published, optional)
    return Fit(config, layers, spelled, published, tuple(problems), plain)


def variants_that_fit(
    source: Infos, net: Family, *, framework: FrameworkName
) -> list[str]:
    """The variants of a family that a checkpoint fits without a single problem.

    Not those that it could only start: a plain ResNet's file is a plain ResNet's.

    Args:
        source: key -> shape and dtype, as stored.
        net: the family.
        framework: whose names and layouts the source has.
    """
    return [name for name in net.variants if _fits(source, net, name, framework)]


def _fits(source: Infos, net: Family, variant: str, framework: FrameworkName) -> bool:
    try:
        found = fit(source, net, variant, framework=framework)
    except MappingError:
        return False
    return not found.problems and not found.plain


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
    ours: MappingABC[str, TensorSpec], source: Infos, framework: FrameworkName
) -> dict[str, Shape]:
    """Our key in PyTorch -> the source's own shape, in PyTorch's layout."""
    shapes = {}
    for key, spec in ours.items():
        shape, order = source[key].shape, spec.leaf.order(framework)
        # Of another rank it fits nothing, which is said later.
        if len(shape) == len(order):
            shape = tuple(shape[order.index(axis)] for axis in range(len(order)))
        shapes[f"{spec.layer.name}.{spec.leaf.torch}"] = shape
    return shapes


def _problems(
    source: Infos,
    wanted: tuple[TensorSpec, ...],
    published: MappingABC[str, str],
    optional: set[str],
) -> list[str]:
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
        if info.dtype != spec.dtype and not widens(info.dtype, spec.dtype):
            lines.append(
                f"dtype: {published[spec.key]} is {info.dtype}, expected {spec.dtype}"
            )
    return lines


def widens(dtype: str, target: str) -> bool:
    """Whether a stored dtype becomes the target's without a rounding."""
    return target == "float32" and dtype in WIDENED
