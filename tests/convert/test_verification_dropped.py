"""The dropped counters' values stand in plan, outcome and sidecar."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.convert.conftest import Ran
from tests.convert.made import save_official
from tests.support.states import made_state, rednet

Run = Callable[..., Ran]
KEY = "backbone.layer3.2.bn1.num_batches_tracked"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    state = made_state(rednet(), "official")
    state[KEY] = np.array([81380], np.int64).reshape(())
    return save_official(tmp_path / "source.pth", state)


def test_the_plan_tells_them(source: Path, run: Run) -> None:
    words = ("rednet26", "--plan", "--checkpoint", source)
    shown = json.loads(run(*words, "--json").out)["dropped"]
    assert len(shown) == 40
    assert shown.pop(KEY) == 81380
    assert set(shown.values()) == {1}
    (row,) = [line for line in run(*words).out.splitlines() if KEY in line]
    assert row.endswith(
        "held 81380; no counterpart in the target; evaluation never reads it"
    )


def test_a_plan_without_a_file_has_none_to_tell(run: Run) -> None:
    assert json.loads(run("rednet26", "--plan", "--json").out)["dropped"] == {}


def test_the_outcome_and_the_sidecar_tell_them(
    source: Path, tmp_path: Path, run: Run
) -> None:
    out = tmp_path / "out.pdparams"
    ran = run(
        *("rednet26", "--checkpoint", source, "--out", out, "--no-verify", "--json")
    )
    shown = json.loads(ran.out)["dropped"]
    written = json.loads((tmp_path / "out.pdparams.provenance.json").read_text())
    assert shown == written["dropped"]
    assert (len(shown), shown[KEY]) == (40, 81380)


def test_nothing_is_dropped_on_the_way_back(
    paddle_file: Path, tmp_path: Path, run: Run
) -> None:
    words = ("--out", tmp_path / "a.pth", "--no-verify", "--json")
    ran = run("rednet26", "--checkpoint", paddle_file, *words)
    assert json.loads(ran.out)["dropped"] == {}
