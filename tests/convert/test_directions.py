"""Every way from one spelling, layout and format to another gives the same numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convert import Request
from convert.pipeline import plan
from convert.records import Outcome
from ppim_port.backends import get_backend
from ppim_port.checkpoint import FileFormat, WriteKind, read, write
from ppim_port.manifest import load_manifest
from ppim_port.state_dict import FrameworkName
from tests.convert.made import (
    MADE,
    Made,
    assert_holds,
    expected_state,
    save_as,
    sidecar,
    unproven,
)
from tests.support.shared import GOLDEN, golden_noise, golden_outputs, needs_shared
from tests.support.states import PUBLISHED_COUNTS, VARIANTS, made_state, rednet

TARGETS: tuple[tuple[WriteKind, FrameworkName], ...] = (
    ("pdparams", "paddle"),
    ("pth", "torch"),
    ("safetensors", "paddle"),
    ("safetensors", "torch"),
)
# fp32 in Paddle against the official net's fp32, of the largest logit of a row:
# 9e-7 was measured on pictures, 3e-6 on noise (paddlepaddle 3.3.1).
FP32_NOISE = 2e-5


def test_the_official_file_becomes_pdparams_with_the_published_counts(
    ported: Outcome,
) -> None:
    assert sidecar(ported)["keys"] == {"source": 251, "dropped": 40, "target": 211}
    assert ported.written.path.name == "rednet26.pdparams"
    assert_holds(ported.written.path, made_state(rednet(), "paddle"))


def test_the_proof_of_the_real_nets_is_far_under_its_limit(ported: Outcome) -> None:
    assert ported.proof is not None
    # 2e-15 with these weights, 1e-11 with the golden ones were measured.
    assert 0 <= ported.proof.max_relative_difference < 1e-10
    assert ported.proof.tolerance == 1e-9


def test_paddle_itself_loads_all_of_it_into_the_net(ported: Outcome) -> None:
    from tests.support.frameworks import paddle

    backend = get_backend("paddle")
    net = backend.build(rednet())
    missing, unexpected = net.set_state_dict(paddle.load(str(ported.written.path)))
    assert (missing, unexpected) == ([], [])
    expected = made_state(rednet(), "paddle")
    found = backend.state(net)
    assert all(np.array_equal(found[key], value) for key, value in expected.items())


@needs_shared
def test_the_golden_checkpoint_gives_the_official_logits_in_paddle(
    tmp_path: Path,
) -> None:
    done = unproven(GOLDEN / "rednet26.pth", tmp_path)
    assert sidecar(done)["keys"] == {"source": 251, "dropped": 40, "target": 211}
    backend = get_backend("paddle")
    net = backend.build(rednet())
    backend.load(net, read(done.written.path).state)
    found = backend.predict(net, golden_noise()[:2])
    reference = golden_outputs()["random_logits"][:2]
    assert np.abs(found - reference).max() / np.abs(reference).max() < FP32_NOISE


def check_direction(
    made: Made, kind: WriteKind, framework: FrameworkName, folder: Path
) -> None:
    source = save_as(made, folder / "source")
    out = folder / f"out.{kind}"
    done = unproven(source, out, to=kind, framework=framework)
    counters = 0 if made.startswith("paddle") else None
    assert_holds(out, expected_state(framework, counters=counters))
    assert read(out).framework == framework
    assert sidecar(done)["target"]["format"] == kind


@pytest.mark.parametrize(("kind", "framework"), TARGETS)
@pytest.mark.parametrize("made", ["official", "paddle"])
def test_a_published_file_converts_to(
    made: Made, kind: WriteKind, framework: FrameworkName, tmp_path: Path
) -> None:
    check_direction(made, kind, framework, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "framework"), TARGETS)
@pytest.mark.parametrize("made", [m for m in MADE if m not in ("official", "paddle")])
def test_our_own_file_converts_to(
    made: Made, kind: WriteKind, framework: FrameworkName, tmp_path: Path
) -> None:
    check_direction(made, kind, framework, tmp_path)


@pytest.mark.parametrize(
    ("made", "kind", "framework"),
    [
        ("official", "pdparams", "paddle"),
        ("torch-safe", "pdparams", "paddle"),
        ("paddle", "pth", "torch"),
        ("paddle-safe", "pth", "torch"),
    ],
)
def test_the_target_is_the_other_framework_unless_said(
    made: Made, kind: WriteKind, framework: FrameworkName, tmp_path: Path
) -> None:
    planned = plan(Request("rednet26", checkpoint=save_as(made, tmp_path / "source")))
    assert planned.kind == kind
    assert planned.mapping.target_framework == framework
    assert planned.out == Path(f"rednet26.{kind}")


@pytest.mark.parametrize(
    ("made", "framework"), [("official", "paddle"), ("paddle", "torch")]
)
def test_safetensors_hold_the_other_framework_unless_said(
    made: Made, framework: FrameworkName, tmp_path: Path
) -> None:
    source = save_as(made, tmp_path / "source")
    planned = plan(Request("rednet26", checkpoint=source, to="safetensors"))
    assert planned.mapping.target_framework == framework


def test_paddles_file_gains_the_counters_as_zeros(
    paddle_file: Path, tmp_path: Path
) -> None:
    done = unproven(paddle_file, tmp_path)
    keys = sidecar(done)["keys"]
    assert keys == {"source": 211, "dropped": 0, "target": 251}
    state = read(done.written.path).state
    counters = {k: v for k, v in state.items() if k.endswith("num_batches_tracked")}
    assert len(counters) == 40
    assert {(v.dtype.name, v.shape, v.item()) for v in counters.values()} == {
        ("int64", (), 0)
    }


def test_there_and_back_again_is_the_same_file_bit_for_bit(
    paddle_file: Path, tmp_path: Path
) -> None:
    there = unproven(paddle_file, tmp_path)
    back = unproven(there.written.path, tmp_path)
    assert back.written.path.suffix == ".pdparams"
    assert back.written.path.read_bytes() == paddle_file.read_bytes()


def test_the_same_input_gives_the_same_bytes_in_any_folder(
    official: Path, tmp_path: Path
) -> None:
    outcomes = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        outcomes.append(unproven(official, tmp_path / name))
    first, second = outcomes
    assert first.written.path.read_bytes() == second.written.path.read_bytes()
    assert first.provenance.read_bytes() == second.provenance.read_bytes()


def test_the_proven_port_has_the_bytes_of_the_unproven_one(
    ported: Outcome, official: Path, tmp_path: Path
) -> None:
    again = unproven(official, tmp_path)
    assert again.written.sha256 == ported.written.sha256


def test_the_container_that_torch_saved_is_read_and_its_meta_left(
    ported: Outcome,
) -> None:
    assert ported.plan.upstream is not None
    checkpoint = ported.plan.upstream.checkpoint
    assert checkpoint.file_format is FileFormat.PTH_ZIP
    assert checkpoint.container == ("state_dict",)
    assert checkpoint.left_behind == ("meta",)


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_model_is_ported_and_proven_both_ways(
    variant: str, tmp_path: Path
) -> None:
    from convert.pipeline import convert

    config, model = rednet(variant), f"rednet{variant}"
    source = tmp_path / "source.pth"
    write(made_state(config, "official"), source, kind="pth", framework="torch")
    there = convert(Request(model, checkpoint=source, out=tmp_path))
    back = convert(Request(model, checkpoint=there.written.path, out=tmp_path))
    counts = tuple(sidecar(there)["keys"].values())
    assert counts == PUBLISHED_COUNTS[variant][:3]
    record = load_manifest().model(model).counts
    assert counts == (record.source_keys, record.dropped_keys, record.target_keys)
    assert_holds(there.written.path, made_state(config, "paddle"))
    assert_holds(back.written.path, expected_state("torch", config, counters=0))
