"""Train Keras' involution or convolution net on CIFAR-10; see examples/README.md."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from examples.common.keras_training import fit, keras
from examples.involution_cifar10.options import open_job
from ppim_port import create_model
from ppim_port.program import run as report_errors


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, or go on training."""
    with open_job(arguments, engine=keras.backend.backend()) as (job, run):
        keras.utils.set_random_seed(job.seed)
        net = create_model(job.model, framework="keras", num_classes=job.num_classes)
        net.compile(
            optimizer=keras.optimizers.Adam(job.training.lr),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=[
                keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
                keras.metrics.SparseTopKCategoricalAccuracy(5, name="top5"),
            ],
        )
        fit(net, job.plan, run)
    return 0


if __name__ == "__main__":
    sys.exit(report_errors("train_keras", main))
