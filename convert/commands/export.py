"""`convert export MODEL --weights FILE --to FORMAT`: a net for another runtime."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from convert.commands.options import new_parser, print_json

if TYPE_CHECKING:
    from ppim_port.export.records import Batch, Exported

EPILOG = """\
examples:
  convert export rednet50 --weights rednet50.pth --to onnx --fused
  convert export rednet50 --weights rednet50.pdparams --to onnx --batch 1 --out a.onnx
  convert export rednet50 --weights rednet50.pdparams --to paddle-static --out served

Nothing is written unless the runtime's logits are the net's: those in float32, and
those in float64 up to float32's noise.
exit codes: 0 written, 1 the export does not agree, 2 usage, 3 bad input
"""


def parser() -> argparse.ArgumentParser:
    """The options, in the order of the help."""
    p = new_parser(
        "export",
        "Write a net as an ONNX file, or as a folder of Paddle's static graph, and "
        "prove it.",
        EPILOG,
    )
    p.add_argument("model", metavar="MODEL", help="name in the manifest")
    p.add_argument(
        "--weights",
        required=True,
        metavar="FILE",
        help="of either framework, or the name of a source, which is fetched",
    )
    p.add_argument(
        "--to",
        required=True,
        choices=("onnx", "paddle-static"),
        help="onnx, or paddle-static for paddle.inference",
    )
    p.add_argument(
        "--out",
        type=Path,
        metavar="PATH",
        help="file, for paddle-static a folder (default: ./MODEL.onnx, ./MODEL)",
    )
    p.add_argument(
        "--batch",
        type=_batch,
        default="dynamic",
        metavar="N",
        help="pictures at once (default: dynamic, any number)",
    )
    p.add_argument(
        "--image-size",
        type=int,
        metavar="N",
        help="pixels of a side (default: the net's own)",
    )
    p.add_argument(
        "--opset", type=int, metavar="N", help="of ONNX's operators (default: 18)"
    )
    p.add_argument(
        "--fused",
        action="store_true",
        help="onnx: fold the batch norms; for families with an inference form",
    )
    p.add_argument("--force", action="store_true", help="overwrite an older export")
    p.add_argument("--quiet", action="store_true", help="print errors only")
    return p


def run(options: argparse.Namespace) -> int:
    """Export, and print what was proven."""
    from convert.exporting import export

    if not (options.quiet or options.json):
        print("exporting, then running both", file=sys.stderr)
    done = export(
        options.model,
        options.weights,
        to=options.to,
        out=options.out,
        batch=options.batch,
        image_size=options.image_size,
        opset=options.opset,
        fused=options.fused,
        force=options.force,
    )
    if options.json:
        print_json({**asdict(done), "path": str(done.path)})
    elif not options.quiet:
        print(as_text(done))
    return 0


def as_text(done: Exported) -> str:
    """An export for people."""
    about = done.metadata
    lines = [
        f"{about['model']}: {about['form']}, images of {about['image_size']}x"
        f"{about['image_size']}, {about['num_classes']} classes"
    ]
    for check in done.checks:
        lines.append(
            f"{check.runtime}, {check.batch} at once: {check.float32:.1e} of the "
            f"largest logit from the net, {check.float64:.1e} from it in float64"
        )
    lines.append(f"written  {done.path} ({done.size:,} bytes)")
    lines.append(f"sha256   {done.sha256}")
    return "\n".join(lines)


def _batch(text: str) -> Batch:
    if text == "dynamic":
        return "dynamic"
    if text.isdecimal() and int(text) > 0:
        return int(text)
    message = f"{text!r} is no batch; expected dynamic, or 1 or more"
    raise argparse.ArgumentTypeError(message)
