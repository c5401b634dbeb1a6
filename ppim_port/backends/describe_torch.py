"""Describe a live PyTorch net by the operations that it really executes.

`torch.export` runs the net on a picture and writes down every ATen call with all of
its arguments, functional ones too; nothing is taken from the layers' attributes, which
a net is free to ignore. Refused by name: a call that our vocabulary lacks, because a
description with a hole proves nothing.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

import torch

from ppim_port.mapping import TensorInfo
from ppim_port.pairs.drafting import Draft, finished, pair, pooling
from ppim_port.pairs.records import (
    LAYOUT,
    OUT_IN,
    NetDescription,
    NetName,
    Op,
    Setting,
)

Arguments: TypeAlias = dict[str, Any]
# Draft, arguments by name with traced values as indexes and weights as keys -> index,
# or a whole and how many parts of it are to come.
Handler: TypeAlias = Callable[[Draft, Arguments], int | tuple[int, int, int]]


def describe_torch(
    net: torch.nn.Module, name: NetName, image_size: int, made_with: dict[str, str]
) -> NetDescription:
    """What a net does in evaluation mode.

    Args:
        net: in evaluation mode, float32; not changed.
        name: for the record and for messages.
        image_size: height and width of the picture to run it on, in pixels.
        made_with: package -> version, for the record.

    Raises:
        InputError: the net calls something that we cannot describe.
    """
    image = torch.zeros(1, 3, image_size, image_size)
    exported = torch.export.export(net, (image,), strict=False)
    tensors = {
        key: TensorInfo(tuple(t.shape), str(t.dtype).removeprefix("torch."))
        for key, t in net.state_dict().items()
    }
    return NetDescription(name, made_with, image_size, _ops(exported, name), tensors)


def _ops(exported: torch.export.ExportedProgram, name: NetName) -> tuple[Op, ...]:
    draft, values = Draft(str(name)), dict[str, Any]()
    signature = exported.graph_signature
    keys = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    for node in exported.graph.nodes:
        if node.op == "placeholder":
            values[node.name] = keys.get(node.name) or draft.add("input")
        elif node.op == "call_function":
            values[node.name] = _called(draft, node, values)
    output = next(node for node in exported.graph.nodes if node.op == "output")
    return finished(draft, values[output.args[0][0].name])


def _called(draft: Draft, node: torch.fx.Node, values: dict[str, Any]) -> Any:
    def value(argument: Any) -> Any:
        return values[argument.name]

    args: Any = torch.fx.node.map_arg(node.args, value)
    if node.target is operator.getitem:
        return _part(draft, *args)
    assert isinstance(node.target, torch._ops.OpOverload)
    schema = node.target._schema
    named = {a.name: a.default_value for a in schema.arguments if a.has_default_value()}
    named |= zip([a.name for a in schema.arguments], args, strict=False)
    named |= torch.fx.node.map_arg(node.kwargs, value)
    named["x"] = args[0]
    # An operation in place is the same operation, but its operand changes with it.
    in_place = schema.is_mutable
    handler = HANDLERS.get(schema.name.removeprefix("aten::").removesuffix("_"))
    if handler is None:
        draft.refuse(f"it calls {schema.name}")
    result = handler(draft, named)
    if in_place:
        changed = node.args[0]
        assert isinstance(changed, torch.fx.Node)
        values.update({k: result for k, v in values.items() if v == args[0]})
        values[changed.name] = result
    return result


def _part(draft: Draft, parts: tuple[int, int, int], which: int) -> int:
    whole, count, axis = parts
    return draft.add("split", [whole], {"axis": axis, "parts": count, "part": which})


def _conv(draft: Draft, a: Arguments) -> int:
    settings: dict[str, Setting] = {
        name: pair(a[name]) for name in ("stride", "padding", "dilation")
    }
    settings["groups"] = a["groups"]
    return draft.add("conv", [a["x"]], settings, _weights(a))


def _linear(draft: Draft, a: Arguments) -> int:
    return draft.add("linear", [a["x"]], {LAYOUT: OUT_IN}, _weights(a))


def _weights(a: Arguments) -> dict[str, str]:
    return {role: a[role] for role in ("weight", "bias") if a[role] is not None}


def _batch_norm(draft: Draft, a: Arguments) -> int:
    if a["training"]:
        draft.refuse("a batch norm that uses the batch's own statistics")
    roles = ("weight", "bias", "running_mean", "running_var")
    settings = {"eps": a["eps"], "momentum": round(a["momentum"], 12)}
    return draft.add("batch_norm", [a["x"]], settings, {r: a[r] for r in roles})


def _hardtanh(draft: Draft, a: Arguments) -> int:
    if (a["min_val"], a["max_val"]) != (0, 6):
        draft.refuse(f"a hardtanh from {a['min_val']} to {a['max_val']}")
    return draft.relu6(a["x"])


def _hardsigmoid(draft: Draft, a: Arguments) -> int:
    return draft.add("hardsigmoid", [a["x"]], {"slope": 1 / 6, "offset": 0.5})


def _max_pool(draft: Draft, a: Arguments) -> int:
    if any(step != 1 for step in a["dilation"]):
        draft.refuse(f"a max pool of dilation {a['dilation']}")
    settings = pooling(
        a["kernel_size"], a["stride"], a["padding"], ceil_mode=a["ceil_mode"]
    )
    return draft.add("max_pool", [a["x"]], settings)


def _avg_pool(draft: Draft, a: Arguments) -> int:
    if a["divisor_override"] is not None:
        draft.refuse(f"an average pool with the divisor {a['divisor_override']}")
    settings = pooling(
        a["kernel_size"],
        a["stride"],
        a["padding"],
        ceil_mode=a["ceil_mode"],
        count_include_pad=a["count_include_pad"],
    )
    return draft.add("avg_pool", [a["x"]], settings)


def _adaptive(draft: Draft, a: Arguments) -> int:
    return draft.add("adaptive_avg_pool", [a["x"]], {"size": pair(a["output_size"])})


def _mean(draft: Draft, a: Arguments) -> int:
    if sorted(a["dim"]) not in ([2, 3], [-2, -1]):
        draft.refuse(f"a mean over the axes {a['dim']}")
    return draft.mean(a["x"], keepdim=a["keepdim"])


def _flatten(draft: Draft, a: Arguments) -> int:
    if (a["start_dim"], a["end_dim"]) != (1, -1):
        draft.refuse(f"a flattening of axes {a['start_dim']} to {a['end_dim']}")
    return draft.flatten(a["x"])


def _cat(draft: Draft, a: Arguments) -> int:
    return draft.concat(a["tensors"], a["dim"])


def _dropout(draft: Draft, a: Arguments) -> int:
    if a["train"]:
        draft.refuse("a dropout that is on in evaluation")
    settings: dict[str, Setting] = {"p": a["p"], "mode": "upscale_in_train"}
    return draft.add("dropout", [a["x"]], settings)


def _add(draft: Draft, a: Arguments) -> int:
    if a["alpha"] != 1:
        draft.refuse(f"a sum with a factor of {a['alpha']}")
    return draft.add("add", [a["x"], a["other"]])


def _mul(draft: Draft, a: Arguments) -> int:
    return draft.add("mul", [a["x"], a["other"]])


def _transpose(draft: Draft, a: Arguments) -> int:
    order = [0, 1, 2, 3, 4]
    order[a["dim0"]], order[a["dim1"]] = order[a["dim1"]], order[a["dim0"]]
    return draft.transpose(a["x"], order)


HANDLERS: dict[str, Handler] = {
    "conv2d": _conv,
    "linear": _linear,
    "batch_norm": _batch_norm,
    "relu": lambda draft, a: draft.add("relu", [a["x"]]),
    "relu6": lambda draft, a: draft.relu6(a["x"]),
    "hardtanh": _hardtanh,
    "hardswish": lambda draft, a: draft.add("hardswish", [a["x"]]),
    "hardsigmoid": _hardsigmoid,
    "max_pool2d": _max_pool,
    "avg_pool2d": _avg_pool,
    "adaptive_avg_pool2d": _adaptive,
    "mean": _mean,
    "flatten": _flatten,
    "view": lambda draft, a: draft.reshape(a["x"], a["size"]),
    "transpose": _transpose,
    "contiguous": lambda draft, a: a["x"],
    "chunk": lambda draft, a: (a["x"], a["chunks"], a["dim"]),
    "cat": _cat,
    "dropout": _dropout,
    "add": _add,
    "mul": _mul,
}
