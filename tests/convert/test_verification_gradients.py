"""The backward pass is proven where that is asked for, and a wrong one is seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convert import Request
from convert.pipeline import convert
from ppim_port.errors import UsageError, VerificationError
from tests.convert.conftest import Ran
from tests.convert.made import listing
from tests.support.frameworks import involution_paddle

Run = Callable[..., Ran]


def request(official: Path, out: Path) -> Request:
    return Request("rednet26", checkpoint=official, out=out, gradients=True)


def test_gradients_of_every_parameter_and_of_the_picture_agree(
    official: Path, tmp_path: Path
) -> None:
    done = convert(request(official, tmp_path))
    assert done.proof is not None
    proof = done.proof.gradients
    assert proof is not None
    # 211 tensors less 80 running statistics, and the picture.
    assert (proof.tensors, proof.image_size) == (132, 128)
    assert proof.max_relative_difference < 1e-12
    sidecar = json.loads(done.provenance.read_text())
    assert sidecar["parity"]["gradients"]["tensors"] == 132


def test_a_backward_pass_that_is_cut_is_seen_where_no_logit_differs(
    official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = involution_paddle.involution

    def forward_only(x: Any, weight: Any, **options: Any) -> Any:
        return right(x, weight.detach(), **options)

    monkeypatch.setattr(involution_paddle, "involution", forward_only)
    with pytest.raises(VerificationError) as caught:
        convert(request(official, tmp_path))
    text = str(caught.value)
    assert "agree in float64, but not everything else does" in text
    assert "gradients: that of " in text
    assert "the nets part" not in text
    assert listing(tmp_path) == {}


def test_without_being_asked_for_they_are_not_computed(
    official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_nets: None
) -> None:
    def computed(*args: object) -> None:
        pytest.fail("gradients were computed")

    monkeypatch.setattr("convert.proof.gradients_of", computed)
    done = convert(Request("rednet26", checkpoint=official, out=tmp_path))
    assert done.proof is not None
    assert done.proof.gradients is None


def test_the_summary_tells_of_them(
    official: Path, tmp_path: Path, run: Run, fake_nets: None
) -> None:
    ran = run("rednet26", "--checkpoint", official, "--out", tmp_path, "--gradients")
    assert ran.code == 0
    assert "backward gradients of 3 tensors differ by 0.0e+00 at most" in ran.out


def test_they_cannot_be_proven_without_a_proof(official: Path, tmp_path: Path) -> None:
    asked = Request(
        "rednet26", checkpoint=official, out=tmp_path, gradients=True, verify=False
    )
    with pytest.raises(UsageError, match="part of the proof, which was waived"):
        convert(asked)
    assert listing(tmp_path) == {}
