"""A net as an ONNX model: of its inference form, without any framework."""

from __future__ import annotations

from onnx import ModelProto, TensorProto, helper

from ppim_port.errors import UsageError
from ppim_port.export.nets import Subject
from ppim_port.export.onnx_engine import OnnxEngine, Value
from ppim_port.export.records import Batch
from ppim_port.inference.programs import has_program, make_program

INPUT, OUTPUT = "images", "logits"
BATCH = "batch"
_ELEMENTS = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE}


def fused_model(
    subject: Subject, *, batch: Batch, opset: int, dtype: str = "float32"
) -> ModelProto:
    """The inference form: images `[N, 3, H, W]` to logits `[N, classes]`.

    Args:
        subject: the net, of either framework.
        batch: N, or any.
        opset: version of the operators.
        dtype: of weights, images and logits: "float32" or "float64".

    Raises:
        UsageError: the family has no inference form.
    """
    if not has_program(subject.config):
        message = (
            f"The family {subject.config.family} has no inference form to export; "
            "leave fused out to export the plain net. Nothing was written."
        )
        raise UsageError(message)
    engine, size = OnnxEngine(dtype), subject.image_size
    run = make_program(engine, subject.state, subject.backend.name, subject.config)
    logits = run(Value(INPUT, 3, size, size))
    # The last node gets the name that users read.
    engine.graph.nodes[-1].output[0] = OUTPUT
    assert logits.channels == subject.config.num_classes
    count = BATCH if batch == "dynamic" else batch
    kind = _ELEMENTS[dtype]
    graph = helper.make_graph(
        engine.graph.nodes,
        subject.record.name,
        [helper.make_tensor_value_info(INPUT, kind, [count, 3, size, size])],
        [helper.make_tensor_value_info(OUTPUT, kind, [count, logits.channels])],
        engine.graph.initializers,
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(
        graph,
        opset_imports=opsets,
        ir_version=helper.find_min_ir_version_for(opsets),
        producer_name="ppim_port",
    )
