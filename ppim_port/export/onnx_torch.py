"""A PyTorch net as an ONNX model, by `torch.onnx`, for families without a program.

Involutions are written in a form of PyTorch's own operators that takes any number of
pictures: our C++ operator is no part of ONNX, and the form by shifts takes pictures one
by one.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import cast

import torch
from onnx import ModelProto
from torch.nn import functional as F

from ppim_port.export.nets import Subject
from ppim_port.export.onnx_graphs import BATCH, INPUT, OUTPUT
from ppim_port.export.records import Batch
from ppim_port.ops.involution_torch import Involution


class PortableInvolution(Involution):
    """The same layer in operators that every exporter knows."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See `Involution.forward`."""
        weight = self.conv2(self.conv1(self.avgpool(x)))
        size, height, width = self.kernel_size, weight.shape[2], weight.shape[3]
        weight = weight.reshape(-1, self.groups, size**2, height, width)
        reach = self.dilation * (size - 1) // 2
        padded = F.pad(x, [reach] * 4)
        padded = padded.reshape(
            -1, self.groups, x.shape[1] // self.groups, *padded.shape[2:]
        )
        rows = self.stride * (height - 1) + 1
        columns = self.stride * (width - 1) + 1
        out = None
        for tap in range(size**2):
            i, j = (self.dilation * step for step in divmod(tap, size))
            view = padded[..., i : i + rows : self.stride, j : j + columns : self.stride]
            part = weight[:, :, tap : tap + 1] * view
            out = part if out is None else out + part
        assert out is not None
        return out.reshape(-1, x.shape[1], height, width)


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
            layer.__class__ = PortableInvolution
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
    return cast(ModelProto, program.model_proto)


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
