"""The closed table of opcodes: what pickle protocols 2 to 4 write for weights.

Refused by absence: the text opcodes of protocol 0 (no framework writes them),
extension codes, old-style instances, out-of-band buffers. Large byte strings become
views of the file.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any, TypeAlias

from ppim_port.checkpoint import limits
from ppim_port.checkpoint.pickle_containers import (
    add_items,
    checked,
    extend,
    set_items,
)
from ppim_port.checkpoint.pickle_globals import build, call, create, resolve
from ppim_port.checkpoint.pickle_machine import Machine
from ppim_port.checkpoint.pickle_records import LongText

Handler: TypeAlias = Callable[[Machine], object]

_U8, _U16, _U32, _U64 = Struct("<B"), Struct("<H"), Struct("<I"), Struct("<Q")
_I32, _F64 = Struct("<i"), Struct(">d")


def _push(value: object) -> Handler:
    return lambda m: m.push(value)


def _push_number(layout: Struct) -> Handler:
    return lambda m: m.push(m.number(layout))


def _push_new(kind: type[Any]) -> Handler:
    return lambda m: m.push(kind())


def _long(size: Struct) -> Handler:
    def handler(m: Machine) -> None:
        count = m.number(size)
        if not 0 <= count <= limits.MAX_NUMBER_BYTES:
            m.refuse(f"a number of {count} bytes")
        m.push(int.from_bytes(m.take(count), "little", signed=True))

    return handler


def _text(size: Struct) -> Handler:
    def handler(m: Machine) -> None:
        data = m.take(m.number(size))
        if len(data) > limits.MAX_SHORT_TEXT:
            m.push(LongText(data))
        else:
            m.push(str(data, "utf-8", "surrogatepass"))

    return handler


def _bytes(size: Struct) -> Handler:
    return lambda m: m.push(m.take(m.number(size)))


def _old_string(size: Struct) -> Handler:
    """Python 2's str: a key when it is short ASCII, an array's bytes otherwise."""

    def handler(m: Machine) -> None:
        count = m.number(size)
        if count < 0:
            m.fail("a negative length")
        data = m.take(count)
        short = count <= limits.MAX_SHORT_TEXT and bytes(data).isascii()
        m.push(str(data, "ascii") if short else data)

    return handler


def _tuple_of(count: int) -> Handler:
    def handler(m: Machine) -> None:
        values = [m.pop() for _ in range(count)]
        m.push(tuple(reversed(values)))

    return handler


def _proto(m: Machine) -> None:
    m.fail("a second protocol header")


def _frame(m: Machine) -> None:
    length = m.number(_U64)
    if length > len(m.view) - m.pos:
        m.fail(f"the pickle is cut off: a frame of {length} bytes")


def _stop(m: Machine) -> None:
    if m.marks or len(m.stack) != 1:
        m.fail("it ends with values left over")
    m.done = True


def _persistent(m: Machine) -> None:
    if m.load_storage is None:
        m.refuse("a persistent id, which this format does not have")
    m.push(m.load_storage(m, m.pop()))


def _global(m: Machine) -> None:
    module = m.line()
    m.push(resolve(m, module, m.line()))


def _stack_global(m: Machine) -> None:
    name = m.pop()
    m.push(resolve(m, m.pop(), name))


def _reduce(m: Machine) -> None:
    arguments = m.pop()
    m.push(call(m, m.pop(), arguments))


def _newobj(m: Machine) -> None:
    arguments = m.pop()
    m.push(create(m, m.pop(), arguments))


def _newobj_ex(m: Machine) -> None:
    keywords = m.pop()
    arguments = m.pop()
    m.push(create(m, m.pop(), arguments, keywords))


def _instance(m: Machine) -> None:
    m.refuse("an old-style instance (OBJ or INST)")


def _extension(m: Machine) -> None:
    m.refuse("an extension code (EXT1, EXT2 or EXT4)")


def _buffer(m: Machine) -> None:
    m.refuse("a buffer of pickle protocol 5; protocols 2 to 4 are read")


def _build(m: Machine) -> None:
    state = m.pop()
    build(m, m.stack[-1], state)


def _append(m: Machine) -> None:
    item = m.pop()
    extend(m, m.stack[-1], [item])


def _set_item(m: Machine) -> None:
    value = m.pop()
    key = m.pop()
    set_items(m, m.stack[-1], [key, value])


def _appends(m: Machine) -> None:
    items = m.pop_mark()
    extend(m, m.stack[-1], items)


def _set_many(m: Machine) -> None:
    items = m.pop_mark()
    set_items(m, m.stack[-1], items)


def _add_many(m: Machine) -> None:
    items = m.pop_mark()
    add_items(m, m.stack[-1], items)


def _dict(m: Machine) -> None:
    made: dict[Any, Any] = {}
    set_items(m, made, m.pop_mark())
    m.push(made)


def _frozenset(m: Machine) -> None:
    m.push(frozenset(checked(m, m.pop_mark())))


OPCODES: dict[int, Handler] = {
    ord("("): Machine.mark,
    ord("."): _stop,
    ord("0"): lambda m: m.stack.pop() if m.stack else m.pop_mark(),
    ord("1"): Machine.pop_mark,
    ord("2"): lambda m: m.push(m.stack[-1]),
    ord("N"): _push(None),
    0x88: _push(True),
    0x89: _push(False),
    ord("K"): _push_number(_U8),
    ord("M"): _push_number(_U16),
    ord("J"): _push_number(_I32),
    ord("G"): _push_number(_F64),
    0x8A: _long(_U8),
    0x8B: _long(_I32),
    ord("X"): _text(_U32),
    0x8C: _text(_U8),
    0x8D: _text(_U64),
    ord("B"): _bytes(_U32),
    ord("C"): _bytes(_U8),
    0x8E: _bytes(_U64),
    ord("U"): _old_string(_U8),
    ord("T"): _old_string(_I32),
    ord("}"): _push_new(dict),
    ord("]"): _push_new(list),
    0x8F: _push_new(set),
    ord(")"): _push(()),
    0x85: _tuple_of(1),
    0x86: _tuple_of(2),
    0x87: _tuple_of(3),
    ord("t"): lambda m: m.push(tuple(m.pop_mark())),
    ord("l"): lambda m: m.push(m.pop_mark()),
    ord("d"): _dict,
    0x91: _frozenset,
    ord("a"): _append,
    ord("e"): _appends,
    ord("s"): _set_item,
    ord("u"): _set_many,
    0x90: _add_many,
    ord("q"): lambda m: m.put(m.number(_U8)),
    ord("r"): lambda m: m.put(m.number(_U32)),
    0x94: lambda m: m.put(len(m.memo)),
    ord("h"): lambda m: m.get(m.number(_U8)),
    ord("j"): lambda m: m.get(m.number(_U32)),
    0x80: _proto,
    0x95: _frame,
    ord("c"): _global,
    0x93: _stack_global,
    ord("R"): _reduce,
    0x81: _newobj,
    0x92: _newobj_ex,
    ord("b"): _build,
    ord("Q"): _persistent,
    ord("o"): _instance,
    ord("i"): _instance,
    0x82: _extension,
    0x83: _extension,
    0x84: _extension,
    0x96: _buffer,
    0x97: _buffer,
    0x98: _buffer,
}
