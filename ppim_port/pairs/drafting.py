"""Turn a framework's trace into a description: both adapters write through this.

What the frameworks spell differently and mean alike is written one way here: a bias
that is added after its layer, a shuffle of channels spelled as three reshapes, a mean
over the picture, channels that are joined one by one. Refused: whatever cannot be
written without loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn, TypeAlias

from ppim_port.errors import InputError
from ppim_port.pairs.records import Kind, Op, Setting

# An operation that waits for the rest of its idiom: what, on which, how.
Waiting: TypeAlias = tuple[str, int, tuple[int, ...]]

_NOTHING: Final[Waiting] = ("", 0, ())
_SHUFFLE: Final = (0, 2, 1, 3, 4)
# A tracer rounds a scalar to float32, the net does not.
_FLOAT32: Final = 1e-7


class Value(int):
    """The index of an operation, told from a plain number in the net by its type."""

    __slots__ = ()


@dataclass(slots=True)
class Draft:
    """Operations as they are traced.

    Attributes:
        owner: the net's name, for messages.
        ops: what was drafted; indexes are stable, and below 0 while an operation waits
            for the rest of its idiom.
    """

    owner: str
    ops: list[Op] = field(default_factory=list)
    _waiting: dict[int, Waiting] = field(default_factory=dict)

    def add(
        self,
        kind: Kind,
        inputs: Sequence[int] = (),
        settings: Mapping[str, Setting] | None = None,
        tensors: Mapping[str, str] | None = None,
    ) -> int:
        """Draft an operation; its index."""
        for index in inputs:
            self._settled(index)
        self.ops.append(Op(kind, tuple(inputs), settings or {}, tensors or {}))
        return Value(len(self.ops) - 1)

    def bias(self, index: int, key: str) -> int:
        """Give the layer at `index` the bias that its framework adds after it."""
        op = self._settled(index)
        if op.kind not in ("conv", "linear") or "bias" in op.tensors:
            self.refuse(f"{key} is added to the {op.kind} at {index}")
        tensors = {**op.tensors, "bias": key}
        self.ops[index] = Op(op.kind, op.inputs, op.settings, tensors)
        return index

    def concat(self, parts: Sequence[int], axis: int) -> int:
        """Join tensors; what was itself joined on the same axis is joined at once."""
        flat: list[int] = []
        for part in parts:
            op = self._settled(part)
            nested = op.kind == "concat" and op.settings["axis"] == axis
            flat += op.inputs if nested else (part,)
        return flat[0] if len(flat) == 1 else self.add("concat", flat, {"axis": axis})

    def mean(self, index: int, *, keepdim: bool) -> int:
        """The mean over height and width."""
        pooled = self.add("adaptive_avg_pool", [index], {"size": (1, 1)})
        return pooled if keepdim else self.flatten(pooled)

    def flatten(self, index: int) -> int:
        """To `[N, features]`; before a dropout, which does not mind."""
        op = self._settled(index)
        if op.kind == "dropout":
            return self.add("dropout", [self.flatten(op.inputs[0])], op.settings)
        return self.add("flatten", [index])

    def squeeze(self, index: int) -> int:
        """Drop height and width, which must be 1 for a picture of any size."""
        above = self._settled(index)
        while above.kind == "dropout":
            above = self.ops[above.inputs[0]]
        if (above.kind, above.settings.get("size")) != ("adaptive_avg_pool", (1, 1)):
            self.refuse(f"the axes of a {above.kind} are dropped")
        return self.flatten(index)

    def reshape(self, index: int, shape: Sequence[int]) -> int:
        """One step of a channel shuffle, or a flattening to `[N, features]`."""
        wanted = tuple(shape)
        if len(wanted) == 2 and wanted[0] in (1, -1):
            return self.flatten(index)
        if len(wanted) == 4 and index < 0:
            return self._shuffled(index, wanted)
        if len(wanted) != 5 or index < 0:
            self.refuse(f"a reshape to {list(wanted)}")
        return self._wait("reshape", index, wanted)

    def transpose(self, index: int, order: Sequence[int]) -> int:
        """The middle step of a channel shuffle."""
        wanted = tuple(order)
        if wanted != _SHUFFLE or self._waiting.get(index, _NOTHING)[0] != "reshape":
            self.refuse(f"a transpose to {list(wanted)}")
        return self._wait("transpose", index, wanted)

    def scale(self, index: int, factor: float, shift: float) -> int:
        """One step of `relu6(x + 3) / 6`, the other spelling of a hard sigmoid."""
        what, before, _ = self._waiting.get(index, _NOTHING)
        if not what and (factor, shift) == (1, 3):
            return self._wait("shift", index, (3,))
        if what != "relu6" or abs(factor - 1 / 6) > _FLOAT32 or shift:
            self.refuse(f"a product with {factor} and a sum with {shift}")
        _, first, _ = self._waiting[before]
        return self.add("hardsigmoid", [first], {"slope": 1 / 6, "offset": 0.5})

    def relu6(self, index: int) -> int:
        """A relu6, or the middle step of a hard sigmoid."""
        if self._waiting.get(index, _NOTHING)[0] == "shift":
            return self._wait("relu6", index, ())
        return self.add("relu6", [index])

    def refuse(self, what: str) -> NoReturn:
        """Say what cannot be described.

        Raises:
            InputError: always.
        """
        message = (
            f"{self.owner} cannot be described: {what}. Nothing was compared; the net "
            "is built in a way that this version does not know."
        )
        raise InputError(message)

    def _wait(self, what: str, index: int, asked: tuple[int, ...]) -> int:
        ticket = Value(-len(self._waiting) - 1)
        self._waiting[ticket] = (what, index, asked)
        return ticket

    def _shuffled(self, ticket: int, shape: tuple[int, ...]) -> int:
        what, before, _ = self._waiting[ticket]
        if what != "transpose":
            self.refuse(f"a {what} followed by a reshape to {list(shape)}")
        _, index, (_, groups, each, height, width) = self._waiting[before]
        if shape[1:] != (groups * each, height, width):
            self.refuse(f"a shuffle of channels that ends in {list(shape)}")
        return self.add("channel_shuffle", [index], {"groups": groups})

    def _settled(self, index: int) -> Op:
        """The operation at an index, which must not wait for anything."""
        if not isinstance(index, Value):
            self.refuse(f"{index!r} where only a tensor can be described")
        if index < 0:
            what, _, asked = self._waiting[index]
            self.refuse(f"a {what} {list(asked)} that is no part of a known idiom")
        return self.ops[index]


def finished(draft: Draft, output: int) -> tuple[Op, ...]:
    """The operations that the output needs, in execution order."""
    last = draft.add("output", [output])
    needed = {last}
    for index in range(last, -1, -1):
        if index in needed:
            needed.update(draft.ops[index].inputs)
    new = {old: place for place, old in enumerate(sorted(needed))}
    return tuple(_moved(draft.ops[old], new) for old in new)


def pooling(
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    *,
    ceil_mode: bool,
    count_include_pad: bool | None = None,
) -> dict[str, Setting]:
    """Settings of a pooling; `count_include_pad` only where there is any to count."""
    settings: dict[str, Setting] = {
        "kernel": pair(kernel),
        "stride": pair(stride or kernel),
        "padding": pair(padding),
        "ceil_mode": ceil_mode,
    }
    if count_include_pad is not None and (any(padding) or ceil_mode):
        settings["count_include_pad"] = count_include_pad
    return settings


def pair(value: Sequence[int]) -> tuple[int, ...]:
    """Height and width, where one number says both."""
    values = tuple(int(v) for v in value)
    return values * 2 if len(values) == 1 else values


def _moved(op: Op, new: Mapping[int, int]) -> Op:
    inputs = tuple(new[index] for index in op.inputs)
    return Op(op.kind, inputs, op.settings, op.tensors)
