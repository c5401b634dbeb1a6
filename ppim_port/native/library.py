"""The C++ kernels, loaded once, called with raw pointers: no framework is needed.

Everything that C++ would believe is checked before (`calls.py`). Calls release Python's
global lock, so pictures can run side by side.

`PPIM_NATIVE` in the environment chooses: `off` (as if there were no library), or the
name of an instruction set (`generic`, `avx2`, `avx512`, `avx512bf16`, `amx`).
"""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, c_char_p, c_int32, c_int64, c_void_p
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ppim_port.errors import UsageError
from ppim_port.native.arguments import FUNCTIONS, Step
from ppim_port.native.build import NAME, SOURCES, abi

VARIABLE = "PPIM_NATIVE"
PATH = SOURCES.parent / NAME
NUMBERS = {name: number for number, name in enumerate(FUNCTIONS)}
_REBUILD = "python -m ppim_port.native.build  makes it anew"


@dataclass(frozen=True, slots=True)
class Library:
    """The kernels of one instruction set.

    Attributes:
        isa: its name.
        panel: output channels a panel of packed weights.
    """

    isa: str
    panel: int
    _handle: ctypes.CDLL
    _kernels: int

    def run(self, function: str, arguments: ctypes.Structure) -> None:
        """Call a kernel; nothing is checked any more.

        Raises:
            MemoryError: there was not enough; the outputs are not whole.
        """
        step = Step(NUMBERS[function], ctypes.addressof(arguments))
        self._run(ctypes.byref(step), 1, function)

    def replay(self, steps: ctypes.Array[Step]) -> None:
        """Call kernels one after the other.

        Raises:
            MemoryError: there was not enough; the outputs are not whole.
        """
        self._run(steps, len(steps), "replay")

    def _run(self, steps: Any, count: int, what: str) -> None:
        if self._handle.ppim_run(self._kernels, steps, count):
            msg = f"Memory ran out in the C++ {what}; its outputs are not whole."
            raise MemoryError(msg)


@cache
def load() -> Library | None:
    """The library for this processor, or nothing where there is none.

    Raises:
        UsageError: `PPIM_NATIVE` names what this build or processor does not have, or
            the library cannot be loaded.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted == "off" or (not wanted and not PATH.exists()):
        return None
    return load_named(wanted)


def load_named(isa: str = "", path: Path = PATH) -> Library:
    """The kernels of one instruction set.

    Args:
        isa: its name; empty for the fastest that this processor has.
        path: of the library.

    Raises:
        UsageError: there is no such library, or it has no such kernels for this
            processor.
    """
    handle = _open(path)
    kernels = handle.ppim_kernels(isa.encode())
    if not kernels:
        msg = (
            f"{VARIABLE}={isa}: there is no such instruction set on this processor. "
            "Leave it unset for the fastest, or set it to `generic` or `off`."
        )
        raise UsageError(msg)
    return Library(
        handle.ppim_name(kernels).decode(), handle.ppim_panel(kernels), handle, kernels
    )


def require() -> Library:
    """The library for this processor.

    Raises:
        UsageError: it was not built, or is switched off.
    """
    library = load()
    if library is None:
        msg = (
            f"The C++ kernels are not at hand: {PATH} is absent, or {VARIABLE}=off. "
            "With a C++ compiler,  python -m ppim_port.native.build  makes them."
        )
        raise UsageError(msg)
    return library


def _open(path: Path) -> ctypes.CDLL:
    if not path.exists():
        msg = f"No kernels were built: {path} is absent. {_REBUILD}."
        raise UsageError(msg)
    try:
        handle = ctypes.CDLL(str(path))
        handle.ppim_abi.restype = c_char_p
        found = handle.ppim_abi().decode()
    except (OSError, AttributeError) as error:
        msg = f"{path} is no library of ours ({error}). {_REBUILD}; or {VARIABLE}=off."
        raise UsageError(msg) from error
    if found != abi():
        msg = f"{path} was built from other sources. {_REBUILD}; or {VARIABLE}=off."
        raise UsageError(msg)
    _declare(handle)
    return handle


def _declare(handle: ctypes.CDLL) -> None:
    handle.ppim_kernels.argtypes = [c_char_p]
    handle.ppim_kernels.restype = c_void_p
    handle.ppim_name.argtypes = handle.ppim_panel.argtypes = [c_void_p]
    handle.ppim_name.restype = c_char_p
    handle.ppim_panel.restype = c_int64
    handle.ppim_run.argtypes = [c_void_p, POINTER(Step), c_int64]
    handle.ppim_run.restype = c_int32
