"""Source files in every spelling and format, and what must come out of them."""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from convert import Request
from convert.pipeline import convert
from convert.records import Outcome
from ppim_port.checkpoint import WriteKind, read, write
from ppim_port.state_dict import FrameworkName, StateDict
from tests.support.states import Spelling, made_state, rednet

REDNET26 = rednet("26")
SECRET = "/home/author/runs"

Made: TypeAlias = Literal["official", "plain", "torch-safe", "paddle", "paddle-safe"]
_FORMS: dict[Made, tuple[Spelling, WriteKind, FrameworkName]] = {
    "official": ("official", "pth", "torch"),
    "plain": ("torch", "pth", "torch"),
    "torch-safe": ("torch", "safetensors", "torch"),
    "paddle": ("paddle", "pdparams", "paddle"),
    "paddle-safe": ("paddle", "safetensors", "paddle"),
}
MADE: tuple[Made, ...] = tuple(_FORMS)


def save_official(path: Path, state: StateDict) -> Path:
    """A checkpoint as the authors' trainer leaves it: by torch itself, with `meta`."""
    import torch

    tensors = OrderedDict((k, torch.from_numpy(v.copy())) for k, v in state.items())
    meta = {"epoch": 130, "config": f"work_dir = '{SECRET}'", "CLASSES": ["tench"]}
    torch.save({"meta": meta, "state_dict": tensors}, path)
    return path


def save_as(made: Made, path: Path, config: Any = REDNET26) -> Path:
    """Made-up weights as one publisher or another would save them, without `meta`."""
    spelling, kind, framework = _FORMS[made]
    write(made_state(config, spelling), path, kind=kind, framework=framework)
    return path


def unproven(source: Path, out: Path, **options: Any) -> Outcome:
    """A conversion without its proof."""
    model = options.pop("model", "rednet26")
    request = Request(model, checkpoint=source, out=out, verify=False, **options)
    return convert(request)


def sidecar(outcome: Outcome) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(outcome.provenance.read_text("utf-8"))
    return data


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file in a folder with its size and time of change."""
    stats = {str(p.relative_to(folder)): p.stat() for p in folder.rglob("*")}
    return {name: (s.st_size, s.st_mtime_ns) for name, s in stats.items()}


def assert_holds(path: Path, expected: StateDict) -> None:
    """The file holds these keys, dtypes, shapes and bits."""
    found = read(path).state
    assert list(found) == list(expected)
    for key, value in expected.items():
        assert found[key].dtype == value.dtype, key
        assert np.array_equal(found[key], value), key


def expected_state(
    framework: FrameworkName, config: Any = REDNET26, *, counters: int | None = None
) -> StateDict:
    """The made-up weights in a framework; `counters` replaces PyTorch's own."""
    state = made_state(config, framework)
    for key in state:
        if counters is not None and key.endswith("num_batches_tracked"):
            state[key] = np.array(counters, np.int64)
    return state
