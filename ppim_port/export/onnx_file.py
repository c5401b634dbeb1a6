"""`export_onnx`: a live net to a verified ONNX file."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppim_port.atomic import atomic_write
from ppim_port.checkpoint import sha256_file
from ppim_port.errors import MissingPackageError, OutputError, UsageError
from ppim_port.export.nets import (
    Reference,
    Run,
    Subject,
    batches,
    metadata,
    reference,
    subject_of,
    verify,
)
from ppim_port.export.records import (
    IMAGE_SIZE,
    OPSET,
    Batch,
    Check,
    Exported,
    check_batch,
    check_opset,
)

if TYPE_CHECKING:
    from onnx import ModelProto

PREFIX = "ppim_port."


def export_onnx(
    model: Any,
    path: str | Path,
    *,
    batch: Batch = "dynamic",
    image_size: int | None = None,
    opset: int = OPSET,
    fused: bool = False,
    weights: Path | None = None,
    overwrite: bool = False,
) -> Exported:
    """Write a net as an ONNX file, and prove it before it gets its name.

    ONNX Runtime's logits are compared with the net's own in float32 and with the net's
    in float64, with and without its optimisations.

    Args:
        model: a net of `create_model`: of PyTorch, or with `fused` of either framework.
        path: of the file.
        batch: pictures at once, or "dynamic" for any number.
        image_size: pixels of a side; None takes what the net was made for.
        opset: version of ONNX's operators, 18 to 23.
        fused: write the inference form (batch norms folded), which needs no framework;
            else what the net itself does, traced by `torch.onnx`.
        weights: the file that the net was loaded from, to be named in the metadata.
        overwrite: whether a file at `path` may be replaced.

    Returns:
        What was written, with every check that it passed.

    Raises:
        UsageError: no net of ours, or options that it cannot be exported with.
        MissingPackageError: onnx, onnxruntime, or for plain nets onnxscript is absent.
        InputSizeError: a size that the net cannot take.
        VerificationError: ONNX Runtime disagrees; nothing was written.
        OutputExistsError: something is at `path`.
    """
    _require(plain=not fused)
    check_batch(batch)
    check_opset(opset)
    subject = subject_of(model, image_size, IMAGE_SIZE)
    target = Path(path)
    made = _model(subject, batch, opset, fused)
    about = metadata(
        subject,
        form="fused" if fused else "plain",
        versions=_versions(subject, fused),
        weights=weights,
    )
    for key, value in about.items():
        made.metadata_props.add(key=PREFIX + key, value=value)
    _check_graph(made)
    data = made.SerializeToString(deterministic=True)
    known = reference(subject, max(batches(batch)))
    try:
        with atomic_write(target, overwrite=overwrite) as draft:
            draft.file.write(data)
            draft.sync()
            checks = _verified(draft.path, known, batch, target)
    except OSError as error:
        message = f"{target}: cannot be written: {error.strerror or error}. "
        raise OutputError(message + "What was there before is unchanged.") from error
    return Exported(target, len(data), sha256_file(target), about, checks)


def _model(subject: Subject, batch: Batch, opset: int, fused: bool) -> ModelProto:
    if fused:
        from ppim_port.export.onnx_graphs import fused_model

        return fused_model(subject, batch=batch, opset=opset)
    if subject.backend.name != "torch":
        message = (
            "A plain ONNX file is traced by PyTorch, and this is a net of Paddle: load "
            "its weights with framework='torch', or pass fused=True. Nothing was "
            "written."
        )
        raise UsageError(message)
    from ppim_port.export.onnx_torch import plain_model

    return plain_model(subject, batch=batch, opset=opset)


def _check_graph(model: ModelProto) -> None:
    import onnx

    onnx.checker.check_model(model, full_check=True)


def _verified(
    draft: Path, known: Reference, batch: Batch, target: Path
) -> tuple[Check, ...]:
    return verify(list(_ways(draft)), known, batch, target)


def _ways(path: Path) -> Iterator[tuple[str, Run]]:
    import onnxruntime as ort

    levels = {
        "optimised": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
        "not optimised": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    }
    for name, level in levels.items():
        options = ort.SessionOptions()
        options.graph_optimization_level = level
        session = ort.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        entry, leaving = session.get_inputs()[0].name, session.get_outputs()[0].name

        def run(
            images: Any, session: Any = session, names: Any = (entry, leaving)
        ) -> Any:
            return session.run([names[1]], {names[0]: images})[0]

        yield f"ONNX Runtime {ort.__version__}, {name}", run


def _require(*, plain: bool) -> None:
    for package in ("onnx", "onnxruntime", *(("onnxscript",) if plain else ())):
        if find_spec(package) is None:
            raise MissingPackageError(package, "export")


def _versions(subject: Subject, fused: bool) -> dict[str, str]:
    found = {"onnx": version("onnx"), "python": platform.python_version()}
    if not fused:
        found["torch"] = subject.backend.version()
    return found
