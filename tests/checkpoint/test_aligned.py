"""Whatever lies crooked in a file is straight in memory, and the nets take it."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppim_port.checkpoint import open_checkpoint, pages, read, write
from tests.checkpoint.frameworks import paddle, torch
from tests.checkpoint.made import assert_same_bits

# Key lengths of every remainder, so that raw bytes start at every one.
STATE = {
    "k" * n: np.arange(n * 7, dtype=dtype).reshape(-1, 7)
    for n, dtype in zip(range(1, 17), ("f4", "f8", "i8", "f2") * 4, strict=True)
}


@pytest.fixture
def crooked(tmp_path: Path) -> Path:
    write(STATE, tmp_path / "a", kind="pdparams", framework="paddle")
    return tmp_path / "a"


def test_the_file_really_holds_unaligned_tensors(crooked: Path) -> None:
    raw = crooked.read_bytes()
    starts = [raw.index(value.tobytes()) % value.itemsize for value in STATE.values()]
    assert any(starts)


def test_every_array_that_is_read_is_aligned_and_read_only(crooked: Path) -> None:
    state = read(crooked).state
    assert_same_bits(state, STATE)
    for value in state.values():
        assert value.flags.aligned
        assert not value.flags.writeable


def test_one_at_a_time_is_the_same_as_all_at_once(crooked: Path) -> None:
    opened = open_checkpoint(crooked)
    assert_same_bits(dict(opened.tensors), read(crooked).state)
    assert opened.framework == "paddle"


def test_torch_and_paddle_take_what_was_read(crooked: Path) -> None:
    for key, value in read(crooked).state.items():
        copied: Any = np.array(value)
        assert np.array_equal(torch().from_numpy(copied).numpy(), STATE[key])
        assert np.array_equal(paddle().to_tensor(copied).numpy(), STATE[key])


def test_views_hold_after_their_pages_were_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = []
    monkeypatch.setattr(pages, "STEP", 1)
    real = pages.release

    def noted(view: memoryview) -> None:
        released.append(type(view.obj))
        real(view)

    monkeypatch.setattr(pages, "release", noted)
    write(STATE, tmp_path / "a", kind="pth", framework="torch")
    assert len(released) > len(STATE)
    assert set(released) == {mmap.mmap}
    assert_same_bits(read(tmp_path / "a").state, STATE)


def test_bytes_that_are_no_mapped_file_are_left_alone() -> None:
    pages.release(memoryview(b"abc"))
