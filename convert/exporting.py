"""From a model's name and a weights file to a file of another runtime, proven there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeAlias

from ppim_port.backends import require
from ppim_port.errors import OutputExistsError, UsageError
from ppim_port.export.records import OPSET, Batch, Exported
from ppim_port.factory import create_model
from ppim_port.manifest import load_manifest
from ppim_port.sources import weights_path

Form: TypeAlias = Literal["onnx", "paddle-static"]
ENDINGS: dict[Form, str] = {"onnx": ".onnx", "paddle-static": ""}


def export(
    model: str,
    weights: str | Path,
    *,
    to: Form,
    out: Path | None = None,
    batch: Batch = "dynamic",
    image_size: int | None = None,
    opset: int | None = None,
    fused: bool = False,
    force: bool = False,
) -> Exported:
    """Export a model of the manifest.

    Args:
        model: its name.
        weights: a file of either framework, or the name of a source.
        to: "onnx", or "paddle-static".
        out: the file, for Paddle's static graph the folder; None is the model's name
            in the working folder.
        batch: pictures at once, or "dynamic".
        image_size: pixels of a side; None takes the net's own.
        opset: of ONNX's operators; None is 18.
        fused: for ONNX: the inference form, its batch norms folded.
        force: whether an older export may be replaced.

    Raises:
        UsageError: options that do not go together, or with this model.
        OutputExistsError: something is at `out`.
        VerificationError: the runtime disagrees with the net; nothing was written.
        PpimError: the weights cannot be fetched, read or used.
    """
    if to != "onnx" and (fused or opset is not None):
        message = "--fused and --opset are for --to onnx."
        raise UsageError(message)
    record = load_manifest().model(model)
    target = out or Path(record.name + ENDINGS[to])
    if not force and (target.exists() or target.is_symlink()):
        # Early: building and proving a net takes its time.
        message = f"{target} exists: pass --force to overwrite it. Nothing was written."
        raise OutputExistsError(message)
    path = weights_path(record, weights)
    common: dict[str, Any] = {
        "batch": batch,
        "image_size": image_size,
        "weights": path,
        "overwrite": force,
    }
    if to == "onnx":
        from ppim_port.export.onnx_file import export_onnx

        net = create_model(record.name, framework="torch", weights=path)
        version = OPSET if opset is None else opset
        return export_onnx(net, target, opset=version, fused=fused, **common)
    require("paddle")
    from ppim_port.export.static_paddle import export_paddle_static

    net = create_model(record.name, framework="paddle", weights=path)
    return export_paddle_static(net, target, **common)
