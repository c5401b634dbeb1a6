"""The command line of `convert`: options in, one record out, one exit code back."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from convert.commands import COMMANDS
from convert.commands.options import Parser
from ppim_port.commands import refuse_mistyped, run_command
from ppim_port.errors import UnknownNameError, UsageError
from ppim_port.program import run
from ppim_port.state_dict import KNOWN_FRAMEWORKS
from ppim_port.version import __version__

EPILOG = """\
examples:
  convert rednet50                            fetch, convert to Paddle, prove, write
  convert rednet50 --checkpoint rednet50.pth  the same from a file at hand
  convert rednet50 --checkpoint RedNet50_pretrained.pdparams --to pth
                                              the other way
  convert involution_cifar10 --checkpoint trained.keras --to torch
                                              a Keras net, to PyTorch
  convert rednet50 --plan                     every key's fate; writes nothing
  convert --list                              all models, with published accuracies
  convert --from torchvision:resnet50 --checkpoint resnet50.pth \
          --to paddle.vision:resnet50         between nets that both packages have

commands, each with its own --help:
  convert inspect FILE                        what is in a weights file
  convert diff A B                            two files, tensor by tensor
  convert verify MODEL FILE                   prove a file that is there already
  convert explain FILE                        a port's provenance, every digest checked
  convert export MODEL --weights FILE --to onnx
                                              for another runtime, proven there
  convert cache list|verify|clear             the downloads and ports kept here

exit codes: 0 converted, 1 the nets disagree, 2 usage, 3 bad input
"""


def parser() -> argparse.ArgumentParser:
    """The options, in the order of the help."""
    p = Parser(
        prog="convert",
        description=(
            "Convert pretrained weights between PyTorch, Paddle and Keras: every key "
            "accounted for, logits proven equal in float64."
        ),
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    p.add_argument("model", nargs="?", help="model name, see --list")
    source = p.add_argument_group("source")
    source.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="convert this file; no download"
    )
    source.add_argument(
        "--from",
        dest="origin",
        metavar="NET",
        help="a net of torchvision or of paddle.vision, instead of a model",
    )
    source.add_argument(
        "--source", metavar="NAME", help="fetch from this source of the manifest only"
    )
    source.add_argument(
        "--allow-nonfinite",
        action="store_true",
        help="accept NaN, infinities and negative variances",
    )
    target = p.add_argument_group("target")
    target.add_argument(
        "--to",
        choices=Targets(
            ("pdparams", "pth", "safetensors", "weights.h5", *KNOWN_FRAMEWORKS)
        ),
        metavar="FORMAT|FRAMEWORK|NET",
        help="pdparams, pth, safetensors or weights.h5; or torch, paddle or keras, for "
        "what --out ends in or that framework's own format (default: what --out ends "
        "in, else the other framework's own; pdparams for downloads); with --from the "
        "net, e.g. paddle.vision:resnet50",
    )
    target.add_argument(
        "--mend",
        action="store_true",
        help="with --from: port for Paddle's net mended by our table, where the two "
        "nets differ",
    )
    target.add_argument(
        "--framework",
        choices=KNOWN_FRAMEWORKS,
        help="names and layouts inside a .safetensors (default: the other framework's)",
    )
    target.add_argument(
        "--out", type=Path, metavar="PATH", help="file or folder (default: ./MODEL.TO)"
    )
    target.add_argument(
        "--force", action="store_true", help="overwrite an existing output"
    )
    how = p.add_argument_group("what to do")
    how.add_argument(
        "--plan", action="store_true", help="show every key's fate and write nothing"
    )
    how.add_argument(
        "--no-verify",
        dest="verify",
        action="store_false",
        help="skip the proof, which needs both frameworks",
    )
    how.add_argument(
        "--gradients",
        action="store_true",
        help="prove the backward pass too; some seconds more",
    )
    how.add_argument("--list", action="store_true", help="list all models and leave")
    how.add_argument("--json", action="store_true", help="print one JSON object")
    how.add_argument("--quiet", action="store_true", help="print errors only")
    how.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return p


class Targets(tuple[str, ...]):
    """What --to may be: a format, or a net's name, which is looked up later."""

    def __contains__(self, value: object) -> bool:
        return super().__contains__(value) or ":" in str(value)


def main(argv: Sequence[str] | None = None) -> int:
    """Run `convert` and return its exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    code = run_command("convert", COMMANDS, words)
    if code is not None:
        return code
    p = parser()
    refuse_mistyped(p, COMMANDS, words)
    options = p.parse_args(words)
    if not (options.list or options.model or options.origin):
        p.error("name a model, or --list")
    to_net = options.to is not None and ":" in options.to
    if to_net != bool(options.origin) or (options.mend and not to_net):
        p.error("--from NET and --to NET belong together, and --mend to both of them")
    return run("convert", lambda: _hinting(options))


def _hinting(options: argparse.Namespace) -> int:
    """As `_dispatch`; a net of both packages is no model, and is told how to ask."""
    try:
        return _dispatch(options)
    except UnknownNameError as error:
        from ppim_port.pairs import MODELS

        if options.model not in MODELS:
            raise
        message = (
            f"{error} Or the net of torchvision and paddle.vision? That is  --from "
            f"torchvision:{options.model} --to paddle.vision:{options.model}  or back."
        )
        raise UsageError(message) from None


def _dispatch(options: argparse.Namespace) -> int:
    if options.list:
        _list(options)
    elif options.origin:
        _pair(options)
    elif options.plan:
        _plan(options)
    else:
        _convert(options)
    return 0


def _list(options: argparse.Namespace) -> None:
    from convert.render import model_list, model_table
    from ppim_port.manifest import load_manifest

    manifest = load_manifest()
    if options.json:
        _print_json({"models": model_list(manifest)})
    else:
        print(model_table(manifest))


def _plan(options: argparse.Namespace) -> None:
    from convert.pipeline import plan
    from convert.render import plan_object, plan_table

    planned = plan(_request(options))
    if options.json:
        _print_json(plan_object(planned))
    elif not options.quiet:
        print(plan_table(planned))


def _pair(options: argparse.Namespace) -> None:
    from convert.pairing.program import answer

    text = answer(options, say=_speaker(options))
    if options.json or not options.quiet:
        print(text)


def _speaker(options: argparse.Namespace) -> Callable[[str], None]:
    def say(text: str) -> None:
        if not options.quiet:
            print(text, file=sys.stderr)

    return say


def _convert(options: argparse.Namespace) -> None:
    from convert.pipeline import convert
    from convert.render import outcome_object, summary

    outcome = convert(_request(options), say=_speaker(options))
    if options.json:
        _print_json(outcome_object(outcome))
    elif not options.quiet:
        print(summary(outcome))


def _request(options: argparse.Namespace) -> Any:
    from convert.records import Request

    return Request(
        model=options.model,
        checkpoint=options.checkpoint,
        source=options.source,
        to=options.to,
        framework=options.framework,
        out=options.out,
        force=options.force,
        verify=options.verify,
        gradients=options.gradients,
        allow_nonfinite=options.allow_nonfinite,
        progress=not (options.quiet or options.json),
    )


def _print_json(value: dict[str, Any]) -> None:
    # ASCII: whatever the terminal's encoding, and whatever bytes a path is made of.
    print(json.dumps(value, indent=2))
