"""The options of `evaluate` itself, in the order of its help."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from eval.commands.options import add_dataset, whole
from ppim_port.version import __version__

EPILOG = """\
examples:
  evaluate --model rednet26 --val-dir ILSVRC2012/val
      folders of wnids; weights are fetched, converted and cached when missing
  evaluate --model rednet26 --weights rednet26.pdparams \\
      --val-dir ILSVRC2012/flat --val-list ILSVRC2012/val_list.txt
      a flat folder, with `name index` lines (index among the sorted wnids)
  evaluate --model rednet26 --val-dir ILSVRC2012/val --run runs/rednet26
      keeps a ledger; killed at any moment, the same command goes on
  torchrun --nproc-per-node 4 -m eval --model rednet26 ... --run-dir runs/rednet26
      shares the pictures among four processes

exit codes: 0 pass (or nothing to compare), 1 outside the tolerance, 2 usage,
3 bad input
"""


def parser() -> argparse.ArgumentParser:
    """The options, in the order of the help."""
    p = argparse.ArgumentParser(
        prog="evaluate",
        description=(
            "Top-1 and top-5 accuracy of a model on ILSVRC2012 validation pictures, "
            "with the published recipe, against the published numbers."
        ),
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    p.add_argument("--model", required=True, help="model name, see `convert --list`")
    add_dataset(p.add_argument_group("pictures"))
    _add_net(p.add_argument_group("net"))
    _add_result(p.add_argument_group("result"))
    p.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return p


def _add_net(net: argparse._ArgumentGroup) -> None:
    net.add_argument(
        "--framework",
        choices=("paddle", "torch", "keras"),
        default="paddle",
        help="who runs the net (default: %(default)s)",
    )
    net.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help=".pth, .pdparams, .safetensors, .weights.h5 or .keras of any framework "
        "(default: by name)",
    )
    net.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        default="float32",
        help="of activations and weights; bfloat16 is faster, and what it changes is "
        "counted on a sample (default: %(default)s)",
    )
    net.add_argument(
        "--plain",
        action="store_true",
        help="run the framework's own layers, not the inference form of the net",
    )
    net.add_argument(
        "--batch-size", type=int, default=16, metavar="N", help="default: %(default)s"
    )
    net.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="threads that decode (default: one a core)",
    )
    net.add_argument(
        "--decoded",
        type=Path,
        metavar="DIR",
        help="keep decoded pictures there (0.15 MB each): the next model on the same "
        "set and recipe decodes none",
    )


def _add_result(output: argparse._ArgumentGroup) -> None:
    output.add_argument(
        "--tolerance",
        type=float,
        metavar="PP",
        help="percentage points, either way (default: each published figure's own)",
    )
    output.add_argument(
        "--run",
        # torchrun takes --run for a short form of options of its own (2.13.0).
        "--run-dir",
        type=Path,
        metavar="DIR",
        help="keep ledger and result there; if killed, the same command goes on",
    )
    output.add_argument(
        "--baseline",
        type=Path,
        metavar="RUN",
        help="run folder or ledger.jsonl that first classes must not differ from",
    )
    output.add_argument(
        "--max-flips",
        type=whole,
        metavar="N",
        help="first classes that may differ from it (default: one in a thousand)",
    )
    output.add_argument(
        "--quick",
        action="store_true",
        help="random order; stop as soon as the verdict is certain",
    )
    output.add_argument(
        "--no-doctor",
        action="store_true",
        help="after a failed gate, do not look for the cause",
    )
    output.add_argument("--json", action="store_true", help="print one JSON object")
    output.add_argument(
        "--out", type=Path, metavar="FILE", help="also write that object to a file"
    )
    output.add_argument(
        "--ledger", type=Path, metavar="FILE", help="write one CSV row a picture"
    )
    output.add_argument(
        "--junit", type=Path, metavar="FILE", help="write the gates as JUnit XML"
    )
    output.add_argument(
        "--github", action="store_true", help="annotate the build, on standard error"
    )
    output.add_argument("--quiet", action="store_true", help="no progress, no remarks")
