"""Record the nets of torchvision, or of paddle.vision, for `ppim_port/pairs/data`.

    python -m tools.record_pairs torchvision ppim_port/pairs/data
    python -m tools.record_pairs paddle.vision ppim_port/pairs/data

torchvision's run also records what each net answers to the seeded picture with the
seeded weights, in float64: the touchstone where torchvision is absent.

The published data was made with torchvision 0.28.0 beside torch 2.13.0 for the CPU,
and with paddlepaddle 3.3.1. The wheel of torchvision that the package index has is
built for CUDA; beside a CPU torch its operators do not load, and its import fails with
"operator torchvision::nms does not exist". The classification nets use none of them,
so two stand-ins are declared first. In an environment of its own:

    pip install torch==2.13.0 numpy pillow
    pip install --no-deps torchvision==0.28.0
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from ppim_port.pairs.catalogue import MODELS, image_size
from ppim_port.pairs.recorded import Answer, write_answers, write_description
from ppim_port.pairs.seeded import seeded_images, seeded_state, state_digest

STAND_INS = ("nms", "qnms")


def declare_stand_ins() -> Any:
    """Let torchvision start without its compiled operators; keep what is returned."""
    import torch

    # Any: torch leaves this part of it untyped.
    make: Any = torch.library.Library
    library = make("torchvision", "DEF")
    for name in STAND_INS:
        library.define(f"{name}(Tensor a, Tensor b, float c) -> Tensor")
    return library


def record_paddle(folder: Path) -> None:
    """Record every net of paddle.vision."""
    from ppim_port.backends import paddle_vision_nets

    for model in MODELS:
        print(model, flush=True)
        write_description(paddle_vision_nets.describe(model), folder)


def record_torchvision(folder: Path) -> None:
    """Record every net of torchvision, and its answer."""
    library = declare_stand_ins()
    from ppim_port.backends import torchvision_nets

    answers = {}
    for model in MODELS:
        print(model, flush=True)
        net = torchvision_nets.describe(model)
        write_description(net, folder)
        answers[model] = _answer(net)
    write_answers(answers, folder)
    del library


def _answer(description: Any) -> Answer:
    from ppim_port.backends import torchvision_nets
    from ppim_port.backends.torch import BACKEND

    model, state = description.net.model, seeded_state(description)
    net = torchvision_nets.build(model).double()
    BACKEND.load(net, state)
    logits = BACKEND.predict(net, seeded_images(image_size(model)))
    return Answer(logits, state_digest(state))


if __name__ == "__main__":
    package, place = sys.argv[1], Path(sys.argv[2])
    assert importlib.util.find_spec("ppim_port")
    {"torchvision": record_torchvision, "paddle.vision": record_paddle}[package](place)
