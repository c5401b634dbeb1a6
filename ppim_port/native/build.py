"""Build the C++ kernels into one plain shared library, or say why it cannot be done.

The library links no framework and no Python, so one file serves every version of
both; it is loaded through its C interface (see `library.py`). Each instruction set is
compiled by itself and the processor's is chosen when the library is loaded, so a wheel
built on one machine is right on another. Only the standard library is imported here:
the wheel's build runs this file before anything of ours is installed.

    python -m ppim_port.native.build      build in place, e.g. after editing a source
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "src"
_SUFFIX = {"win32": ".dll", "darwin": ".dylib"}
NAME = "_kernels" + _SUFFIX.get(sys.platform, ".so")

_WIDE = ["-mavx2", "-mfma"]
_WIDER = [
    *("-DPPIM_BYTES=64", "-mprefer-vector-width=512", *_WIDE),
    *("-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl"),
]
_X86 = {
    "avx2": ["-DPPIM_BYTES=32", *_WIDE],
    "avx512": _WIDER,
    "avx512bf16": [*_WIDER, "-mavx512bf16"],
    "amx": [*_WIDER, "-mavx512bf16", "-mamx-tile", "-mamx-bf16"],
}
# SSE2 on x86, NEON on ARM: 16 bytes are what every processor has.
_GENERIC = {"generic": ["-DPPIM_BYTES=16"]}
_FLAGS = ["-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra"]


class BuildError(RuntimeError):
    """There is no compiler, or it refused; the text is what it said."""


def build(folder: Path) -> Path:
    """Compile into `folder`, whole or not at all.

    The compiler is `$CXX`, or `c++`; GCC and Clang understand the sources.

    Returns:
        The library's path, `folder / NAME`.

    Raises:
        BuildError: why there is no library now; one that was there is kept.
    """
    target = folder / NAME
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = list(pool.map(lambda unit: _compile(place, *unit), _units()))
        built = place / NAME
        _run([*_compiler(), "-shared", "-pthread", "-o", built, *objects])
        folder.mkdir(parents=True, exist_ok=True)
        # Beside the target first: a rename is atomic within one file system only, and
        # a program that runs has the old file open.
        beside = folder / f".{NAME}.{os.getpid()}"
        try:
            beside.write_bytes(built.read_bytes())
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    return target


def abi() -> str:
    """Digest of what crosses the C interface: an older library is refused by it."""
    return hashlib.sha256((SOURCES / "arguments.h").read_bytes()).hexdigest()[:16]


def _units() -> list[tuple[str, str, list[str]]]:
    """Name, source and flags of each object file, in the order to be linked.

    What every processor runs comes first: of a template of the standard library that
    several objects hold, the linker keeps the first.
    """
    x86 = platform.machine().lower() in {"x86_64", "amd64", "x64"}
    known = {isa: own for isa, own in _X86.items() if x86 and _understood(own)}
    sets = _GENERIC | known
    flags = [f'-DPPIM_ABI="{abi()}"', *(f"-DPPIM_{isa.upper()}" for isa in known)]
    kernels = [
        (isa, "kernels.cpp", [f"-DPPIM_ISA={isa}", *own]) for isa, own in sets.items()
    ]
    return [
        ("parallel", "parallel.cpp", []),
        ("dispatch", "dispatch.cpp", flags),
        *kernels,
    ]


def _understood(flags: list[str]) -> bool:
    """Whether the compiler knows an instruction set; older ones lack the newest."""
    try:
        _run([*_compiler(), *flags, "-x", "c++", "-fsyntax-only", os.devnull])
    except BuildError:
        return False
    return True


def _compile(place: Path, name: str, source: str, flags: list[str]) -> Path:
    result = place / f"{name}.o"
    _run([*_compiler(), *_FLAGS, *flags, "-c", SOURCES / source, "-o", result])
    return result


def _compiler() -> list[str]:
    return shlex.split(os.environ.get("CXX") or "c++")


def _run(command: list[str | Path]) -> None:
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as error:
        msg = f"No C++ compiler: {words[0]} does not start ({error})."
        raise BuildError(msg) from error
    if done.returncode:
        msg = f"The C++ compiler refused ({shlex.join(words)}):\n{done.stderr.strip()}"
        raise BuildError(msg)


if __name__ == "__main__":
    try:
        print(build(SOURCES.parent))  # noqa: T201
    except BuildError as error:
        sys.exit(str(error))
