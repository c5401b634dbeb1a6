"""Port pretrained ImageNet weights between PyTorch and Paddle, and prove the port.

    import ppim_port

    ppim_port.list_models()
    model = ppim_port.create_model("rednet26", framework="paddle", weights=PATH)

Importing this package loads neither framework, nor OpenCV, nor any network library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ppim_port.version import __version__

if TYPE_CHECKING:
    from ppim_port.config import show_config
    from ppim_port.export.onnx_file import export_onnx
    from ppim_port.export.static_paddle import export_paddle_static
    from ppim_port.factory import create_model, list_models, val_transforms
    from ppim_port.features import create_features
    from ppim_port.partial import load_partial

_HOMES = {
    "show_config": "config",
    "create_features": "features",
    "create_model": "factory",
    "export_onnx": "export.onnx_file",
    "export_paddle_static": "export.static_paddle",
    "list_models": "factory",
    "load_partial": "partial",
    "val_transforms": "factory",
}

__all__ = [
    "__version__",
    "create_features",
    "create_model",
    "export_onnx",
    "export_paddle_static",
    "list_models",
    "load_partial",
    "show_config",
    "val_transforms",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
