"""`convert --from NET --to NET` as typed: what it says, writes, and refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import PairRequest, convert_pair, plan_pair
from convert.cli import main
from convert.pairing.nets import witness
from ppim_port.backends.paddle import paddle
from ppim_port.checkpoint import read, write
from ppim_port.errors import VerificationError
from ppim_port.pairs import apply_port, paddle_net
from ppim_port.pairs.recorded import answer
from ppim_port.pairs.seeded import seeded_state
from ppim_port.state_dict import StateDict
from tests.pairs.made import pair_of

PROVEN, MENDED, REFUSED = "shufflenet_v2_x0_5", "squeezenet1_1", "shufflenet_v2_x2_0"


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The program in this process, as if typed."""

    def typed(*words: object) -> Ran:
        try:
            code = main([str(word) for word in words])
        except SystemExit as leave:  # argparse's way out
            code = int(leave.code or 0)
        return Ran(code, *capsys.readouterr())

    return typed


def names(model: str, *, back: bool = False) -> list[str]:
    nets = [f"torchvision:{model}", f"paddle.vision:{model}"]
    source, target = nets[::-1] if back else nets
    return ["--from", source, "--to", target]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Seeded checkpoints of torchvision's nets, by model."""
    folder = tmp_path_factory.mktemp("sources")
    for model in (PROVEN, MENDED, REFUSED):
        state = seeded_state(pair_of(model)[0])
        write(state, folder / f"{model}.pth", kind="pth", framework="torch")
    return {path.stem: path for path in folder.iterdir()}


def sidecar(out: Path) -> dict[str, Any]:
    text = out.with_name(out.name + ".provenance.json").read_text("ascii")
    document: dict[str, Any] = json.loads(text)
    return document


def test_a_proven_pair_goes_there_and_back_bit_for_bit(
    files: dict[str, Path], tmp_path: Path, run: Run
) -> None:
    there = run(*names(PROVEN), "--checkpoint", files[PROVEN], "--out", tmp_path)
    assert there.code == 0, there.err
    assert "213 operations do the same" in there.out
    out = tmp_path / f"{PROVEN}.pdparams"
    back = run(*names(PROVEN, back=True), "--checkpoint", out, "--out", tmp_path)
    assert back.code == 0, back.err
    before, after = (
        read(path).state for path in (files[PROVEN], tmp_path / f"{PROVEN}.pth")
    )
    assert list(before) == list(after)
    assert all(np.array_equal(before[key], after[key]) for key in before)


def test_the_sidecar_says_which_proof_was_made(
    files: dict[str, Path], tmp_path: Path, run: Run
) -> None:
    words = (*names(PROVEN), "--checkpoint", files[PROVEN], "--out", tmp_path)
    shown = json.loads(run(*words, "--json").out)
    document = sidecar(tmp_path / f"{PROVEN}.pdparams")
    assert document["parity"] == shown["parity"]
    assert document["pair"] == shown["pair"]
    parity = shown["parity"]
    assert parity["max_relative_difference"] < 1e-12
    assert parity["witness"] in ("live", "replayed")
    if parity["witness"] == "replayed":
        assert parity["reference"] < 1e-12
        assert "replayed by torch" in parity["source"]
    assert parity["recorded_with"]["torchvision"]
    assert shown["keys"] == {"source": 338, "dropped": 56, "target": 282}


def test_paddle_itself_loads_all_of_it(files: dict[str, Path], tmp_path: Path) -> None:
    request = PairRequest(*names(PROVEN)[1::2], files[PROVEN], tmp_path, verify=False)
    outcome = convert_pair(request)
    net = paddle_net(PROVEN)
    state = paddle.load(str(outcome.written.path))
    assert net.set_state_dict(state) == ([], [])


def test_nets_that_differ_are_refused_with_the_first_difference(
    files: dict[str, Path], tmp_path: Path, run: Run
) -> None:
    for waived in ([], ["--no-verify"]):
        words = (*names(MENDED), "--checkpoint", files[MENDED], "--out", tmp_path)
        ran = run(*words, *waived)
        assert (ran.code, ran.out) == (1, "")
        assert (
            "5 settings differ, first features.0 / _conv: padding is 0x0 in the "
            "source and 1x1 in the target. Nothing was written. --mend ports it"
        ) in ran.err
        assert list(tmp_path.iterdir()) == []


def test_a_mended_pair_is_proven_and_says_what_was_mended(
    files: dict[str, Path], tmp_path: Path, run: Run
) -> None:
    words = (*names(MENDED), "--checkpoint", files[MENDED], "--out", tmp_path)
    ran = run(*words, "--mend")
    assert ran.code == 0, ran.err
    assert "mended   _pool: ceil_mode False -> True" in ran.out
    document = sidecar(tmp_path / f"{MENDED}.pdparams")
    assert document["pair"]["mends"] == [
        "_conv: padding (1, 1) -> (0, 0)",
        "_pool: ceil_mode False -> True",
        "_drop: mode downscale_in_infer -> upscale_in_train",
    ]
    assert document["parity"]["target"].endswith("mended")


def test_nets_that_are_built_differently_are_refused(
    files: dict[str, Path], tmp_path: Path, run: Run
) -> None:
    words = (*names(REFUSED), "--checkpoint", files[REFUSED], "--out", tmp_path)
    ran = run(*words, "--mend")
    assert ran.code == 3
    assert "stage2.0.branch1.2 (conv 122x24x1x1)" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_plan_shows_every_fate_and_writes_nothing(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = json.loads(run(*names(MENDED), "--plan", "--json").out)
    assert len(shown["fates"]) == 52
    assert shown["accepted"] is False
    assert len(shown["pair"]["refused_for"]) == 5
    assert "REFUSED  for 5 settings" in run(*names(MENDED), "--plan").out
    assert "68 operations do the same" in run(*names(MENDED), "--plan", "--mend").out
    assert list(tmp_path.iterdir()) == []


def test_a_plan_loads_no_framework() -> None:
    code = (
        "import sys; from convert.cli import main; main(sys.argv[1:]);"
        "sys.stderr.write(' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *names("resnet50"), "--plan"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"torch", "paddle", "torchvision"} & set(done.stderr.split())
    assert "fc.weight" in done.stdout


def test_a_checkpoint_with_other_classes_is_ported_with_them(
    files: dict[str, Path], tmp_path: Path
) -> None:
    state = dict(read(files[MENDED]).state)
    for key in ("classifier.1.weight", "classifier.1.bias"):
        state[key] = state[key][:7]
    path = tmp_path / "seven.pth"
    write(state, path, kind="pth", framework="torch")
    request = PairRequest(*names(MENDED)[1::2], path, tmp_path, mend=True)
    outcome = convert_pair(request)
    assert outcome.plan.match.target.num_classes == 7
    assert outcome.proof is not None
    assert outcome.proof.max_relative_difference < 1e-12


def test_a_mend_that_does_not_mend_is_seen(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The live nets tell, not the table."""
    monkeypatch.setattr("ppim_port.backends.paddle_vision_nets.mend", lambda *_: None)
    request = PairRequest(*names(MENDED)[1::2], files[MENDED], tmp_path, mend=True)
    assert not plan_pair(request).left
    with pytest.raises(VerificationError, match=r"5 settings differ.*No mend of ours"):
        convert_pair(request)
    assert list(tmp_path.iterdir()) == []


def test_a_tensor_that_is_one_percent_off_is_not_written(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(*arguments: Any) -> StateDict:
        state = apply_port(*arguments)
        state["_conv9.bias"] = state["_conv9.bias"] * np.float32(1.01)
        return state

    monkeypatch.setattr("convert.pairing.pipeline.apply_port", faulty)
    request = PairRequest(*names(MENDED)[1::2], files[MENDED], tmp_path, mend=True)
    with pytest.raises(VerificationError, match=r"weights of the file: the logits dif"):
        convert_pair(request)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(witness() == "live", reason="torchvision speaks for itself here")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state_sha256": "0" * 64}, "other seeded weights than were recorded"),
        ({"logits": np.ones((1, 1000))}, "what torchvision's answered: the logits"),
        ({"logits": np.full((1, 1000), np.nan)}, "prove nothing"),
    ],
)
def test_a_net_that_does_not_answer_as_torchvision_did_is_refused(
    changes: dict[str, Any],
    words: str,
    files: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = replace(answer(MENDED), **changes)
    monkeypatch.setattr("convert.pairing.proof.answer", lambda model: other)
    request = PairRequest(*names(MENDED)[1::2], files[MENDED], tmp_path, mend=True)
    with pytest.raises(VerificationError, match=words):
        convert_pair(request)
    assert list(tmp_path.iterdir()) == []


USAGE: list[tuple[list[str], str]] = [
    (["--from", "torchvision:vgg16"], "belong together"),
    (["--to", "paddle.vision:vgg16", "rednet26"], "belong together"),
    (["rednet26", "--mend"], "belong together"),
    ([*names("vgg16"), "rednet26"], "The model 'rednet26' does not go with --from"),
    ([*names("vgg16"), "--gradients"], "--gradients does not go with --from"),
    ([*names("vgg16")], "weights are needed: --checkpoint FILE"),
    ([*names("vgg61"), "--plan"], "Did you mean"),
    (["--from", "torchvision:vgg16", "--to", "torchvision:vgg16"], "both are torch's"),
]


@pytest.mark.parametrize(("words", "text"), USAGE)
def test_a_request_that_makes_no_sense_is_refused(
    words: list[str], text: str, run: Run
) -> None:
    ran = run(*words)
    assert (ran.code, ran.out) == (2, "")
    assert text in ran.err


def test_a_file_of_the_other_framework_is_refused(
    files: dict[str, Path], tmp_path: Path, run: Run
) -> None:
    words = (*names(PROVEN, back=True), "--checkpoint", files[PROVEN])
    ran = run(*words, "--out", tmp_path)
    assert ran.code == 3
    assert "holds torch tensors, but paddle.vision:shufflenet_v2_x0_5 is paddle's" in (
        ran.err
    )


def test_an_output_that_exists_is_kept(
    files: dict[str, Path], tmp_path: Path, run: Run
) -> None:
    out = tmp_path / "out.pdparams"
    out.write_bytes(b"mine")
    ran = run(*names(PROVEN), "--checkpoint", files[PROVEN], "--out", out)
    assert (ran.code, out.read_bytes()) == (2, b"mine")
