"""Make a small real checkpoint in the official layout, on the spot and seeded.

It is **not** the published model: weights are random, batch norm statistics are those
of the demo's pictures and of noise, and the classifier is fitted to the pictures, so
that the accuracy means something (a wrong port loses it).
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch

import ppim_port

SEED = 26
RIDGE = 1e-3


def make(path: Path, pictures: Path, val_list: Path) -> None:
    """Write a rednet26 checkpoint as the official code would.

    Args:
        path: where; replaced if it exists.
        pictures: folder of the pictures to fit to.
        val_list: their labels, `name index` lines.
    """
    torch.manual_seed(SEED)
    model, transform = ppim_port.create_model(
        "rednet26", framework="torch", return_transforms=True
    )
    lines = [line.rsplit(maxsplit=1) for line in val_list.read_text().splitlines()]
    images = torch.stack(
        [torch.from_numpy(transform(pictures / name)) for name, _ in lines]
    )
    labels = torch.tensor([int(label) for _, label in lines])
    with torch.no_grad():
        _scale_weights(model)
        _calibrate(model, images)
        _fit_classifier(model, images, labels)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(_official(model), path)


def _scale_weights(model: torch.nn.Module) -> None:
    """Kaiming's scale for every convolution, so that signals survive the depth."""
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)


def _calibrate(model: torch.nn.Module, images: torch.Tensor) -> None:
    """Set the running statistics of every batch norm to those of pictures and noise.

    Noise too, because that is what `convert` compares the nets on.
    """
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    model.train()
    model(torch.cat([images, torch.randn_like(images)]))
    model.eval()


def _fit_classifier(
    model: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor
) -> None:
    """Ridge regression from pooled features to one-hot labels."""
    pooled = model.avgpool(model.forward_features(images)).flatten(1)
    features = np.column_stack([pooled.numpy(), np.ones(len(pooled))])
    targets = np.eye(model.fc.out_features)[labels.numpy()]
    gram = features @ features.T + RIDGE * np.eye(len(features))
    solution = features.T @ np.linalg.solve(gram, targets)
    model.fc.weight.copy_(torch.from_numpy(solution[:-1].T))
    model.fc.bias.copy_(torch.from_numpy(solution[-1]))


def _official(model: torch.nn.Module) -> dict[str, object]:
    """The layout of the official files: levels, prefixes, and some metadata."""
    state = OrderedDict(
        (f"head.{key}" if key.startswith("fc.") else f"backbone.{key}", value)
        for key, value in model.state_dict().items()
    )
    return {"meta": {"epoch": 1, "CLASSES": "demo"}, "state_dict": state}
