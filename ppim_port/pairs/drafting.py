"""Turn a framework's trace into a description: both adapters write through this.

What the frameworks spell differently and mean alike is written one way here: a bias
that is added after its layer, a shuffle of channels spelled as three reshapes, a mean
over the picture. Refused: whatever cannot be written without loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ppim_port.errors import InputError
from ppim_port.pairs.records import Kind, Op, Setting

Values = Mapping[str, Setting]


@dataclass(slots=True)
class Draft:
    """Operations as they are traced.

    Attributes:
        owner: the net's name, for messages.
        ops: what was drafted; indexes are stable.
        shapes: of reshapes and transposes that wait for the rest of their shuffle:
            index of the operation -> what was asked of it.
    """

    owner: str
    ops: list[Op] = field(default_factory=list)
    _waiting: dict[int, tuple[str, int, tuple[int, ...]]] = field(default_factory=dict)

    def add(
        self,
        kind: Kind,
        inputs: Sequence[int] = (),
        settings: Values | None = None,
        tensors: Mapping[str, str] | None = None,
    ) -> int:
        """Draft an operation; its index."""
        for index in inputs:
            self._settled(index)
        self.ops.append(Op(kind, tuple(inputs), settings or {}, tensors or {}))
        return len(self.ops) - 1

    def bias(self, index: int, key: str) -> int:
        """Give the layer at `index` the bias that its framework adds after it."""
        op = self.ops[index]
        if op.kind not in ("conv", "linear") or "bias" in op.tensors:
            self.refuse(f"{key} is added to the {op.kind} at {index}")
        tensors = {**op.tensors, "bias": key}
        self.ops[index] = Op(op.kind, op.inputs, op.settings, tensors)
        return index

    def mean(self, index: int, *, keepdim: bool) -> int:
        """The mean over height and width."""
        pooled = self.add("adaptive_avg_pool", [index], {"size": (1, 1)})
        return pooled if keepdim else self.add("flatten", [pooled])

    def squeeze(self, index: int) -> int:
        """Drop height and width, which must be 1 for a picture of any size."""
        above = self.ops[index]
        while above.kind == "dropout":
            above = self.ops[above.inputs[0]]
        if (above.kind, above.settings.get("size")) != ("adaptive_avg_pool", (1, 1)):
            self.refuse(f"the axes of a {above.kind} are dropped")
        return self.add("flatten", [index])

    def reshape(self, index: int, shape: Sequence[int]) -> int:
        """One step of a channel shuffle, or a flattening to `[N, features]`."""
        wanted = tuple(shape)
        if len(wanted) == 2 and wanted[0] in (1, -1):
            return self.add("flatten", [index])
        if len(wanted) == 4 and index < 0:
            return self._shuffled(index, wanted)
        if len(wanted) != 5 or index < 0:
            self.refuse(f"a reshape to {list(wanted)}")
        return self._wait("reshape", index, wanted)

    def transpose(self, index: int, order: Sequence[int]) -> int:
        """The middle step of a channel shuffle."""
        wanted = tuple(order)
        known = self._waiting.get(index, ("", 0, ()))
        if wanted != (0, 2, 1, 3, 4) or known[0] != "reshape":
            self.refuse(f"a transpose to {list(wanted)}")
        return self._wait("transpose", index, wanted)

    def refuse(self, what: str) -> None:
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
        ticket = -len(self._waiting) - 1
        self._waiting[ticket] = (what, index, asked)
        return ticket

    def _shuffled(self, ticket: int, shape: tuple[int, ...]) -> int:
        what, before, _ = self._waiting[ticket]
        _, index, (_, groups, each, height, width) = self._waiting[before]
        if what != "transpose" or shape[1:] != (groups * each, height, width):
            self.refuse(f"a {what} followed by a reshape to {list(shape)}")
        return self.add("channel_shuffle", [index], {"groups": groups})

    def _settled(self, index: int) -> None:
        if index < 0:
            what, _, asked = self._waiting[index]
            self.refuse(f"a {what} to {list(asked)} that no shuffle of channels needs")


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
