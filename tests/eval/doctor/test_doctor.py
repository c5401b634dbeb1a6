"""Each injected fault is diagnosed as itself, first in the list.

The faults are made here with plain OpenCV, Pillow and torch, not with the doctor's own
variants; the net is a real RedNet-26 that knows the demo's pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from eval.commands import doctor as command
from eval.doctor import AS_IS, Variant, by_accuracy, by_ledger
from eval.doctor.units import shrunk_mean
from eval.doctor.variants import variants
from eval.examine import Examination, examine
from eval.journal import Journal
from eval.ledger import row_of
from eval.records import Request, Row, Sample
from ppim_port.manifest import load_manifest
from ppim_port.recipe import recipe_from_dict
from ppim_port.state_dict import Array
from tests.eval.doctor.faults import BROKEN, FAULTY_LABELS, MEAN, PREPARED, STD
from tests.eval.made import DEMO, demo_labels, record

# Sides whose scaled long side and crop offset fall on every side of the rounding rules.
SIZES = ((301, 457), (256, 385), (411, 290), (256, 387))


def chosen() -> list[tuple[str, int]]:
    """Names and labels of the pictures, in order."""
    return sorted(demo_labels().items())[:4]


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pictures of odd sizes, one of them with an EXIF orientation."""
    from demo.pictures import _exif

    root = tmp_path_factory.mktemp("doctor")
    lines = []
    for number, (name, label) in enumerate(chosen()):
        image = cv2.imread(str(DEMO / name), cv2.IMREAD_COLOR)
        size = SIZES[number % len(SIZES)]
        image = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
        data = cv2.imencode(".jpg", image)[1].tobytes()
        if number % 4 == 0:
            data = data[:2] + _exif(6) + data[2:]
        (root / name).write_bytes(data)
        lines.append(f"{name} {label}\n")
    (root / "list.txt").write_text("".join(lines))
    return root


@pytest.fixture(scope="session")
def net(official_weights: Path) -> Iterator[Any]:
    """A net with made-up weights in torch, without our backend.

    The demo's overflows with reset statistics, and a run ends with an error then.
    """
    import torch

    from ppim_port.models.rednet import torch_net
    from ppim_port.weights import load_weights
    from tests.support.states import rednet

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # Many would wait for each other where cores are few.
    model = torch_net.build(rednet()).eval()
    state = load_weights(official_weights, record(), framework="torch").state
    model.load_state_dict({k: torch.tensor(np.array(v)) for k, v in state.items()})
    yield model
    torch.set_num_threads(threads)


def observed(fault: str, net: Any, pictures: Path) -> list[Row]:
    """The ledger that a run with the fault would have left."""
    import torch

    prepare = PREPARED.get(fault, PREPARED["as-is"])
    label = FAULTY_LABELS.get(fault, int)
    rows = []
    with BROKEN[fault](net) if fault in BROKEN else torch.inference_mode():
        for name, right in chosen():
            tensor = prepare(pictures / name).transpose(2, 0, 1)[None]
            with torch.inference_mode():
                logits = net(torch.tensor(tensor, dtype=torch.float32))[0].numpy()
            sample = Sample(name, pictures / name, label(right))
            rows.append(row_of(sample, "", logits))
    return rows


@pytest.fixture(scope="session")
def bench(pictures: Path, official_weights: Path) -> dict[str, Array]:
    """Every variant's logits, once."""
    found: dict[str, Array] = {}

    def keep(tried: list[Variant], logits: Any, labels: Any) -> Any:
        found.update({variant.name: logits(variant) for variant in tried})
        return by_accuracy(tried, logits, labels)

    request = Request(
        "rednet26", pictures, pictures / "list.txt", "torch", official_weights
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eval.examine.by_accuracy", keep)
        examine(Examination(request))
    return found


def tried() -> list[Variant]:
    manifest = load_manifest()
    name = record().recipe
    return variants(recipe_from_dict(name, manifest.recipes[name]), 1000, 1e-5)


FAULTS = [*PREPARED, *BROKEN, *FAULTY_LABELS]


def test_at_least_ten_faults_are_injected_and_each_has_a_variant() -> None:
    assert len(FAULTS) >= 11
    assert set(FAULTS) <= {variant.name for variant in tried()}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_diagnosed_as_itself_first_in_the_list(
    fault: str, net: Any, pictures: Path, bench: dict[str, Array]
) -> None:
    rows = observed(fault, net, pictures)
    labels = [label for _, label in chosen()]
    found = by_ledger(tried(), lambda v: bench[v.name], rows, labels)
    assert found.findings[0].variant.name == fault
    assert found.cause is found.findings[0].variant
    assert found.findings[0].explained == len(rows)
    # Nothing else explains it as well: the fault is told apart from all others.
    assert found.findings[1].explained < len(rows)


def test_a_mean_in_the_wrong_units_is_worked_out_from_right_tensors() -> None:
    manifest = load_manifest()
    name = record().recipe
    recipe = recipe_from_dict(name, manifest.recipes[name])
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3))
    right = ((pixels - MEAN) / STD).transpose(0, 3, 1, 2).astype(np.float32)
    wrong = ((pixels - MEAN / 255) / (STD / 255)).transpose(0, 3, 1, 2)
    assert np.allclose(shrunk_mean(right, recipe), wrong, rtol=1e-5)


def test_two_faults_at_once_are_no_single_cause(
    net: Any, pictures: Path, bench: dict[str, Array]
) -> None:
    rows = observed("resize-nearest", net, pictures)
    rows = [replace(row, label=row.label + 1) for row in rows]
    labels = [label for _, label in chosen()]
    found = by_ledger(tried(), lambda v: bench[v.name], rows, labels)
    assert found.cause is None


@pytest.mark.parametrize("fault", [None, "labels-devkit", "labels-off-by-one"])
def test_without_a_ledger_faulty_labels_show_in_the_accuracy(
    fault: str | None, demo_weights: Path, tmp_path: Path
) -> None:
    label = FAULTY_LABELS[fault] if fault else int
    faulty = "".join(f"{name} {label(right)}\n" for name, right in chosen())
    (tmp_path / "list.txt").write_text(faulty)
    request = Request("rednet26", DEMO, tmp_path / "list.txt", "torch", demo_weights)
    labels = [v for v in tried() if v.labels is not None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eval.examine.variants", lambda *args: [AS_IS, *labels])
        found = examine(Examination(request))
    assert found.by == "accuracy"
    assert (found.cause.name if found.cause else None) == fault


@pytest.mark.parametrize(("fault", "code"), [("channels", 1), ("as-is", 0)])
def test_the_command_reads_a_run_and_names_the_cause(
    fault: str,
    code: int,
    net: Any,
    pictures: Path,
    official_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Journal(tmp_path / "run", {}) as journal:
        journal.append(observed(fault, net, pictures))
    few = [v for v in tried() if v.name in ("as-is", "channels", "exif")]
    monkeypatch.setattr("eval.examine.variants", lambda *args: few)
    argv = ["--model", "rednet26", "--val-dir", str(pictures), "--framework", "torch"]
    argv += [
        "--val-list",
        str(pictures / "list.txt"),
        "--weights",
        str(official_weights),
    ]
    argv += ["--baseline", str(tmp_path / "run"), "--limit", "3"]
    assert command.run(command.parser().parse_args(argv)) == code
    captured = capsys.readouterr()
    assert f"cause  {fault}: " in captured.out
    assert "explains 3 of 3 pictures" in captured.out
    assert "3 of 3 files are not the ones of that run" in captured.err


def test_a_variant_that_overflows_the_net_explains_nothing(
    net: Any, pictures: Path, bench: dict[str, Array]
) -> None:
    rows = observed("as-is", net, pictures)
    labels = [label for _, label in chosen()]
    broken = np.full_like(bench["channels"], np.nan)
    two = tried()[:2]
    logits = {"as-is": bench["as-is"], "channels": broken}
    worst = by_ledger(two, lambda v: logits[v.name], rows, labels).findings[-1]
    assert worst.variant.name == "channels"
    assert (worst.distance, worst.explained, worst.top1_correct) == (1.0, 0, 0)
    assert by_accuracy(two, lambda v: logits[v.name], labels).cause is None


def test_as_is_is_the_first_variant_and_names_are_unique() -> None:
    names = [variant.name for variant in tried()]
    assert names[0] == AS_IS.name
    assert len(set(names)) == len(names)
