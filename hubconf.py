"""Entries for `torch.hub` and `paddle.hub`, which look for a file of the same name.

    torch.hub.load(FOLDER, "rednet26", source="local", weights="rednet26.pth")
    paddle.hub.load(FOLDER, "rednet26", source="local", weights="rednet26.pth")

Each hub gets nets of its own framework. Which of the two is asking is told by the name
that it imports this file under, "hubconf.py" for PyTorch's and "hubconf" for Paddle's
(torch 2.13.0, paddlepaddle 3.3.1); `framework=` overrules it, and under any other name
it has to.
"""

from __future__ import annotations

from collections.abc import Callable as _Callable
from pathlib import Path as _Path
from typing import Any as _Any

# Now: Paddle's hub forgets this folder as soon as this file is imported. It loads
# neither framework.
from ppim_port import factory as _factory
from ppim_port.errors import UsageError as _UsageError
from ppim_port.manifest import ModelRecord as _ModelRecord
from ppim_port.manifest import load_manifest as _load_manifest
from ppim_port.sources import fetch_weights as _fetch_weights
from ppim_port.state_dict import FrameworkName as _FrameworkName

_ASKING: dict[str, _FrameworkName] = {"hubconf.py": "torch", "hubconf": "paddle"}
_framework = _ASKING.get(__name__)

dependencies = ["numpy", "filelock", "platformdirs", "requests", "tqdm"]
dependencies += [_framework] if _framework else []

_HELP = """{title}

    Args:
        pretrained: fetch the published weights: {sources}.
        weights: a file of either framework instead, or the name of such a source.
        num_classes: outputs of the classifier; None takes the weights' own, else
            {classes}.
        new_classifier: leave the classifier of the weights out, for other classes;
            `partial_load` of the net then says what became of every key.
        framework: "torch" or "paddle"; by default the hub's own.

    Returns:
        A `torch.nn.Module` or `paddle.nn.Layer` in evaluation mode: images
        `[N, 3, H, W]` under the recipe {recipe} (see `ppim_port.val_transforms`) to
        logits.
"""


def _entry(record: _ModelRecord) -> _Callable[..., _Any]:
    def entry(
        pretrained: bool = False,
        *,
        weights: str | _Path | None = None,
        num_classes: int | None = None,
        new_classifier: bool = False,
        framework: _FrameworkName | None = _framework,
    ) -> _Any:
        if framework is None:
            message = (
                f"{record.name}: neither torch.hub nor paddle.hub is asking; pass "
                "framework='torch' or framework='paddle'."
            )
            raise _UsageError(message)
        if pretrained and weights is not None:
            message = (
                f"{record.name}: pretrained fetches the published weights, and weights "
                "names others; pass one of the two."
            )
            raise _UsageError(message)
        if pretrained:
            weights = _fetch_weights(record, progress=True).path
        return _factory.create_model(
            record.name,
            framework=framework,
            weights=weights,
            num_classes=num_classes,
            new_classifier=new_classifier,
        )

    names = ", ".join(source.name for source in record.sources)
    entry.__name__ = entry.__qualname__ = record.name
    entry.__doc__ = _HELP.format(
        title=f"{record.name}, of the family {record.family}.",
        sources=names or "nobody publishes any of this model, so it is refused",
        classes=record.num_classes,
        recipe=record.recipe,
    )
    return entry


globals().update({m.name: _entry(m) for m in _load_manifest().models.values()})
