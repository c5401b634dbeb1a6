"""Any weights file of a known model, in the names and layouts of either framework."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ppim_port.checkpoint import write
from ppim_port.errors import CheckpointError, MappingError
from ppim_port.manifest import load_manifest
from ppim_port.state_dict import FRAMEWORKS, FrameworkName, StateDict
from ppim_port.weights import load_weights
from tests.convert.made import MADE, Made, expected_state, save_as
from tests.support.states import made_state, rednet

RECORD = load_manifest().model("rednet26")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[Made, Path]:
    folder = tmp_path_factory.mktemp("files")
    return {made: save_as(made, folder / made) for made in MADE}


def save(path: Path, state: StateDict) -> Path:
    write(state, path, kind="pth", framework="torch")
    return path


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("made", MADE)
def test_every_file_gives_the_same_net(
    made: Made, framework: FrameworkName, files: dict[Made, Path]
) -> None:
    loaded = load_weights(files[made], RECORD, framework=framework)
    counters = 0 if made.startswith("paddle") else None
    expected = expected_state(framework, counters=counters)
    assert list(loaded.state) == list(expected)
    for key, value in expected.items():
        assert loaded.state[key].dtype == value.dtype, key
        assert np.array_equal(loaded.state[key], value), key


def test_it_says_what_it_found_where(files: dict[Made, Path]) -> None:
    loaded = load_weights(str(files["official"]), RECORD, framework="paddle")
    assert loaded.path == files["official"]
    assert loaded.mapping.naming == "official"
    assert loaded.mapping.config == rednet()
    assert len(loaded.mapping.dropped) == 40


def test_the_net_is_the_files_own(tmp_path: Path) -> None:
    config = rednet(num_classes=7, stem_kernel_size=7)
    path = save(tmp_path / "a", made_state(config, "official"))
    loaded = load_weights(path, RECORD, framework="torch")
    assert loaded.mapping.config == config


def test_the_wrong_model_is_told_the_right_one(files: dict[Made, Path]) -> None:
    record = load_manifest().model("rednet101")
    with pytest.raises(MappingError) as caught:
        load_weights(files["paddle"], record, framework="paddle")
    text = str(caught.value)
    assert text.startswith(f"{files['paddle']}: its 211 keys do not fit rednet101; ")
    assert text.endswith("These keys fit rednet26: ask for that model instead.")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused_by_key(
    bad: float, tmp_path: Path
) -> None:
    state = made_state(rednet(), "official")
    state["head.fc.bias"][0] = bad
    path = save(tmp_path / "a", state)
    with pytest.raises(CheckpointError) as caught:
        load_weights(path, RECORD, framework="paddle")
    assert str(caught.value) == (
        f"{path}: NaN or infinities in head.fc.bias. Nothing was loaded."
    )


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"absent\.pth does not exist"):
        load_weights(tmp_path / "absent.pth", RECORD, framework="torch")
