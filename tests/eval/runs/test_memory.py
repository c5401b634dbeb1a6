"""Too little memory makes batches smaller; nothing else does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eval.pipeline import evaluate
from eval.records import Request
from eval.scoring import Net, is_out_of_memory
from ppim_port.errors import PpimError
from ppim_port.state_dict import Array
from tests.eval.conftest import use_backend
from tests.eval.runs.made_runs import Apart, ledger_of
from tests.support.fake_backend import FakeNet

OUT = [
    MemoryError(),
    RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
    SystemError("(ResourceExhausted) Fail to alloc memory of 99 size. [Hint: ...]"),
    RuntimeError("std::bad_alloc"),
]


class Doubling:
    """The least of a backend."""

    def __init__(self, most: int, error: Exception) -> None:
        self.most, self.error = most, error
        self.sizes: list[int] = []

    def predict(self, model: object, images: Array) -> Array:
        self.sizes.append(len(images))
        if len(images) > self.most:
            raise self.error
        return images * 2


@pytest.mark.parametrize("error", OUT, ids=lambda e: f"{e!r}"[:40])
def test_too_little_memory_halves_until_it_fits(error: Exception) -> None:
    backend = Doubling(3, error)
    net = Net(backend, None)  # type: ignore[arg-type]
    images = np.arange(13)
    assert net.predict(images).tolist() == (images * 2).tolist()
    assert backend.sizes == [13, 6, 3, 3, 3, 3, 1]
    backend.sizes.clear()
    net.predict(images[:5])
    assert backend.sizes == [3, 2]
    assert net.most == 3


def test_not_even_one_picture_is_said() -> None:
    net = Net(Doubling(0, MemoryError("none left")), None)  # type: ignore[arg-type]
    with pytest.raises(PpimError, match=r"even one picture \(none left\)"):
        net.predict(np.arange(4))


@pytest.mark.parametrize(
    "error", [RuntimeError("shape mismatch"), ValueError("x"), KeyError("memory")]
)
def test_any_other_error_fails_at_once(error: Exception) -> None:
    backend = Doubling(0, error)
    with pytest.raises(type(error)):
        Net(backend, None).predict(np.arange(4))  # type: ignore[arg-type]
    assert backend.sizes == [4]
    assert not is_out_of_memory(error)


def test_the_ledger_is_the_same_and_the_shortage_is_said(
    small: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = replace(small, batch_size=8)
    use_backend(monkeypatch, Apart)
    evaluate(replace(request, run=tmp_path / "enough"))

    class Short(Apart):
        def predict(self, model: FakeNet, images: Array) -> Array:
            if len(images) > 3:
                raise MemoryError
            return super().predict(model, images)

    use_backend(monkeypatch, Short)
    said: list[str] = []
    evaluate(request, say=said.append)
    assert "short of memory: the net took 2 pictures at once" in said
    assert small.run is not None
    assert ledger_of(small.run) == ledger_of(tmp_path / "enough")
