"""Fine-tune a RedNet on other classes in PyTorch; see examples/README.md."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import torch

from examples.common.torch_training import fit
from examples.finetune_rednet.options import open_job
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
            new_classifier=True,
        )
        net.freeze(job.tuning.frozen_stages, norm_eval=job.tuning.norm_eval)
        net.to(job.device or ("cuda" if torch.cuda.is_available() else "cpu"))
        fresh = net.partial_load.fresh
        learning = [item for item in net.named_parameters() if item[1].requires_grad]
        head = [parameter for name, parameter in learning if name in fresh]
        body = [parameter for name, parameter in learning if name not in fresh]
        optimizer = torch.optim.SGD(
            [{"params": body, "scale": job.tuning.body_scale}, {"params": head}],
            lr=job.tuning.lr,
            momentum=job.tuning.momentum,
            weight_decay=job.tuning.weight_decay,
        )
        fit(net, optimizer, job.plan, run)
    return 0


if __name__ == "__main__":
    sys.exit(report_errors("train_torch", main))
