"""`create_model`: a net by name in either framework, with weights from any file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from ppim_port.backends import Backend, get_backend
from ppim_port.errors import MappingError, UsageError
from ppim_port.manifest import ModelRecord, load_manifest
from ppim_port.models.family import Config, load_family
from ppim_port.partial import load_all_but_classifier
from ppim_port.sources import weights_path
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
    new_classifier: bool = ...,
    return_transforms: Literal[False] = ...,
) -> Any: ...


@overload
def create_model(
    name: str,
    *,
    framework: FrameworkName = ...,
    weights: str | Path | None = ...,
    num_classes: int | None = ...,
    new_classifier: bool = ...,
    return_transforms: Literal[True],
) -> tuple[Any, Transform]: ...


def create_model(
    name: str,
    *,
    framework: FrameworkName = "torch",
    weights: str | Path | None = None,
    num_classes: int | None = None,
    new_classifier: bool = False,
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
        num_classes: outputs of the classifier; None takes the weights' own, else those
            that were published.
        new_classifier: leave the file's classifier out and keep the framework's initial
            one: for other classes. The net then has a `partial_load`, a
            `ppim_port.partial.PartialLoad` that accounts for every key.
        return_transforms: also return the recipe's transform.

    Returns:
        A `torch.nn.Module`, `paddle.nn.Layer` or `keras.Model`, or a pair of it and
        the transform.

    Raises:
        UnknownNameError: no such model, framework or source.
        UsageError: `num_classes` is no count, or there is a new classifier to make and
            no weights to leave one out of.
        MissingPackageError: the framework is not installed.
        PpimError: the weights cannot be fetched, read or used; see `load_weights`.
    """
    record = load_manifest().model(name)
    if num_classes is not None and num_classes < 1:
        message = f"num_classes is {num_classes}, expected 1 or more."
        raise UsageError(message)
    backend = get_backend(framework)
    model = (
        _without_weights(backend, record, num_classes, new_classifier)
        if weights is None
        else _with_weights(backend, record, weights, num_classes, new_classifier)
    )
    return (model, val_transforms(name)) if return_transforms else model


def _without_weights(
    backend: Backend, record: ModelRecord, classes: int | None, new_classifier: bool
) -> Any:
    if new_classifier:
        message = (
            "new_classifier leaves a file's classifier out, and no weights were given: "
            "every layer is new. Pass weights=, or leave new_classifier out."
        )
        raise UsageError(message)
    family = load_family(record.family)
    return backend.build(
        family.configure(record.variant, num_classes=classes or record.num_classes)
    )


def _with_weights(
    backend: Backend,
    record: ModelRecord,
    weights: str | Path,
    classes: int | None,
    new_classifier: bool,
) -> Any:
    path = weights_path(record, weights)
    loaded = load_weights(path, record, framework=backend.name)
    config = loaded.mapping.config
    if new_classifier:
        # Any: that it is a dataclass with this field is each family's promise.
        changed: Any = config
        model = backend.build(
            replace(changed, num_classes=classes or config.num_classes)
        )
        model.partial_load = load_all_but_classifier(backend, model, loaded)
        return model
    _check_classes(config, classes, loaded.path)
    model = backend.build(config)
    backend.load(model, loaded.state)
    return model


def _check_classes(config: Config, wanted: int | None, path: Path) -> None:
    if wanted not in (None, config.num_classes):
        message = (
            f"{path}: its classifier has {config.num_classes} classes, not {wanted}. "
            "Nothing was loaded; leave num_classes out to take the file's, or pass "
            "new_classifier=True to leave the file's out and start a new one."
        )
        raise MappingError(message)
