"""`convert verify MODEL FILE`: a file that is there is proven, or refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convert import verify_file
from convert.records import Outcome
from ppim_port import sources
from ppim_port.checkpoint import read, sha256_file, write
from ppim_port.errors import MappingError, UnknownNameError, VerificationError
from ppim_port.fetch.cache import CacheEntry
from ppim_port.state_dict import Array
from tests.convert.conftest import Ran
from tests.convert.made import listing, save_as
from tests.convert.test_fetching import Network

Run = Callable[..., Ran]


@pytest.fixture
def file(ported: Outcome, tmp_path: Path) -> Path:
    """A port with its sidecar, its source elsewhere."""
    folder = tmp_path / "there"
    folder.mkdir()
    shutil.copy(ported.provenance, folder)
    return Path(shutil.copy(ported.written.path, folder))


def spoil(file: Path, key: str, change: Callable[[Array], Array]) -> Path:
    """The same file with one tensor changed, and no sidecar."""
    state = dict(read(file).state)
    state[key] = np.ascontiguousarray(change(state[key].copy()))
    path = file.with_name("spoilt.pdparams")
    write(state, path, kind="pdparams", framework="paddle")
    return path


def test_it_is_held_against_the_source_beside_it_that_its_sidecar_names(
    file: Path, official: Path, run: Run
) -> None:
    shutil.copy(official, file.parent)
    before = listing(file.parent)
    ran = run("verify", "rednet26", file)
    assert (ran.code, ran.err) == (0, "verifying: both nets, float64\n")
    lines = ran.out.splitlines()
    assert lines[0] == f"rednet26: {file} is right"
    assert lines[1] == (f"against  {file.parent / official.name}, as its sidecar says")
    assert [line.split()[0] for line in lines[2:]] == [
        "parity",
        "noise",
        "nets",
        "sha256",
    ]
    assert "torch 2." in lines[2]
    assert lines[-1].endswith(sha256_file(file))
    assert listing(file.parent) == before


def test_a_file_of_another_model_is_told_of_by_its_own_name(
    file: Path, official: Path, fake_nets: None
) -> None:
    with pytest.raises(MappingError) as caught:
        verify_file("efficientnet_lite0", file, against=official)
    assert str(caught.value).startswith(f"{file}: its 211 keys do not fit ")


def test_the_source_is_found_in_the_cache_by_its_digest(
    file: Path, official: Path, monkeypatch: pytest.MonkeyPatch, fake_nets: None
) -> None:
    entry = CacheEntry(official, 1, sha256_file(official), "official", "u", "download")
    monkeypatch.setattr("convert.search.cache_entries", lambda: [entry])
    found = verify_file("rednet26", file)
    assert found.against is not None
    assert found.against.origin.path == official


def test_a_source_that_is_not_at_hand_is_said(file: Path, fake_nets: None) -> None:
    found = verify_file("rednet26", file)
    assert found.against is None
    assert found.note.startswith("itself in the other framework: its source (sha256 ")
    assert found.note.endswith(" is not at hand")


def test_a_file_alone_must_say_the_same_in_both_frameworks(
    official: Path, run: Run, fake_nets: None
) -> None:
    ran = run("verify", "rednet26", official, "--json")
    assert (ran.code, ran.err) == (0, "")
    shown = json.loads(ran.out)
    assert shown["against"] is None
    assert shown["note"].endswith("no sidecar lies beside it")
    assert shown["file"] == {
        "path": str(official),
        "sha256": sha256_file(official),
        "format": "pth-zip",
        "framework": "torch",
    }
    assert shown["parity"]["source"] == "torch fake"
    assert shown["parity"]["target"] == "paddle fake"
    assert set(shown["parity"]["noise_floor"]) == {"source", "target"}


def test_a_given_source_may_be_of_either_framework_and_any_format(
    file: Path, tmp_path: Path, fake_nets: None
) -> None:
    for made in ("official", "plain", "torch-safe", "paddle-safe"):
        source = save_as(made, tmp_path / made)
        found = verify_file("rednet26", file, against=source)
        assert found.against is not None
        assert found.note == "as given"
        assert found.against.checkpoint.framework == made.removesuffix("-safe").replace(
            "official", "torch"
        ).replace("plain", "torch")


def test_a_source_of_the_manifest_is_fetched(
    file: Path, official: Path, monkeypatch: pytest.MonkeyPatch, fake_nets: None
) -> None:
    network = Network(official)
    monkeypatch.setattr(sources, "fetch", network)
    found = verify_file("rednet26", file, against="official")
    assert network.asked == ["official"]
    assert found.note == "the official source"
    assert found.against is not None
    assert found.against.origin.trust == "first-use"


def test_a_mistyped_source_is_told_the_known_ones(file: Path, fake_nets: None) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean official"):
        verify_file("rednet26", file, against="offical")


@pytest.mark.parametrize(
    ("key", "change", "said"),
    [
        ("layer3.1.bn2._mean", np.negative, "layer3.1.bn2._mean differs in 256 of 256"),
        ("fc.weight", lambda v: v[:, ::-1], "fc.weight differs in 2,0"),
    ],
)
def test_a_file_that_is_not_its_source_is_refused_with_layer_and_tensor(
    key: str, change: Callable[[Array], Array], said: str, file: Path, official: Path
) -> None:
    path = spoil(file, key, change)
    with pytest.raises(VerificationError) as caught:
        verify_file("rednet26", path, against=official)
    text = str(caught.value)
    assert text.startswith("rednet26: the torch and the paddle net disagree by ")
    assert f"{path} is as it was; do not use it." in text
    assert "Nothing was written" not in text
    layer = key.rpartition(".")[0]
    assert f"given the source's own input, {layer} is the first layer that" in text
    assert said in text


def test_one_last_bit_that_no_logit_shows_is_refused(
    file: Path, official: Path, run: Run
) -> None:
    def last_bit(value: Array) -> Array:
        value.flat[7] = np.nextafter(value.flat[7], np.float32(9), dtype=np.float32)
        return value

    path = spoil(file, "layer4.0.conv3.weight", last_bit)
    ran = run("verify", "rednet26", path, "--against", official)
    assert (ran.code, ran.out) == (1, "")
    assert "agree in float64, but not everything else does" in ran.err
    assert "returned: layer4.0.conv3.weight differs in 1 of 1,048,576" in ran.err


def test_a_nan_is_refused(file: Path, official: Path) -> None:
    path = spoil(file, "stem.2.bias", lambda v: v * np.nan)
    with pytest.raises(VerificationError, match=r"NaN or infinities in stem\.2\.bias"):
        verify_file("rednet26", path, against=official)


def test_a_file_that_its_sidecar_does_not_know_is_refused(file: Path, run: Run) -> None:
    spoil(file, "fc.bias", np.negative).replace(file)
    ran = run("verify", "rednet26", file)
    assert (ran.code, ran.out) == (1, "")
    assert "its sidecar says" in ran.err
    assert "is not the file that was converted" in ran.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "Name a model and a file, or --self-test."),
        (("rednet26",), 2, "Name a model and a file, or --self-test."),
        (("rednet27", "a.pth"), 2, "Did you mean rednet26"),
        (("rednet26", "absent.pth"), 3, "absent.pth: does not exist"),
        (("rednet26", "a.pth", "--seed", 3), 2, "--seed is for --self-test."),
        (("rednet26", "a.pth", "--faults", 300), 2, "--faults is for --self-test."),
        (("rednet26", "a.pth", "--model", "x"), 2, "--model is for --self-test."),
        (("--self-test", "--faults", 199), 2, "fewer than 200 would prove too"),
        (("--self-test", "rednet26", "a.pth"), 2, "FILE has no place in a --self-"),
        (("--self-test", "--against", "a"), 2, "--against has no place in a --self-"),
        (("--self-test", "--model", "rednet7"), 2, "Unknown model 'rednet7'"),
    ],
)
def test_a_request_that_cannot_be_met_says_why(
    words: tuple[object, ...], code: int, said: str, run: Run
) -> None:
    ran = run("verify", *words)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("convert verify: error: ")
    assert said in ran.err


def test_the_wrong_model_is_bad_input_with_the_right_ones_name(
    official: Path, run: Run
) -> None:
    ran = run("verify", "rednet50", official, "--quiet")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.endswith("These keys fit rednet26: ask for that model instead.\n")
