"""Two ledgers: flips by name, counts that add up, intervals as in the papers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.commands import compare as command
from eval.compare import compare
from eval.compare.statistics import mcnemar, paired_interval, wilson
from eval.gate import gate_baseline
from eval.journal import Journal
from eval.records import Row
from ppim_port.errors import DatasetError, MissingPackageError


def row(number: int, *, best: int = 0, label: int = 0, margin: float = 1.0) -> Row:
    classes = (best, 1 - best, 2, 3, 4) if best < 2 else (best, 0, 1, 3, 4)
    return Row(
        id=f"{number:04d}.JPEG",
        digest=f"{number:064x}",
        label=label,
        top5=classes,
        logits=(9.0, 9.0 - margin, 3.0, 2.0, 1.0),
        label_logit=9.0,
        rank=classes.index(label) if label in classes else 9,
        log_sum_exp=9.5,
    )


OLD = [row(number) for number in range(1000)]


def changed(*numbers: int, best: int = 2, margin: float = 1.0) -> list[Row]:
    """OLD with other first classes for some pictures."""
    return [
        row(n, best=best, margin=margin) if n in numbers else OLD[n]
        for n in range(len(OLD))
    ]


def test_a_run_equals_itself() -> None:
    found = compare(OLD, OLD)
    assert (found.flips, found.agreement, found.same_top5) == ((), 1.0, 1000)
    assert (found.top1.net_change, found.top1.p_value) == (0.0, 1.0)
    assert found.logits is not None
    assert found.logits.largest == 0.0


def test_flips_are_listed_with_classes_margins_and_kind() -> None:
    found = compare(OLD, changed(7))
    (flip,) = found.flips
    assert (flip.id, flip.label, flip.old, flip.new) == ("0007.JPEG", 0, 0, 2)
    assert (flip.kind, flip.near_tie) == ("broken", False)
    assert (flip.old_margin, flip.new_margin) == (1.0, 1.0)
    back = compare(changed(7), OLD).flips[0]
    assert (back.kind, back.old, back.new) == ("mended", 2, 0)
    moved = compare(
        [replace(r, label=5, rank=5) for r in OLD],
        [replace(r, label=5, rank=5) for r in changed(3)],
    )
    assert [f.kind for f in moved.flips] == ["moved"]


def test_a_flip_of_two_classes_within_rounding_is_a_near_tie() -> None:
    tie = [replace(r, logits=(9.0, 8.9999, 3.0, 2.0, 1.0)) for r in OLD[:1]]
    swapped = [replace(r, top5=(1, 0, 2, 3, 4), rank=1) for r in tie]
    assert compare(tie, swapped).flips[0].near_tie


def test_order_does_not_matter_and_pairs_are_by_id() -> None:
    assert compare(OLD[::-1], changed(7)).top1 == compare(OLD, changed(7)).top1


@pytest.mark.parametrize(
    ("new", "text"),
    [
        (OLD[1:], "1 only in the first: 0000.JPEG"),
        ([*OLD, row(1000)], "1 only in the second: 1000.JPEG"),
        ([replace(OLD[0], label=4), *OLD[1:]], r"1 with another label: .*\(0 then 4\)"),
    ],
)
def test_other_pictures_or_labels_are_refused_by_name(
    new: Sequence[Row], text: str
) -> None:
    with pytest.raises(DatasetError, match=text):
        compare(OLD, new)


def test_other_files_are_counted_and_named() -> None:
    found = compare(OLD, [replace(OLD[0], digest="f" * 64), *OLD[1:]])
    assert (found.other_files_count, found.other_files) == (1, ("0000.JPEG",))


def test_logits_are_compared_where_both_runs_have_them() -> None:
    new = [replace(OLD[0], logits=(9.0, 8.0, 3.0, 2.0, 1.9)), *OLD[1:]]
    found = compare(OLD, new).logits
    assert found is not None
    assert (found.values, found.picture) == (5000, "0000.JPEG")
    assert found.largest == pytest.approx(0.1)


def test_mcnemar_is_the_binomial_tail_summed_by_hand() -> None:
    from math import comb

    for b, c in product(range(6), range(6)):
        n = b + c
        tail = sum(comb(n, k) for k in range(min(b, c) + 1)) / 2**n
        assert mcnemar(b, c) == pytest.approx(min(1.0, 2 * tail))
    # 50 net flips of 200 discordant.
    assert mcnemar(125, 75) == pytest.approx(4.994e-4, rel=1e-3)


def test_paired_interval_is_the_published_one_of_the_airway_data() -> None:
    # Bentur et al.: 1 and 7 discordant of 21; Tango's interval is (-0.517, -0.026)
    # in Fagerland, Lydersen and Laake (Statistics in Medicine 33, 2014).
    assert paired_interval(1, 7, 21) == pytest.approx((-0.517, -0.026), abs=6e-4)


def test_paired_interval_has_width_when_nothing_changed() -> None:
    low, high = paired_interval(0, 0, 1000)
    assert low == pytest.approx(-high)
    assert 0.003 < high < 0.0045


def test_wilson_is_the_textbook_interval() -> None:
    assert wilson(0, 10) == pytest.approx((0.0, 27.75), abs=0.01)
    assert wilson(81, 263) == pytest.approx((25.53, 36.62), abs=0.01)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_counts_add_up_for_any_two_runs(pairs: list[tuple[int, int]]) -> None:
    old = [row(n, best=a) for n, (a, _) in enumerate(pairs)]
    new = [row(n, best=b) for n, (_, b) in enumerate(pairs)]
    found = compare(old, new)
    top = found.top1
    assert top.both_right + top.only_old + top.only_new + top.both_wrong == len(pairs)
    assert found.new_right - found.old_right == top.only_new - top.only_old
    assert top.interval[0] <= top.net_change <= top.interval[1]
    assert len(found.flips) == sum(a != b for a, b in pairs)


@pytest.mark.parametrize(
    ("flips", "budget", "status"),
    [(1, None, "pass"), (2, None, "fail"), (0, 0, "pass"), (1, 0, "fail")],
)
def test_the_budget_of_flips_decides(
    flips: int, budget: int | None, status: str
) -> None:
    verdict = gate_baseline(compare(OLD, changed(*range(flips))), max_flips=budget)
    assert verdict.status == status


def test_a_net_change_beyond_chance_fails_either_way_within_any_budget() -> None:
    for old, new in ((OLD, changed(*range(20))), (changed(*range(20)), OLD)):
        verdict = gate_baseline(compare(old, new), max_flips=1000)
        assert verdict.status == "fail"
        assert "chance does not explain" in verdict.reason


def run_folder(folder: Path, rows: Sequence[Row], framework: str) -> Path:
    with Journal(folder, {"framework": framework}) as journal:
        journal.append(rows)
    return folder


def test_the_command_compares_two_run_folders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run_folder(tmp_path / "a", OLD, "torch")
    second = run_folder(tmp_path / "b", changed(3, 5), "paddle")
    argv = [str(first), str(second / "ledger.jsonl"), "--max-flips"]
    assert command.run(command.parser().parse_args([*argv, "2"])) == 0
    out = capsys.readouterr().out
    assert "setting    framework: 'torch' then 'paddle'" in out
    assert "0003.JPEG" in out
    assert "exact McNemar p = 0.5" in out
    assert command.run(command.parser().parse_args([*argv, "1", "--json"])) == 1
    found = json.loads(capsys.readouterr().out)
    assert [flip["id"] for flip in found["flips"]] == ["0003.JPEG", "0005.JPEG"]
    assert (found["n"], found["top1"]["only_old"]) == (1000, 2)


def test_without_scipy_the_command_that_adds_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("eval.compare.statistics.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"ppim-port\[report\]"):
        compare(OLD, OLD)
