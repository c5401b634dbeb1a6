"""`create_features`: a net without its classifier, for a neck of another program."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ppim_port.backends import get_backend
from ppim_port.errors import UsageError
from ppim_port.manifest import load_manifest
from ppim_port.models.family import known_families, load_family
from ppim_port.models.features import ALL, DILATIONS, STRIDES, FeatureOptions
from ppim_port.partial import load_all_but_classifier
from ppim_port.sources import weights_path
from ppim_port.state_dict import FrameworkName
from ppim_port.weights import load_weights


def create_features(
    name: str,
    *,
    framework: FrameworkName = "torch",
    weights: str | Path | None = None,
    out_indices: Sequence[int] = ALL,
    strides: Sequence[int] = STRIDES,
    dilations: Sequence[int] = DILATIONS,
    frozen_stages: int = -1,
    norm_eval: bool = False,
) -> Any:
    """Build a net that gives the feature maps of its stages, in evaluation mode.

    Its keys are those of `create_model`'s net without the classifier's. Words and
    meaning are those of the official backbone for detection (github.com/d-li14/
    involution, det/mmdet/models/backbones/rednet.py), but for a single index, which
    gives a tuple of one here.

    Args:
        name: one of `list_models()`, of a family with stages.
        framework: "torch" or "paddle".
        weights: as for `create_model`; the file's classifier is left out. What became
            of every key stands in `partial_load` of the net.
        out_indices: the stages whose maps are wanted, 0 to 3, rising. Later ones do not
            run.
        strides: of the first block of each stage.
        dilations: of the involutions of each stage, its first block's too.
        frozen_stages: -1 trains all, 0 freezes the stem, k the stem and the first k
            stages: no gradients, and batch norms that evaluate even after `train()`.
        norm_eval: whether the other batch norms evaluate, too, in training.

    Returns:
        A `torch.nn.Module` or `paddle.nn.Layer`: `[N, 3, H, W]` to a tuple of
        `[N, C, H / reduction, W / reduction]`, with `feature_info`, a
        `ppim_port.models.features.FeatureInfo` for each map.

    Raises:
        UnknownNameError: no such model, framework or source.
        UsageError: the family has no features, or not such ones.
        MissingPackageError: the framework is not installed.
        PpimError: the weights cannot be fetched, read or used; see `load_weights`.
    """
    record = load_manifest().model(name)
    if not _has_features(record.family):
        having = " and ".join(f for f in known_families() if _has_features(f))
        message = f"{name} is of {record.family}, which gives no features; {having} do."
        raise UsageError(message)
    options = FeatureOptions(
        tuple(out_indices), tuple(strides), tuple(dilations), frozen_stages, norm_eval
    )
    backend = get_backend(framework)
    if weights is None:
        config = load_family(record.family).configure(record.variant)
        return backend.build_features(config, options)
    loaded = load_weights(weights_path(record, weights), record, framework=framework)
    model = backend.build_features(loaded.mapping.config, options)
    model.partial_load = load_all_but_classifier(backend, model, loaded)
    return model


def _has_features(family: str) -> bool:
    return find_spec(f"ppim_port.models.{family}.torch_features") is not None
