"""A training that was killed and started again ends as if it had not been killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppim_port.state_dict import FrameworkName
from tests.examples.made import CIFAR, needs_cifar
from tests.examples.processes import (
    end_of,
    finished,
    killed_after,
    rows_without_time,
    same_bits,
)

FEW = ["--smoke", "--quiet", "--limit", "50", "--epochs", "2", "--batch-size", "25"]


def arguments(run: Path) -> list[str]:
    return [*FEW, "--data", str(CIFAR), "--run", str(run), "--threads", "1"]


@needs_cifar
@pytest.mark.parametrize("framework", ["torch", "paddle"])
def test_a_killed_training_ends_with_the_same_bits(
    framework: FrameworkName, tmp_path: Path
) -> None:
    module = f"examples.resnet_nam_cifar100.train_{framework}"
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finished(module, arguments(whole))
    killed_after(module, arguments(killed), killed / "epochs" / "0001")
    assert not (killed / "weights.pth").exists()
    assert not (killed / "epochs" / "0002").exists()
    finished(module, arguments(killed))
    assert rows_without_time(killed) == rows_without_time(whole)
    for one, other in zip(
        end_of(whole, framework), end_of(killed, framework), strict=True
    ):
        assert same_bits(one, other)
