"""Source files that are special, and what the refusals of unfit ones say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convert import Request
from convert.pipeline import convert, plan
from ppim_port.checkpoint import read, write
from ppim_port.errors import (
    CheckpointError,
    CorruptCheckpointError,
    MappingError,
    PpimError,
    UnknownNameError,
    UsageError,
    VerificationError,
)
from ppim_port.mapping import Mapping, apply
from ppim_port.state_dict import StateDict
from tests.convert.made import (
    assert_holds,
    expected_state,
    listing,
    save_as,
    sidecar,
    unproven,
)
from tests.support.states import made_state, rednet


def save(folder: Path, state: StateDict) -> Path:
    path = folder / "source.pth"
    write(state, path, kind="pth", framework="torch")
    return path


def refusal(
    error: type[PpimError], source: Path, *, model: str = "rednet26", **options: bool
) -> str:
    """The text of a refusal that leaves the folder as it was."""
    before = listing(source.parent)
    with pytest.raises(error) as caught:
        unproven(source, source.parent, model=model, **options)
    assert listing(source.parent) == before
    return str(caught.value)


def test_a_square_classifier_is_transposed_all_the_same(tmp_path: Path) -> None:
    square = rednet(num_classes=2048)
    source = save(tmp_path, made_state(square, "official"))
    done = unproven(source, tmp_path)
    assert_holds(done.written.path, made_state(square, "paddle"))


def test_a_square_classifier_that_is_not_transposed_is_not_proven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_nets: None
) -> None:
    def forgets(mapping: Mapping, state: StateDict) -> StateDict:
        out = apply(mapping, state)
        return {**out, "fc.weight": out["fc.weight"].T}

    square = rednet(num_classes=2048)
    source = save(tmp_path, made_state(square, "official"))
    request = Request("rednet26", checkpoint=source, out=tmp_path)
    convert(request)
    monkeypatch.setattr("convert.pipeline.apply", forgets)
    with pytest.raises(VerificationError):
        convert(Request("rednet26", checkpoint=source, out=tmp_path / "wrong.pdparams"))


def test_the_number_of_classes_is_the_files_own_and_proven(tmp_path: Path) -> None:
    ten = rednet(num_classes=10)
    source = save(tmp_path, made_state(ten, "official"))
    done = convert(Request("rednet26", checkpoint=source, out=tmp_path))
    assert done.plan.mapping.config == ten
    assert done.proof is not None
    assert_holds(done.written.path, made_state(ten, "paddle"))


def test_a_stem_of_seven_by_seven_is_told_from_the_file_and_proven(
    tmp_path: Path,
) -> None:
    wide = rednet(stem_kernel_size=7)
    source = save(tmp_path, made_state(wide, "official"))
    done = convert(Request("rednet26", checkpoint=source, out=tmp_path))
    assert done.plan.mapping.config == wide
    assert done.proof is not None
    assert_holds(done.written.path, made_state(wide, "paddle"))


def test_a_stem_of_no_odd_size_is_refused(tmp_path: Path) -> None:
    state = made_state(rednet(), "official")
    key = "backbone.stem.1.conv2.conv.weight"
    state[key] = np.zeros((32, 8, 1, 1), np.float32)
    text = refusal(MappingError, save(tmp_path, state))
    assert "expected 18 (3x3) or 98 (7x7)" in text


def test_the_prefix_of_distributed_training_is_taken_off(tmp_path: Path) -> None:
    state = made_state(rednet(), "official")
    source = save(tmp_path, {f"module.{key}": value for key, value in state.items()})
    done = unproven(source, tmp_path)
    assert_holds(done.written.path, made_state(rednet(), "paddle"))
    assert sidecar(done)["source"]["naming"] == "official, in module.*"


def test_half_precision_is_widened_exactly_and_said(tmp_path: Path) -> None:
    def halved(value: np.ndarray) -> np.ndarray:
        return value.astype(np.float16) if value.dtype == np.float32 else value

    official = made_state(rednet(), "official")
    source = save(tmp_path, {key: halved(value) for key, value in official.items()})
    done = unproven(source, tmp_path)
    expected = expected_state("paddle")
    assert_holds(
        done.written.path,
        {k: v.astype(np.float16).astype(np.float32) for k, v in expected.items()},
    )
    reasons = {fate["reason"] for fate in sidecar(done)["tensors"]}
    assert "float16 widened to float32, exactly" in reasons


def test_double_precision_is_refused_because_it_would_lose_digits(
    tmp_path: Path,
) -> None:
    state = made_state(rednet(), "official")
    state["head.fc.bias"] = state["head.fc.bias"].astype(np.float64)
    text = refusal(MappingError, save(tmp_path, state))
    assert "dtype: head.fc.bias is float64, expected float32" in text
    assert "1 problems, nothing was converted" in text


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused_by_key(
    bad: float, tmp_path: Path
) -> None:
    state = made_state(rednet(), "official")
    state["head.fc.bias"][3] = bad
    state["backbone.stem.2.running_var"][0] = bad
    source = save(tmp_path, state)
    text = refusal(CheckpointError, source)
    keys = "backbone.stem.2.running_var, head.fc.bias"
    assert text.startswith(f"{source}: NaN or infinities in {keys}")
    assert "Nothing was written; --allow-nonfinite --no-verify converts it" in text


def test_negative_variances_are_refused_by_key_or_converted_on_request(
    tmp_path: Path,
) -> None:
    state = made_state(rednet(), "official")
    for key in ("backbone.stem.2.running_var", "backbone.layer4.0.bn3.running_var"):
        state[key][0] = -1e-8
    source = save(tmp_path, state)
    text = refusal(CheckpointError, source)
    assert text.startswith(
        f"{source}: negative variances in backbone.stem.2.running_var, "
        "backbone.layer4.0.bn3.running_var. Nothing was written; --allow-nonfinite"
    )
    done = unproven(source, tmp_path, allow_nonfinite=True)
    assert read(done.written.path).state["stem.2._variance"][0] == np.float32(-1e-8)


def test_weights_that_are_not_finite_are_converted_on_request(tmp_path: Path) -> None:
    state = made_state(rednet(), "official")
    state["head.fc.bias"][3] = np.nan
    source = save(tmp_path, state)
    done = unproven(source, tmp_path, allow_nonfinite=True)
    bias = read(done.written.path).state["fc.bias"]
    assert bias.tobytes() == state["head.fc.bias"].tobytes()


def test_the_wrong_model_is_told_every_key_and_the_right_model(tmp_path: Path) -> None:
    source = save_as("official", tmp_path / "rednet26.pth")
    text = refusal(MappingError, source, model="rednet50")
    lines = text.splitlines()
    held = made_state(rednet(), "official").keys()
    absent = made_state(rednet("50"), "official").keys() - held
    # Counters may be missing from a file; every other tensor may not.
    missing = sorted(key for key in absent if not key.endswith("num_batches_tracked"))
    assert lines[0] == (
        f"{source}: its 251 keys do not fit rednet50; {len(missing)} problems, "
        "nothing was converted:"
    )
    assert lines[1:-1] == [f"  missing: {key}" for key in missing]
    assert lines[-1] == "These keys fit rednet26: ask for that model instead."


def test_the_wrong_family_is_told_the_right_model(tmp_path: Path) -> None:
    source = save_as("paddle", tmp_path / "rednet26.pdparams")
    text = refusal(MappingError, source, model="efficientnet_lite1")
    assert text.endswith("\nThese keys fit rednet26: ask for that model instead.")


def test_a_longer_model_is_told_what_is_unexpected(tmp_path: Path) -> None:
    source = save(tmp_path, made_state(rednet("38"), "torch"))
    text = refusal(MappingError, source)
    assert "  unexpected: layer1.1.conv1.weight\n" in text
    assert "missing" not in text
    assert text.endswith("These keys fit rednet38: ask for that model instead.")


def test_a_file_of_no_variant_gets_no_false_advice(tmp_path: Path) -> None:
    state = made_state(rednet(), "official")
    del state["head.fc.bias"]
    text = refusal(MappingError, save(tmp_path, state))
    assert text.splitlines()[1:] == ["  missing: head.fc.bias"]


def test_a_checkpoint_that_is_absent_or_a_folder_is_named(tmp_path: Path) -> None:
    absent = tmp_path / "absent.pth"
    text = refusal(CheckpointError, absent)
    assert text == (
        f"{absent}: does not exist; expected a weights file. Nothing was written."
    )
    folder = tmp_path / "folder"
    folder.mkdir()
    assert f"{folder}: is a folder; expected" in refusal(CheckpointError, folder)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [cut, empty])
def test_a_damaged_file_is_refused_by_name(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    source = save_as("official", tmp_path / "source.pth")
    damage(source)
    assert str(source) in refusal(CorruptCheckpointError, source)


def test_a_web_page_is_called_one(tmp_path: Path) -> None:
    source = tmp_path / "rednet26.pth"
    source.write_text("<!DOCTYPE html><title>Sign in</title>")
    assert "an HTML page" in refusal(CheckpointError, source)


def test_an_unknown_model_is_told_its_neighbours(tmp_path: Path) -> None:
    text = refusal(UnknownNameError, tmp_path / "any", model="rednet62")
    assert "Did you mean rednet26" in text


def test_a_file_and_a_source_exclude_each_other(tmp_path: Path) -> None:
    request = Request("rednet26", checkpoint=tmp_path / "a", source="official")
    for action in (plan, convert):
        with pytest.raises(UsageError, match="exclude each other"):
            action(request)
