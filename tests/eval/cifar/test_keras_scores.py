"""`evaluate` scores the Keras example's net alike in all three frameworks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.cli import main
from ppim_port.checkpoint import WriteKind, write
from ppim_port.manifest import load_manifest
from ppim_port.models.involution_cifar.family import FAMILY
from ppim_port.state_dict import FrameworkName
from ppim_port.weights import load_weights
from tests.eval.cifar import made
from tests.support import keras_home
from tests.support.states import made_state

KINDS: dict[FrameworkName, WriteKind] = {
    "torch": "pth",
    "paddle": "pdparams",
    "keras": "weights.h5",
}

assert keras_home.HOME


def test_the_frameworks_rank_the_same_classes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = made.binary(tmp_path, "cifar10")
    config = FAMILY.configure("involution")
    original = tmp_path / "source.pth"
    # With most other seeds a ReLU of one channel is dead.
    state = made_state(config, "torch", seed=9)
    write(state, original, kind="pth", framework="torch")
    record = load_manifest().model("involution_cifar10")
    ranks: dict[str, list[list[int]]] = {}
    for framework, kind in KINDS.items():
        weights, run = tmp_path / f"net.{kind}", tmp_path / framework
        loaded = load_weights(original, record, framework=framework)
        write(loaded.state, weights, kind=kind, framework=framework)
        words = ["--model", record.name, "--weights", str(weights), "--quiet", "--json"]
        words += ["--val-dir", str(root), "--run", str(run), "--framework", framework]
        assert main(words) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["n"], told["protocol"]) == (7, "cifar10")
        assert framework in json.dumps(told)
        lines = (run / "ledger.jsonl").read_text("utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        ranks[framework] = [row["top5"] for row in rows if "top5" in row]
    assert len(ranks["torch"]) == 7
    assert ranks["torch"] == ranks["paddle"] == ranks["keras"]
