"""What is installed and which implementations it leads to, for bug reports and doubts.

No framework is imported to find out.
"""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from ppim_port.native.library import PATH, VARIABLE, load
from ppim_port.version import __version__

_MISSING = "not installed"
_PACKAGES = (
    *("numpy", "opencv-python", "torch", "paddlepaddle", "triton", "pillow"),
    *("keras", "jax", "tensorflow", "onnx", "onnxruntime"),
)
# Distributions that bring the same package.
_OTHER_NAMES = {
    "paddlepaddle": ("paddlepaddle-gpu",),
    "opencv-python": ("opencv-python-headless", "opencv-contrib-python"),
    "tensorflow": ("tensorflow-cpu",),
}


def config() -> dict[str, str]:
    """What `show_config` prints: a name and what there is of it.

    Raises:
        UsageError: `PPIM_NATIVE` names what this build or processor does not have.
    """
    versions = {name: _version(name) for name in _PACKAGES}
    return {
        "ppim-port": __version__,
        "python": f"{platform.python_version()} on {sys.platform} {platform.machine()}",
        **versions,
        "C++ kernels": _kernels(),
        "involution on a CPU": _on_cpu(),
        "involution on a GPU": _on_gpu(versions["triton"]),
        "involution in Keras": _in_keras(versions["keras"]),
    }


def show_config() -> None:
    """Print versions, and which implementation of each kernel runs here."""
    found = config()
    width = max(map(len, found))
    for name, value in found.items():
        print(f"{name:<{width}}  {value}")


def _version(package: str) -> str:
    for name in (package, *_OTHER_NAMES.get(package, ())):
        try:
            found = version(name)
        except PackageNotFoundError:
            continue
        return found if name == package else f"{found} ({name})"
    return _MISSING


def _kernels() -> str:
    library = load()
    if library is not None:
        return f"{library.isa} ({PATH})"
    if PATH.exists():
        return f"switched off by {VARIABLE}"
    return "not built; with a C++ compiler: python -m ppim_port.native.build"


def _on_cpu() -> str:
    library = load()
    if library is None:
        return "shifted views of the framework's own operators"
    return f"C++ ({library.isa}); shifted views in float64"


def _on_gpu(triton: str) -> str:
    return "shifted views (Triton is not installed)" if triton == _MISSING else "Triton"


def _in_keras(keras: str) -> str:
    return _MISSING if keras == _MISSING else "shifted views, whatever Keras runs on"
