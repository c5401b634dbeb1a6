"""Train ResNet50-NAM, or ResNet50, on CIFAR-100 in Paddle; see examples/README.md."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from examples.common.paddle_training import fit, paddle
from examples.resnet_nam_cifar100.options import open_job
from ppim_port import create_model
from ppim_port.program import run as report_errors


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, or go on training."""
    with open_job(arguments, "paddle") as (job, run):
        if job.device:
            paddle.set_device(job.device)
        paddle.seed(job.seed)
        net = create_model(
            job.model,
            framework="paddle",
            weights=job.weights,
            num_classes=job.num_classes,
        )
        optimizer = paddle.optimizer.Momentum(
            learning_rate=job.training.lr,
            momentum=job.training.momentum,
            parameters=net.parameters(),
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
    sys.exit(report_errors("train_paddle", main))
