"""Hatch's build hook: compile the C++ kernels into the wheel, where a compiler is.

Without one the wheel is built all the same, pure Python, and says so: the kernels are
an optional part. With `PPIM_NATIVE_BUILD=off` none is tried, with `require` a failure
ends the build (for those who publish wheels).
"""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VARIABLE = "PPIM_NATIVE_BUILD"
FOLDER = "ppim_port/native"


class NativeHook(BuildHookInterface):  # type: ignore[misc,type-arg]  # untyped
    """Adds the shared library, and then the wheel is one for this platform."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """See Hatch's `BuildHookInterface.initialize`."""
        wanted = os.environ.get(VARIABLE, "")
        if self.target_name != "wheel" or wanted == "off":
            return
        native = _load(Path(self.root) / FOLDER / "build.py")
        try:
            library = native.build(Path(self.root) / FOLDER)
        except native.BuildError as error:
            if wanted == "require":
                raise
            print(f"ppim-port goes without its C++ kernels. {error}", file=sys.stderr)
            return
        build_data["pure_python"] = False
        # Any Python 3, since the library does not know Python; this platform only.
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"
        build_data["artifacts"].append(f"/{FOLDER}/{library.name}")


def _load(path: Path) -> ModuleType:
    """The module by itself: the package around it needs what is not installed here."""
    spec = importlib.util.spec_from_file_location("ppim_native_build", path)
    if spec is None or spec.loader is None:
        msg = f"{path}: cannot be loaded as a Python file"
        raise ImportError(msg)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
