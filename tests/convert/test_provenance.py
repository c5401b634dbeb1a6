"""The sidecar accounts for every tensor, and gives nobody away."""

from __future__ import annotations

import hashlib
import json
import re
import socket
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.provenance import provenance_path, tensor_digest
from convert.records import Outcome
from ppim_port.checkpoint import read, sha256_file
from tests.convert.made import SECRET, sidecar, unproven
from tests.support.shared import GOLDEN, needs_shared

DATE = re.compile(r"\b20\d\d-\d\d|\b\d\d:\d\d\b")


def digest(value: np.ndarray) -> str:
    return hashlib.sha256(
        value.astype(value.dtype.newbyteorder("<")).tobytes()
    ).hexdigest()


def test_it_lies_beside_its_output(ported: Outcome) -> None:
    assert ported.provenance == provenance_path(ported.written.path)
    assert ported.provenance.name == "rednet26.pdparams.provenance.json"


def test_source_and_target_are_named_by_digest(ported: Outcome, official: Path) -> None:
    data = sidecar(ported)
    assert data["schema"] == 1
    assert data["model"] == "rednet26"
    assert data["source"] == {
        "file": "rednet26-official.pth",
        "sha256": sha256_file(official),
        "origin": "file",
        "url": None,
        "trust": "given by the user",
        "format": "pth-zip",
        "framework": "torch",
        "naming": "official",
        "container": ["state_dict"],
        "left_behind": ["meta"],
    }
    assert data["target"] == {
        "file": "rednet26.pdparams",
        "sha256": sha256_file(ported.written.path),
        "size": ported.written.path.stat().st_size,
        "format": "pdparams",
        "framework": "paddle",
    }


def test_every_tensor_of_both_files_is_there_once_with_its_digest(
    ported: Outcome, official: Path
) -> None:
    source, target = read(official).state, read(ported.written.path).state
    tensors = sidecar(ported)["tensors"]
    digests = {t["source"]: t["source_sha256"] for t in tensors}
    assert digests == {key: digest(value) for key, value in source.items()}
    kept = [t for t in tensors if t["target"]]
    digests = {t["target"]: t["target_sha256"] for t in kept}
    assert digests == {key: digest(value) for key, value in target.items()}
    assert (len(tensors), len(kept)) == (251, 211)
    for entry in kept:
        value = target[entry["target"]]
        assert (entry["shape"], entry["dtype"]) == (list(value.shape), value.dtype.name)


def test_what_did_not_move_has_one_digest_and_what_did_has_two(
    ported: Outcome,
) -> None:
    changed = [
        t["target"]
        for t in sidecar(ported)["tensors"]
        if t["source_sha256"] != t["target_sha256"] and t["target"]
    ]
    assert changed == ["fc.weight"]


def test_rules_and_reasons_are_counted(ported: Outcome) -> None:
    data = sidecar(ported)
    assert data["rules"] == {"rename": 210, "drop": 40, "transpose": 1}
    dropped = [t for t in data["tensors"] if t["target"] is None]
    assert all(t["source"].endswith("num_batches_tracked") for t in dropped)
    assert {t["reason"] for t in dropped} == {
        "no counterpart in the target; evaluation never reads it"
    }
    (moved,) = [t for t in data["tensors"] if t["action"] == "transpose"]
    assert moved["target"] == "fc.weight"
    assert moved["reason"].startswith("Linear is [out, in] in PyTorch")


def test_a_created_tensor_has_no_source(paddle_file: Path, tmp_path: Path) -> None:
    data = sidecar(unproven(paddle_file, tmp_path))
    created = [t for t in data["tensors"] if t["source"] is None]
    assert len(created) == data["rules"]["create"] == 40
    assert {t["source_sha256"] for t in created} == {None}
    assert {t["target_sha256"] for t in created} == {digest(np.array(0, np.int64))}


def test_versions_are_those_of_the_installed_packages(ported: Outcome) -> None:
    versions = sidecar(ported)["versions"]
    assert list(versions) == [
        "ppim-port",
        "numpy",
        "torch",
        "paddlepaddle",
        "keras",
        "h5py",
        "safetensors",
    ]
    assert versions == {name: version(name) for name in versions}


def test_an_absent_package_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    from convert.provenance import _version

    assert _version("no-such-package-anywhere") is None


def test_the_proof_is_recorded_and_its_absence_is_said(
    ported: Outcome, official: Path, tmp_path: Path
) -> None:
    parity = sidecar(ported)["parity"]
    assert ported.proof is not None
    assert parity["max_relative_difference"] == ported.proof.max_relative_difference
    assert parity["tolerance"] == 1e-9
    assert sidecar(unproven(official, tmp_path))["parity"] is None


def texts(value: Any) -> list[str]:
    """Every text anywhere in a JSON value."""
    if isinstance(value, dict):
        return [t for item in value.items() for part in item for t in texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts(part)]
    return [value] if isinstance(value, str) else []


def assert_gives_nobody_away(outcome: Outcome) -> None:
    raw = outcome.provenance.read_text("utf-8")
    assert SECRET not in raw
    assert socket.gethostname() not in raw
    assert not DATE.search(raw)
    paths = [text for text in texts(json.loads(raw)) if "/" in text or "\\" in text]
    assert paths == []


def test_it_holds_no_path_no_date_and_no_host(ported: Outcome) -> None:
    assert_gives_nobody_away(ported)


@needs_shared
def test_it_gives_nobody_away_for_the_golden_file_either(tmp_path: Path) -> None:
    assert_gives_nobody_away(unproven(GOLDEN / "rednet26.pth", tmp_path))


def test_a_file_name_that_is_no_text_still_makes_a_proper_sidecar(
    paddle_file: Path, tmp_path: Path
) -> None:
    odd = tmp_path / "odd\udcff.pdparams"
    odd.symlink_to(paddle_file)
    data = sidecar(unproven(odd, tmp_path / "a.pth"))
    assert data["source"]["file"] == "odd\udcff.pdparams"


@pytest.mark.parametrize(
    "value",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3).T,
        np.array(3, np.int64),
        np.zeros((0, 3), np.float16),
        np.arange(5, dtype=">f4"),
    ],
    ids=["transposed", "scalar", "empty", "big-endian"],
)
def test_a_digest_is_of_little_endian_bytes_in_c_order(value: np.ndarray) -> None:
    assert tensor_digest(value) == digest(value)
