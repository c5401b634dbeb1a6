"""What the bits depend on is written down, proved by canaries, and does not vary."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eval.pipeline import evaluate
from eval.records import Request, Row
from eval.report import RESULT_NAME, result_object
from eval.ties import near_ties
from eval.verification import verify
from ppim_port.backends import get_backend
from ppim_port.errors import LedgerError
from ppim_port.state_dict import FRAMEWORKS, Array, FrameworkName
from tests.eval.conftest import use_backend
from tests.eval.made import DEMO, DEMO_LIST
from tests.eval.runs.made_runs import Apart, ledger_of
from tests.support.fake_backend import FakeBackend, FakeNet


@pytest.mark.parametrize(
    "framework", ["torch", pytest.param("paddle", marks=pytest.mark.slow)]
)
def test_one_and_eight_workers_give_the_same_ledger(
    framework: FrameworkName, demo_weights: Path, tmp_path: Path
) -> None:
    request = Request("rednet26", DEMO, DEMO_LIST, framework, demo_weights, 4)
    results = [
        evaluate(replace(request, workers=workers, run=tmp_path / str(workers)))
        for workers in (1, 8)
    ]
    assert ledger_of(tmp_path / "1") == ledger_of(tmp_path / "8")
    first, second = (result.certificate for result in results)
    assert first.canaries == second.canaries
    assert set(first.canaries) == {"decode", "resize", "logits"}
    # float32 has 24 bits, and the demo's logits are about 1: a sum may lose a few.
    assert 2**-30 < first.rounding < 2**-14


def test_batches_of_32_and_50_give_the_same_rows(
    small: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_backend(monkeypatch, Apart)
    found = [
        evaluate(replace(small, batch_size=size, run=None)).rows for size in (32, 50, 1)
    ]
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_switches_are_pinned(framework: FrameworkName) -> None:
    flags = get_backend(framework).pin()
    wanted: dict[str, dict[str, object]] = {
        "torch": {
            "float32_matmul_precision": "highest",
            "cuda.matmul.allow_tf32": False,
            "cudnn.allow_tf32": False,
            "cudnn.benchmark": False,
            "cudnn.deterministic": True,
        },
        "paddle": {"FLAGS_use_onednn": False, "FLAGS_paddle_num_threads": 1},
    }
    assert {name: flags[name] for name in wanted[framework]} == wanted[framework]


def test_a_switch_that_was_on_is_turned_off() -> None:
    import torch

    torch.backends.cudnn.benchmark = True
    get_backend("torch").pin()
    assert torch.backends.cudnn.benchmark is False


@pytest.mark.parametrize("recipe", ["torchvision-pil", "rednet-official"])
@pytest.mark.usefixtures("fake")
def test_pillow_is_in_the_certificate_where_it_makes_pixels(
    recipe: str, small: Request
) -> None:
    import PIL

    used = {"pillow": PIL.__version__} if recipe == "torchvision-pil" else {}
    evaluate(replace(small, recipe=recipe))
    assert small.run is not None
    found = verify(small.run)
    assert found.result is not None
    for versions in (
        found.result["certificate"]["versions"],
        found.result["versions"],
        found.sealed.settings,
    ):
        assert {k: v for k, v in versions.items() if k == "pillow"} == used


@pytest.mark.usefixtures("fake")
def test_another_pillow_does_not_go_on_with_its_run(
    small: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = replace(small, recipe="torchvision-pil")
    evaluate(request)
    assert small.run is not None
    (small.run / RESULT_NAME).unlink()
    monkeypatch.setattr("PIL.__version__", "1.1.7")
    with pytest.raises(LedgerError, match="pillow"):
        evaluate(request)


@pytest.mark.usefixtures("fake")
def test_the_certificate_stands_in_the_result(run: Path) -> None:
    found = json.loads((run / RESULT_NAME).read_text())["certificate"]
    assert {"opencv", "numpy", "python", "ppim-port"} <= set(found["versions"])
    assert {"cores", "decode", "opencv", "operators"} <= set(found["threads"])
    assert found["flags"] == {"fake": True}
    assert all(len(digest) == 64 for digest in found["canaries"].values())


def row(*logits: float, rank: int = 0, own: float | None = None) -> Row:
    label = logits[rank] if own is None else own
    return Row("a", "d", 0, tuple(range(5)), logits, label, rank, 9.0)


@pytest.mark.parametrize(
    ("one", "gap"),
    [
        (row(5, 4, 3, 2, 1), 1.0),
        (row(5, 4.75, 3, 2, 1), 0.25),
        (row(5, 3, 2.5, 2, 1, rank=1), 2.0),
        (row(9, 3, 2.5, 2, 1, rank=7, own=0.5), 0.5),
        (row(9, 9, 2.5, 2, 1, rank=7, own=0.5), 0.0),
    ],
)
def test_a_near_tie_is_a_count_that_hangs_on_less(one: Row, gap: float) -> None:
    assert near_ties([one], gap) == ["a"]
    assert near_ties([one], np.nextafter(gap, -1)) == []


class Tied(FakeBackend):
    """Two classes always share the largest logit, up to rounding."""

    def predict(self, model: FakeNet, images: Array) -> Array:
        logits = super().predict(model, images).copy()
        noise = 1e-5 if model.precision == "float32" else 0
        logits[:, :2] = 100
        logits[:, 1] += noise
        return logits


def test_near_ties_are_listed_in_the_result(
    small: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_backend(monkeypatch, Tied)
    result = evaluate(small)
    ties = result_object(result)["near_ties"]
    assert ties["within"] == 2 * result.certificate.rounding
    assert ties["pictures"] == [one.id for one in result.rows]
    assert small.run is not None
    verify(small.run)
