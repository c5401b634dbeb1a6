"""The nets that both packages have, by name, and how a name is written.

A closed table: a name outside of it is refused with the nearest ones, because nothing
is known of what it would build.
"""

from __future__ import annotations

from typing import Final, get_args

from ppim_port.errors import UnknownNameError, UsageError
from ppim_port.pairs.records import NetName, Package

PACKAGES: Final[tuple[Package, ...]] = get_args(Package)

# Classification nets that torchvision 0.28.0 and paddlepaddle 3.3.1 have by one name.
MODELS: Final = (
    "alexnet",
    "densenet121",
    "densenet161",
    "densenet169",
    "densenet201",
    "googlenet",
    "inception_v3",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_64x4d",
    "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0",
    "shufflenet_v2_x1_5",
    "shufflenet_v2_x2_0",
    "squeezenet1_0",
    "squeezenet1_1",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "wide_resnet50_2",
    "wide_resnet101_2",
)
# Of ImageNet; the recorded nets have as many.
CLASSES: Final = 1000

_IMAGE_SIZES = {"inception_v3": 299}
_USUAL_IMAGE_SIZE = 224


def net_name(text: str) -> NetName:
    """A name such as `torchvision:resnet50`, checked.

    Raises:
        UsageError: not written `package:model`.
        UnknownNameError: no such package or model.
    """
    package, colon, model = text.partition(":")
    if not colon:
        message = (
            f"{text!r} names no net: write PACKAGE:MODEL, e.g. torchvision:resnet50. "
            f"Packages: {', '.join(PACKAGES)}."
        )
        raise UsageError(message)
    if package not in PACKAGES:
        raise UnknownNameError(package, PACKAGES, kind="package of nets")
    if model not in MODELS:
        raise UnknownNameError(model, MODELS, kind=f"model of {package}")
    return NetName(package, model)


def image_size(model: str) -> int:
    """Height and width of the pictures that a model is made for, in pixels."""
    return _IMAGE_SIZES.get(model, _USUAL_IMAGE_SIZE)
