"""Load all of a weights file but its classifier, and say what was left out.

For fine-tuning: the file's classifier has other classes than the net. Everything else
is as strict as a whole load. Refused: any other key that is missing, unexpected, or
does not fit, because a layer that silently keeps its initial weights still trains, only
worse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppim_port.backends import Backend, get_backend
from ppim_port.errors import UsageError
from ppim_port.manifest import ModelRecord, load_manifest, name_of
from ppim_port.mapping import tensors
from ppim_port.models.family import Config, Shape, load_family
from ppim_port.sources import weights_path
from ppim_port.state_dict import FRAMEWORKS, FrameworkName, StateDict
from ppim_port.weights import Weights, load_weights


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A tensor of the file that the net did not get.

    Attributes:
        key: in the file.
        shape: as the file has it.
        dtype: as the file has it.
        reason: why it was left out.
    """

    key: str
    shape: Shape
    dtype: str
    reason: str


@dataclass(frozen=True, slots=True)
class PartialLoad:
    """What became of every key of a file and of the net that it was loaded into.

    Attributes:
        path: of the file.
        loaded: keys of the net that hold the file's values.
        started: keys of the net that no such file has, set as evaluation needs them,
            e.g. a counter of batches to 0.
        fresh: keys of the net that keep the values that they had before.
        left_out: tensors of the file that the net did not get.
    """

    path: Path
    loaded: tuple[str, ...]
    started: tuple[str, ...]
    fresh: tuple[str, ...]
    left_out: tuple[LeftOut, ...]

    def __str__(self) -> str:
        """A line a fact, for people."""
        lines = [
            f"{self.path}: {len(self.loaded)} tensors loaded, "
            f"{len(self.left_out)} left out"
        ]
        lines += [
            f"left out  {x.key} {list(x.shape)} {x.dtype}: {x.reason}"
            for x in self.left_out
        ]
        lines += [f"started   {key}" for key in self.started]
        lines += [f"fresh     {key}" for key in self.fresh]
        return "\n".join(lines)


def load_partial(model: Any, weights: str | Path) -> PartialLoad:
    """Load all of a file but its classifier into a net of ours.

    Args:
        model: a net of `create_model` or `create_features`, of either framework, with
            any number of classes, or none.
        weights: a file of either framework, or a source's name, as for `create_model`.

    Returns:
        What was loaded, left out, and kept.

    Raises:
        UsageError: `model` is no net of ours.
        MappingError: any other key is missing, unexpected, or does not fit; the net is
            unchanged.
        PpimError: the weights cannot be fetched, read or used; see `load_weights`.
    """
    framework = framework_of(model)
    record = record_of(model)
    loaded = load_weights(weights_path(record, weights), record, framework=framework)
    return load_all_but_classifier(get_backend(framework), model, loaded)


def load_all_but_classifier(
    backend: Backend, model: Any, weights: Weights
) -> PartialLoad:
    """As `load_partial`, of weights that were read already.

    Args:
        backend: of the net's framework.
        model: the net.
        weights: read for that framework.

    Raises:
        MappingError: see `load_partial`.
    """
    ours = _classifier_keys(weights.mapping.config, backend.name)
    own = backend.state(model)
    fresh = {key: value for key, value in own.items() if key in ours}
    state: StateDict = {k: v for k, v in weights.state.items() if k not in ours}
    # Strict, and before anything changes: nothing but the classifier may differ.
    backend.load(model, state | fresh)
    made = {fate.target for fate in weights.mapping.fates if fate.source is None}
    return PartialLoad(
        path=weights.path,
        loaded=tuple(key for key in own if key in state and key not in made),
        started=tuple(key for key in own if key in state and key in made),
        fresh=tuple(fresh),
        left_out=tuple(_left_out(weights, ours)),
    )


def _classifier_keys(config: Config, framework: FrameworkName) -> set[str]:
    family = load_family(config.family)
    specs = tensors(family.layers(config), framework)
    return {spec.key for spec in specs if spec.layer.name in family.classifier}


def _left_out(weights: Weights, classifier: set[str]) -> Iterator[LeftOut]:
    for fate in weights.mapping.fates:
        if fate.source is None:
            continue
        info = weights.stored[fate.source]
        if fate.target is None:
            yield LeftOut(fate.source, info.shape, info.dtype, fate.reason)
        elif fate.target in classifier:
            yield LeftOut(fate.source, info.shape, info.dtype, "of the classifier")


def framework_of(model: Any) -> FrameworkName:
    """Whose net this is, without importing either framework.

    Raises:
        UsageError: nobody's.
    """
    roots = {kind.__module__.partition(".")[0] for kind in type(model).__mro__}
    for name in FRAMEWORKS:
        if name in roots:
            return name
    message = f"A {type(model).__name__} is no net of PyTorch or Paddle."
    raise UsageError(message)


def record_of(model: Any) -> ModelRecord:
    """The manifest record of a net of ours.

    Raises:
        UsageError: it is none.
    """
    config: Any = getattr(model, "config", None)
    if not hasattr(config, "family") or not hasattr(config, "variant"):
        message = (
            f"A {type(model).__name__} is no net of create_model or create_features: "
            "it has no config. Nothing was loaded."
        )
        raise UsageError(message)
    return load_manifest().model(name_of(config.family, config.variant))
