"""A PyTorch net as an ONNX model, by `torch.onnx`, for families without a program.

An involution is traced as one mark, which becomes nodes afterwards: our C++ operator is
no part of ONNX, and of PyTorch's own operators, 49 times three an involution, a
RedNet-26 took seven minutes to trace (torch 2.13.0).
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from dataclasses import asdict

import torch
from onnx import ModelProto, helper

from ppim_port.export.nets import Subject
from ppim_port.export.onnx_graphs import BATCH, INPUT, OUTPUT
from ppim_port.export.onnx_nodes import Nodes, Window, involution
from ppim_port.export.records import Batch
from ppim_port.ops.involution_torch import Involution

DOMAIN = "ppim_port"


class TracedInvolution(Involution):
    """The same layer with a mark in place of the involution; traced and never run."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See `Involution.forward`."""
        weight = self.conv2(self.conv1(self.avgpool(x)))
        _, channels, high, wide = x.shape
        window = Window(
            channels=channels,
            high=high,
            wide=wide,
            groups=self.groups,
            height=weight.shape[2],
            width=weight.shape[3],
            kernel_size=self.kernel_size,
            stride=self.stride,
            dilation=self.dilation,
        )
        weight = weight.reshape(
            -1, self.groups, self.kernel_size**2, window.height, window.width
        )
        return torch.onnx.ops.symbolic(
            f"{DOMAIN}::Involution",
            (x, weight),
            asdict(window),
            dtype=x.dtype,
            shape=(x.shape[0], channels, window.height, window.width),
            version=1,
        )


def _expanded(model: ModelProto) -> None:
    """Every marked node becomes nodes that every runtime knows."""
    nodes = []
    for at, node in enumerate(model.graph.node):
        if node.domain != DOMAIN:
            nodes.append(node)
            continue
        window = Window(
            **{a.name: helper.get_attribute_value(a) for a in node.attribute}
        )
        graph = Nodes(f"involution_{at}_")
        x, kernels = node.input
        involution(graph, x, kernels, window)
        graph.nodes[-1].output[0] = node.output[0]
        nodes += graph.nodes
        model.graph.initializer.extend(graph.initializers)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    known = [opset for opset in model.opset_import if opset.domain != DOMAIN]
    del model.opset_import[:]
    model.opset_import.extend(known)


def plain_model(subject: Subject, *, batch: Batch, opset: int) -> ModelProto:
    """The net as it is, batch norms where they are; see `onnx_graphs.fused_model`.

    Args:
        subject: the net, of PyTorch.
        batch: N, or any.
        opset: version of the operators.
    """
    net = subject.backend.build(subject.config)
    subject.backend.load(net, subject.state)
    for layer in net.modules():
        if type(layer) is Involution:
            layer.__class__ = TracedInvolution
    # Of a batch of one, an exporter would take the one for a constant.
    count = 2 if batch == "dynamic" else batch
    images = torch.zeros(count, 3, subject.image_size, subject.image_size)
    shapes = {0: torch.export.Dim(BATCH)} if batch == "dynamic" else None
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            net,
            (images,),
            input_names=[INPUT],
            output_names=[OUTPUT],
            opset_version=opset,
            dynamo=True,
            dynamic_shapes=(shapes,) if shapes else None,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    _expanded(model)
    return model


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks about itself (torch 2.13.0, onnxscript 0.7.2)."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
