"""Fine-tune a RedNet on other classes in Paddle; see examples/README.md."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from examples.common.paddle_training import fit, paddle
from examples.finetune_rednet.options import open_job
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
            new_classifier=True,
        )
        net.freeze(job.tuning.frozen_stages, norm_eval=job.tuning.norm_eval)
        fresh = net.partial_load.fresh
        learning = [item for item in net.named_parameters() if item[1].trainable]
        for name, parameter in learning:
            if name not in fresh:
                # A factor of the optimizer's rate. Groups of parameters would say it
                # better, but hapi does not take them (paddlepaddle 3.3.1).
                parameter.optimize_attr["learning_rate"] = job.tuning.body_scale
        optimizer = paddle.optimizer.Momentum(
            learning_rate=job.tuning.lr,
            momentum=job.tuning.momentum,
            parameters=[parameter for _, parameter in learning],
            weight_decay=job.tuning.weight_decay,
        )
        fit(net, optimizer, job.plan, run)
    return 0


if __name__ == "__main__":
    sys.exit(report_errors("train_paddle", main))
