"""`create_model`: a net by name in either framework, with weights from any file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from ppim_port.backends import get_backend
from ppim_port.errors import MappingError, UnknownNameError, UsageError
from ppim_port.manifest import ModelRecord, load_manifest
from ppim_port.models.family import Config, load_family
from ppim_port.sources import fetch_weights
from ppim_port.state_dict import FrameworkName
from ppim_port.weights import load_weights

if TYPE_CHECKING:
    from ppim_port.recipe import Transform


def list_models() -> list[str]:
    """Names of all models, in the manifest's order."""
    return list(load_manifest().models)


def val_transforms(name: str) -> Transform:
    """The preprocessing under which a model's accuracies were published.

    Returns:
        A callable: a path, encoded bytes, a BGR uint8 array `[H, W, 3]` as
        `cv2.imread` gives it, or a PIL image, to float32 `[3, crop, crop]`. It fits
        `transform=` of Paddle's and torchvision's datasets; with `loader=str` it
        gets the path. Without, Paddle's "cv2" image backend hands over RGB arrays,
        which cannot be told from BGR ones (paddlepaddle 3.3.1).

    Raises:
        UnknownNameError: no such model.
    """
    from ppim_port.recipe import Transform, recipe_from_dict

    manifest = load_manifest()
    recipe = manifest.model(name).recipe
    return Transform(recipe_from_dict(recipe, manifest.recipes[recipe]))


@overload
def create_model(
    name: str,
    *,
    framework: FrameworkName = ...,
    weights: str | Path | None = ...,
    num_classes: int | None = ...,
    return_transforms: Literal[False] = ...,
) -> Any: ...


@overload
def create_model(
    name: str,
    *,
    framework: FrameworkName = ...,
    weights: str | Path | None = ...,
    num_classes: int | None = ...,
    return_transforms: Literal[True],
) -> tuple[Any, Transform]: ...


def create_model(
    name: str,
    *,
    framework: FrameworkName = "torch",
    weights: str | Path | None = None,
    num_classes: int | None = None,
    return_transforms: bool = False,
) -> Any:
    """Build a net in evaluation mode.

    Args:
        name: one of `list_models()`.
        framework: "torch", "paddle", or "keras" for the families that have such a
            net.
        weights: a file of either framework (the publishers' or a converted one), or
            the name of a source in the manifest, e.g. "official", which is then
            fetched; None leaves the framework's initial weights.
        num_classes: outputs of the classifier; None takes the weights' own, else 1000.
        return_transforms: also return the recipe's transform.

    Returns:
        A `torch.nn.Module`, `paddle.nn.Layer` or `keras.Model`, or a pair of it and
        the transform.

    Raises:
        UnknownNameError: no such model, framework or source.
        UsageError: `num_classes` is no count.
        MissingPackageError: the framework is not installed.
        PpimError: the weights cannot be fetched, read or used; see `load_weights`.
    """
    record = load_manifest().model(name)
    if num_classes is not None and num_classes < 1:
        message = f"num_classes is {num_classes}, expected 1 or more."
        raise UsageError(message)
    backend = get_backend(framework)
    config: Config
    if weights is None:
        family = load_family(record.family)
        classes = num_classes or record.num_classes
        model = backend.build(family.configure(record.variant, num_classes=classes))
    else:
        loaded = load_weights(
            _weights_path(record, weights), record, framework=framework
        )
        config = loaded.mapping.config
        _check_classes(config, num_classes, loaded.path)
        model = backend.build(config)
        backend.load(model, loaded.state)
    return (model, val_transforms(name)) if return_transforms else model


def _weights_path(record: ModelRecord, weights: str | Path) -> Path:
    path = Path(weights)
    if path.exists() or isinstance(weights, Path):
        return path
    names: Sequence[str] = [source.name for source in record.sources]
    if weights in names:
        return fetch_weights(record, weights).path
    if path.name == weights and not path.suffix:
        raise UnknownNameError(weights, names, kind=f"file or source of {record.name}")
    return path


def _check_classes(config: Config, wanted: int | None, path: Path) -> None:
    if wanted not in (None, config.num_classes):
        message = (
            f"{path}: its classifier has {config.num_classes} classes, not {wanted}. "
            "Nothing was loaded; leave num_classes out to take the file's."
        )
        raise MappingError(message)
