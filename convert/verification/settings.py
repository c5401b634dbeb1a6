"""Hold two live nets' hyper-parameters against each other, layer by layer.

Equal weights in unequal nets load cleanly and are wrong; and a momentum that was not
converted changes no logit at all. Refused too: a layer of a kind that we do not know,
since nobody compared it.
"""

from __future__ import annotations

from collections.abc import Iterator

from convert.verification.records import Finding
from ppim_port.backends.layers import LayerDescription, Layers


def unlike_settings(source: Layers, target: Layers) -> list[Finding]:
    """What is set otherwise, every layer named."""
    return [Finding("settings", line) for line in _lines(source, target)]


def _lines(source: Layers, target: Layers) -> Iterator[str]:
    for name, layer in source.items():
        if name not in target:
            yield f"{name} ({layer.class_name}) is in the source's net alone"
        else:
            yield from _unlike(name, layer, target[name])
    for name in sorted(target.keys() - source.keys()):
        yield f"{name} ({target[name].class_name}) is in the target's net alone"


def _unlike(
    name: str, source: LayerDescription, target: LayerDescription
) -> Iterator[str]:
    if source.kind is None or target.kind is None:
        yield (
            f"{name}: {source.class_name} and {target.class_name}: we do not know how "
            "to compare them"
        )
    elif source.kind != target.kind:
        yield f"{name}: {source.kind} became {target.kind}"
    else:
        for key in sorted(source.settings.keys() | target.settings.keys()):
            before, after = source.settings.get(key), target.settings.get(key)
            if before != after:
                yield f"{name} ({source.kind}): {key} is {after}, expected {before}"
