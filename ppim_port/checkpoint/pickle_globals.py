"""The closed table of names that a checkpoint may call, and what each becomes here.

Nothing is imported: a call makes one of our own records. A name outside the table
may lie in the file unused; calling it is refused by name, because there is no way to
know what the file wanted of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from ppim_port.checkpoint.pickle_containers import checked, set_items
from ppim_port.checkpoint.pickle_machine import Machine
from ppim_port.checkpoint.pickle_records import (
    Dtype,
    Global,
    Inert,
    Latin1,
    LongText,
    NdArray,
    Storage,
    Tensor,
)

Call: TypeAlias = Callable[[Machine, tuple[Any, ...]], object]


def resolve(m: Machine, module: object, name: object) -> Global:
    """The record of a global; neither imported nor looked up."""
    if type(module) is not str or type(name) is not str:
        m.refuse("a global whose name is not text")
    parts = [*module.split("."), name]
    if not all(part.isascii() and part.isidentifier() for part in parts):
        # A dotted name walks through attributes: os, then system.__call__.
        m.refuse(f"a global with an odd name: {_shown(module)} {_shown(name)}")
    return Global("builtins" if module == "__builtin__" else module, name)


def call(m: Machine, function: object, arguments: object) -> object:
    """Stand in for `function(*arguments)`."""
    if type(function) is not Global:
        m.refuse(f"it calls a {type(function).__name__}")
    known = _CALLS.get((function.module, function.name))
    if known is None:
        m.refuse(
            f"it calls {_shown(str(function))}, which is not in the closed table of "
            f"names that weights need"
        )
    if type(arguments) is not tuple:
        m.fail(f"{function} is called without a tuple of arguments")
    return known(m, arguments)


def create(
    m: Machine, kind: object, arguments: object, keywords: object = None
) -> object:
    """Stand in for `kind.__new__(kind, *arguments)`."""
    if keywords:
        m.refuse("it creates an object with keyword arguments")
    return call(m, kind, arguments)


def build(m: Machine, target: object, state: object) -> None:
    """Stand in for `target.__setstate__(state)`."""
    if type(target) is NdArray:
        _build_array(m, target, state)
    elif type(target) is Dtype:
        _build_dtype(m, target, state)
    elif type(target) not in (dict, Inert):
        # OrderedDict carries `_metadata` here, which weights do not need.
        m.refuse(f"it sets the state of a {type(target).__name__}")


def _shown(text: str) -> str:
    return ascii(text[:80])[1:-1]


def _expect(m: Machine, fits: bool, what: str) -> None:
    if not fits:
        m.fail(f"{what} is not put together as numpy and torch do it")


def _build_array(m: Machine, target: NdArray, state: object) -> None:
    if type(state) is not tuple or len(state) != 5:
        m.fail("an array is not put together as numpy does it")
    _, target.shape, target.dtype, target.fortran, target.data = state


def _build_dtype(m: Machine, target: Dtype, state: object) -> None:
    if type(state) is not tuple or len(state) < 8 or type(state[1]) is not str:
        m.fail("a dtype is not put together as numpy does it")
    target.order = state[1]
    target.plain = all(part is None for part in state[2:5])


def _empty_array(m: Machine, arguments: tuple[Any, ...]) -> NdArray:
    kind = arguments[0] if len(arguments) == 3 else None
    if type(kind) is not Global or str(kind) != "numpy.ndarray":
        m.refuse("it reconstructs something that is not a numpy.ndarray")
    return NdArray()


def _dtype(m: Machine, arguments: tuple[Any, ...]) -> Dtype:
    _expect(m, bool(arguments) and type(arguments[0]) is str, "a dtype")
    return Dtype(arguments[0])


def _encode(m: Machine, arguments: tuple[Any, ...]) -> object:
    if len(arguments) != 2 or arguments[1] not in ("latin1", "latin-1"):
        m.refuse("it encodes text otherwise than as latin1")
    text = arguments[0]
    if type(text) is LongText:
        return Latin1(text)
    _expect(m, type(text) is str, "encoded text")
    return memoryview(text.encode("latin-1"))


def _tensor(m: Machine, arguments: tuple[Any, ...]) -> Tensor:
    _expect(m, 4 <= len(arguments) <= 7, "a tensor")
    storage, offset, shape, stride = arguments[:4]
    _expect(m, type(storage) is Storage, "a tensor")
    lazy = len(arguments) == 7 and bool(arguments[6])
    return Tensor(storage, offset, shape, stride, lazy)


def _parameter(m: Machine, arguments: tuple[Any, ...]) -> Tensor:
    tensor = arguments[0] if arguments else None
    if type(tensor) is not Tensor:
        m.fail("a parameter without a tensor")
    return tensor


def _mapping(m: Machine, arguments: tuple[Any, ...]) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    # A defaultdict's first argument is its factory, which nobody will call.
    pairs = arguments[-1] if arguments else []
    if type(pairs) is list:
        for pair in pairs:
            _expect(m, type(pair) in (list, tuple) and len(pair) == 2, "a mapping")
            set_items(m, made, list(pair))
    return made


def _sequence(kind: Callable[[Any], object]) -> Call:
    def made(m: Machine, arguments: tuple[Any, ...]) -> object:
        items = arguments[0] if arguments else ()
        _expect(m, len(arguments) <= 1 and type(items) in (list, tuple), "a sequence")
        return kind(items if kind is tuple else checked(m, list(items)))

    return made


def _no_bytes(m: Machine, arguments: tuple[Any, ...]) -> memoryview:
    _expect(m, arguments == (), "an empty byte string")
    return memoryview(b"")


def _inert(what: str) -> Call:
    return lambda _m, _arguments: Inert(what)


# The right-hand sides are ours; nothing here can reach an importer.
_CALLS: dict[tuple[str, str], Call] = {
    ("numpy.core.multiarray", "_reconstruct"): _empty_array,
    ("numpy._core.multiarray", "_reconstruct"): _empty_array,
    ("numpy", "dtype"): _dtype,
    ("numpy.core.multiarray", "scalar"): _inert("numpy scalar"),
    ("numpy._core.multiarray", "scalar"): _inert("numpy scalar"),
    ("_codecs", "encode"): _encode,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch", "Size"): _sequence(tuple),
    ("torch", "device"): _inert("torch.device"),
    ("collections", "OrderedDict"): _mapping,
    ("collections", "defaultdict"): _mapping,
    ("argparse", "Namespace"): _inert("argparse.Namespace"),
    ("builtins", "tuple"): _sequence(tuple),
    ("builtins", "set"): _sequence(set),
    ("builtins", "frozenset"): _sequence(frozenset),
    ("builtins", "bytes"): _no_bytes,
    ("builtins", "complex"): _inert("complex number"),
}
