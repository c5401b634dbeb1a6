"""Train ResNet50-NAM, or ResNet50, on CIFAR-100 in PyTorch; see examples/README.md."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import torch

from examples.common.torch_training import fit
from examples.resnet_nam_cifar100.options import open_job
from ppim_port import create_model
from ppim_port.program import run as report_errors


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, or go on training."""
    with open_job(arguments, "torch") as (job, run):
        if job.threads:
            torch.set_num_threads(job.threads)
        torch.manual_seed(job.seed)
        net = create_model(
            job.model,
            framework="torch",
            weights=job.weights,
            num_classes=job.num_classes,
        )
        net.to(job.device or ("cuda" if torch.cuda.is_available() else "cpu"))
        optimizer = torch.optim.SGD(
            net.parameters(),
            lr=job.training.lr,
            momentum=job.training.momentum,
            weight_decay=job.training.weight_decay,
        )
        fit(
            net,
            optimizer,
            job.plan,
            run,
            penalty=lambda: net.sparsity_penalty(job.training.penalty),
        )
    return 0


if __name__ == "__main__":
    sys.exit(report_errors("train_torch", main))
