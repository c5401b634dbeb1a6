"""Describe a live Paddle net by the operations that it really executes.

Paddle's own tracer turns the net into a program of primitive operations with all of
their attributes, functional calls too; nothing is taken from the layers' attributes,
which a net is free to ignore. Refused by name: an operation that our vocabulary lacks,
because a description with a hole proves nothing.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from ppim_port.backends.paddle import paddle
from ppim_port.mapping import TensorInfo
from ppim_port.pairs.drafting import Draft, finished, pair, pooling
from ppim_port.pairs.records import (
    IN_OUT,
    LAYOUT,
    OUT_IN,
    NetDescription,
    NetName,
    Op,
    Setting,
)

# A traced operand: an operation's index, a key, a constant, or a list of them.
Operand: TypeAlias = Any
Handler: TypeAlias = Callable[[Draft, list[Operand], dict[str, Any]], Operand]


def describe_paddle(
    net: paddle.nn.Layer, name: NetName, image_size: int, made_with: dict[str, str]
) -> NetDescription:
    """What a net does in evaluation mode; mirrors `describe_torch`.

    Args:
        net: in evaluation mode, float32; not changed.
        name: for the record and for messages.
        image_size: height and width of the picture to run it on, in pixels.
        made_with: package -> version, for the record.

    Raises:
        InputError: the net calls something that we cannot describe.
    """
    state = net.state_dict()
    tensors = {
        key: TensorInfo(tuple(t.shape), str(t.dtype).removeprefix("paddle."))
        for key, t in state.items()
    }
    keys = {t.name: key for key, t in state.items()}
    with _traced(net, image_size) as program:
        ops = _ops(program, keys, Draft(str(name)))
    return NetDescription(name, made_with, image_size, ops, tensors)


@contextlib.contextmanager
def _traced(net: paddle.nn.Layer, image_size: int) -> Iterator[Any]:
    spec = [paddle.static.InputSpec([1, 3, image_size, image_size], "float32")]
    with warnings.catch_warnings(), _silenced():
        warnings.simplefilter("ignore")
        # Any: the tracer puts its own object in the place of a method.
        traced: Any = paddle.jit.to_static(net, input_spec=spec, full_graph=True)
        try:
            yield traced.forward.concrete_program
        finally:
            # The tracer replaced it, and a traced net is not safe among threads.
            traced.forward.rollback()


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Without the tracer's log, which C++ writes past Python's own stderr."""
    with Path(os.devnull).open("wb") as nowhere:
        kept = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _ops(program: Any, keys: dict[str, str], draft: Draft) -> tuple[Op, ...]:
    values: dict[int, Operand] = {}
    for op in program.main_program.global_block().ops:
        # An operand may be absent, as a dropout's seed is.
        operands = [
            values[v.id] if v.initialized() else None for v in op.operands_source()
        ]
        attributes = op.attrs()
        if op.name() == "builtin.parameter":
            result: Operand = keys[attributes["parameter_name"]]
        elif op.name() in HANDLERS:
            result = HANDLERS[op.name()](draft, operands, attributes)
        else:
            draft.refuse(f"it calls {op.name()}")
        # Results that follow the first are statistics, unless a list is taken apart.
        each = result if op.name() == "builtin.split" else [result]
        values.update(zip([r.id for r in op.results()], each, strict=False))
    return finished(draft, values[program.outputs[0].id])


def _conv(draft: Draft, x: list[Operand], a: dict[str, Any]) -> int:
    if a["padding_algorithm"] != "EXPLICIT" or a["data_format"] != "NCHW":
        draft.refuse(f"a convolution in {a['data_format']}, {a['padding_algorithm']}")
    settings: dict[str, Setting] = {
        "stride": pair(a["strides"]),
        "padding": pair(a["paddings"]),
        "dilation": pair(a["dilations"]),
        "groups": a["groups"],
    }
    return draft.add("conv", [x[0]], settings, {"weight": x[1]})


def _matmul(draft: Draft, x: list[Operand], a: dict[str, Any]) -> int:
    if a["transpose_x"] or not isinstance(x[1], str):
        draft.refuse("a product of two matrices that are no layer's")
    layout = OUT_IN if a["transpose_y"] else IN_OUT
    return draft.add("linear", [x[0]], {LAYOUT: layout}, {"weight": x[1]})


def _batch_norm(draft: Draft, x: list[Operand], a: dict[str, Any]) -> int:
    running = a["is_test"] and not a["trainable_statistics"]
    if not running or a["data_format"] != "NCHW":
        draft.refuse(f"a batch norm in {a['data_format']}, running={running}")
    # Paddle's momentum is the part that is kept, PyTorch's the part that is replaced;
    # both settings come as float32.
    settings = {
        "eps": _short(a["epsilon"]),
        "momentum": _short(1 - _short(a["momentum"])),
    }
    roles = ("running_mean", "running_var", "weight", "bias")
    keys = dict(zip(roles, x[1:], strict=True))
    ordered = {role: keys[role] for role in sorted(roles, key=_BATCH_NORM.index)}
    return draft.add("batch_norm", [x[0]], settings, ordered)


_BATCH_NORM = ("weight", "bias", "running_mean", "running_var")


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _pool(draft: Draft, x: list[Operand], a: dict[str, Any]) -> int:
    if a["padding_algorithm"] != "EXPLICIT" or a["data_format"] != "NCHW":
        draft.refuse(f"a pooling in {a['data_format']}, {a['padding_algorithm']}")
    average = a["pooling_type"] == "avg"
    if a["adaptive"] and average:
        return draft.add("adaptive_avg_pool", [x[0]], {"size": pair(x[1])})
    if a["adaptive"] or a["global_pooling"]:
        draft.refuse(f"a {a['pooling_type']} pooling to a given size")
    settings = pooling(
        x[1],
        a["strides"],
        a["paddings"],
        ceil_mode=a["ceil_mode"],
        count_include_pad=not a["exclusive"] if average else None,
    )
    return draft.add("avg_pool" if average else "max_pool", [x[0]], settings)


def _add(draft: Draft, x: list[Operand], a: dict[str, Any]) -> int:
    if isinstance(x[1], str):
        return draft.bias(x[0], x[1])
    return draft.add("add", x)


def _concat(draft: Draft, x: list[Operand], a: dict[str, Any]) -> int:
    return draft.concat(x[0], int(x[1]))


def _split(draft: Draft, x: list[Operand], a: dict[str, Any]) -> list[int]:
    if len(set(x[1])) != 1:
        draft.refuse(f"a split in parts of {x[1]}")
    return _parts(draft, x[0], len(x[1]), int(x[2]))


def _parts(draft: Draft, whole: int, count: int, axis: int) -> list[int]:
    return [
        draft.add("split", [whole], {"axis": axis, "parts": count, "part": part})
        for part in range(count)
    ]


def _dropout(draft: Draft, x: list[Operand], a: dict[str, Any]) -> int:
    if not a["is_test"]:
        draft.refuse("a dropout that is on in evaluation")
    # The tracer's own word for "downscale_in_infer".
    scaled = a["mode"] == "downgrade_in_infer"
    mode = "downscale_in_infer" if scaled else str(a["mode"])
    return draft.add("dropout", [x[0]], {"p": _short(x[2]), "mode": mode})


def _flatten(draft: Draft, x: list[Operand], a: dict[str, Any]) -> int:
    if (a["start_axis"], a["stop_axis"]) not in ((1, 3), (1, -1)):
        draft.refuse(f"a flattening of axes {a['start_axis']} to {a['stop_axis']}")
    return draft.flatten(x[0])


def _squeeze(draft: Draft, x: list[Operand], a: dict[str, Any]) -> int:
    if list(x[1]) != [2, 3]:
        draft.refuse(f"the axes {list(x[1])} are dropped")
    return draft.squeeze(x[0])


def _reshape(draft: Draft, x: list[Operand], a: dict[str, Any]) -> Operand:
    # A bias is given its place in `[N, C, H, W]` before it is added.
    return x[0] if isinstance(x[0], str) else draft.reshape(x[0], x[1])


def _hardsigmoid(draft: Draft, x: list[Operand], a: dict[str, Any]) -> int:
    return draft.add(
        "hardsigmoid", [x[0]], {"slope": a["slope"], "offset": a["offset"]}
    )


HANDLERS: dict[str, Handler] = {
    "pd_op.data": lambda draft, x, a: draft.add("input"),
    "pd_op.full": lambda draft, x, a: a["value"],
    "pd_op.full_int_array": lambda draft, x, a: a["value"],
    "builtin.combine": lambda draft, x, a: x,
    "builtin.split": lambda draft, x, a: x[0],
    "pd_op.conv2d": _conv,
    "pd_op.depthwise_conv2d": _conv,
    "pd_op.matmul": _matmul,
    "pd_op.batch_norm_": _batch_norm,
    "pd_op.relu": lambda draft, x, a: draft.add("relu", [x[0]]),
    "pd_op.relu6": lambda draft, x, a: draft.relu6(x[0]),
    "pd_op.hardswish": lambda draft, x, a: draft.add("hardswish", [x[0]]),
    "pd_op.hardsigmoid": _hardsigmoid,
    "pd_op.scale": lambda draft, x, a: draft.scale(x[0], x[1], a["bias"]),
    "pd_op.pool2d": _pool,
    "pd_op.dropout": _dropout,
    "pd_op.flatten": _flatten,
    "pd_op.squeeze": _squeeze,
    "pd_op.reshape": _reshape,
    "pd_op.transpose": lambda draft, x, a: draft.transpose(x[0], a["perm"]),
    "pd_op.concat": _concat,
    "pd_op.split": _split,
    "pd_op.split_with_num": lambda d, x, a: _parts(d, x[0], a["num"], int(x[1])),
    "pd_op.add": _add,
    "pd_op.multiply": lambda draft, x, a: draft.add("mul", x),
}
