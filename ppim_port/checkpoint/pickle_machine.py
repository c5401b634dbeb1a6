"""The state of our pickle machine: a cursor, a stack, marks and a memo.

It imports nothing on behalf of a file. A read beyond the end, a missing mark or an
unknown memo index is an error that names the byte; the memo is a dict, so an absurd
index costs nothing (the C unpickler allocates an array up to it).
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any, NoReturn, TypeAlias

from ppim_port.checkpoint import limits
from ppim_port.errors import CorruptCheckpointError, UnsafeCheckpointError

LoadStorage: TypeAlias = Callable[["Machine", object], object]


class Machine:
    """One pickle being read.

    Args:
        view: The bytes; the pickle may end before they do.
        start: Where it starts.
        where: The file, and the part of it, for messages.
        load_storage: Turns a persistent id into a record; None refuses them.
    """

    __slots__ = (
        "at",
        "done",
        "load_storage",
        "marks",
        "memo",
        "pos",
        "stack",
        "view",
        "where",
    )

    def __init__(
        self,
        view: memoryview,
        start: int,
        *,
        where: str,
        load_storage: LoadStorage | None,
    ) -> None:
        self.view = view
        self.pos = start
        self.at = start
        self.where = where
        self.load_storage = load_storage
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.done = False

    def corrupt(self, text: str) -> CorruptCheckpointError:
        """An error about the opcode at hand."""
        return CorruptCheckpointError(f"{self.where}: at byte {self.at}: {text}")

    def unsafe(self, text: str) -> UnsafeCheckpointError:
        """A refusal of the opcode at hand; nothing of the file was run."""
        return UnsafeCheckpointError(
            f"{self.where}: at byte {self.at}: {text}. Nothing of it was run or kept."
        )

    def fail(self, text: str) -> NoReturn:
        """Raise `corrupt(text)`."""
        raise self.corrupt(text)

    def refuse(self, text: str) -> NoReturn:
        """Raise `unsafe(text)`."""
        raise self.unsafe(text)

    def opcode(self) -> int:
        """The next opcode."""
        self.at = self.pos
        return self.byte()

    def byte(self) -> int:
        """The next byte as a number."""
        if self.pos >= len(self.view):
            self.fail("the pickle is cut off")
        value = self.view[self.pos]
        self.pos += 1
        return value

    def take(self, count: int) -> memoryview:
        """The next `count` bytes, not copied."""
        end = self.pos + count
        if end > len(self.view):
            self.fail(
                f"the pickle is cut off: {count} bytes expected, "
                f"{len(self.view) - self.pos} left"
            )
        piece = self.view[self.pos : end]
        self.pos = end
        return piece

    def number(self, layout: Struct) -> Any:
        """The next number of that layout."""
        return layout.unpack(self.take(layout.size))[0]

    def line(self) -> str:
        """The ASCII text up to the next newline."""
        head = bytes(self.view[self.pos : self.pos + limits.MAX_GLOBAL_BYTES])
        text, newline, _ = head.partition(b"\n")
        if not newline:
            self.fail(f"a name without an end in {limits.MAX_GLOBAL_BYTES} bytes")
        self.pos += len(text) + 1
        return text.decode("ascii")

    def push(self, value: object) -> None:
        """Put a value on the stack."""
        self.stack.append(value)

    def pop(self) -> Any:
        """Take the value on top of the stack, never from below a mark."""
        return self.stack.pop()

    def mark(self) -> None:
        """Start a group of values."""
        if len(self.marks) >= limits.MAX_MARKS:
            self.refuse(f"more than {limits.MAX_MARKS} open marks")
        self.marks.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[Any]:
        """The values since the last mark."""
        group = self.stack
        self.stack = self.marks.pop()
        return group

    def put(self, index: int) -> None:
        """Remember the value on top of the stack."""
        self.memo[index] = self.stack[-1]

    def get(self, index: int) -> None:
        """Put a remembered value on the stack."""
        if index not in self.memo:
            self.fail(f"it refers to memo entry {index}, which it never made")
        self.stack.append(self.memo[index])
