"""Reading one pickle into inert records: no import, no call, no recursion.

Whatever a file does wrong ends in CorruptCheckpointError, whatever it asks for beyond
weights in UnsafeCheckpointError; both name the byte and never show contents.
"""

from __future__ import annotations

from collections.abc import Mapping

from ppim_port.checkpoint import limits
from ppim_port.checkpoint.pickle_machine import LoadStorage, Machine
from ppim_port.checkpoint.pickle_opcodes import OPCODES, Handler

_PROTOCOLS = range(2, 5)
# What Python itself raises when stack, marks, text or numbers do not fit.
_MISFITS = (IndexError, TypeError, ValueError, OverflowError)


def load_pickle(
    view: memoryview,
    *,
    where: str,
    start: int = 0,
    load_storage: LoadStorage | None = None,
    opcodes: Mapping[int, Handler] = OPCODES,
) -> tuple[object, int]:
    """Interpret the pickle at `start`.

    Args:
        view: Bytes that hold it.
        where: The file and the part of it, for messages.
        start: Its first byte.
        load_storage: Makes records of torch's persistent ids.
        opcodes: The table of opcodes; another is for pickles that hold no weights.

    Returns:
        The value, and the offset just behind the pickle.

    Raises:
        CorruptCheckpointError: It is cut off or malformed.
        UnsafeCheckpointError: It asks for code or for absurd resources.
    """
    m = Machine(view, start, where=where, load_storage=load_storage)
    _check_header(m)
    try:
        _run(m, opcodes)
    except _MISFITS as error:
        text = f"malformed pickle ({type(error).__name__})"
        raise m.corrupt(text) from None
    except MemoryError:
        text = "more memory than there is"
        raise m.unsafe(text) from None
    return m.stack[0], m.pos


def load_whole(
    view: memoryview,
    *,
    where: str,
    load_storage: LoadStorage | None = None,
    opcodes: Mapping[int, Handler] = OPCODES,
) -> object:
    """Interpret a pickle that must end where `view` ends."""
    value, end = load_pickle(
        view, where=where, load_storage=load_storage, opcodes=opcodes
    )
    if end != len(view):
        m = Machine(view, end, where=where, load_storage=None)
        m.fail(f"{len(view) - end} bytes follow the end of the pickle")
    return value


def _check_header(m: Machine) -> None:
    if m.opcode() != 0x80:
        m.fail("no pickle of protocol 2 to 4 starts here")
    version = m.byte()
    if version not in _PROTOCOLS:
        m.refuse(f"pickle protocol {version}; protocols 2 to 4 are read")


def _run(m: Machine, opcodes: Mapping[int, Handler]) -> None:
    for _ in range(limits.MAX_OPCODES):
        code = m.opcode()
        handler = opcodes.get(code)
        if handler is None:
            m.refuse(f"opcode 0x{code:02x}, which no framework writes")
        handler(m)
        if m.done:
            return
    m.refuse(f"more than {limits.MAX_OPCODES} opcodes")
