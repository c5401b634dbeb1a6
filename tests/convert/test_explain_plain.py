"""What a port starts from a plain net's filters is made again, and a lie is found."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from convert.explanation import Explanation, explain
from convert.pipeline import convert
from convert.provenance import provenance_path
from convert.records import Request
from ppim_port.checkpoint import write
from ppim_port.models.resnet_sac.family import FAMILY
from ppim_port.state_dict import StateDict
from tests.support.states import made_state, without_starts


@cache
def plain() -> StateDict:
    config = FAMILY.configure("50", num_classes=3)
    return without_starts(made_state(config, "torch"), config)


@pytest.fixture(scope="module")
def ported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    source, out = folder / "plain.pth", folder / "out.pdparams"
    write(plain(), source, kind="pth", framework="torch")
    convert(Request(model="resnet50_sac", checkpoint=source, out=out, verify=False))
    return out


def problems(found: Explanation) -> list[str]:
    return [problem for hop in found.hops for problem in hop.problems]


def test_every_started_tensor_is_as_its_rule_makes_it(ported: Path) -> None:
    assert problems(explain(ported)) == []


@pytest.mark.parametrize(
    ("target", "action"),
    [
        ("layer2.0.conv2.weight_gamma", "mean"),
        ("layer2.0.conv2.weight_beta", "create"),
        ("layer2.0.conv2.switch.bias", "create"),
        ("layer2.0.conv2.weight_diff", "ones"),
        ("fc.bias", "mean"),
    ],
)
def test_a_sidecar_that_lies_about_a_start_is_found(
    target: str, action: str, ported: Path
) -> None:
    sidecar = provenance_path(ported)
    before = sidecar.read_text("utf-8")
    told = json.loads(before)
    (entry,) = (t for t in told["tensors"] if t["target"] == target)
    entry |= {"action": action, "source": None, "source_sha256": None}
    sidecar.write_text(json.dumps(told), "utf-8")
    try:
        text = "\n".join(problems(explain(ported)))
    finally:
        sidecar.write_text(before, "utf-8")
    assert "not what its rules make of" in text
    assert target in text
