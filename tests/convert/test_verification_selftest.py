"""The verification is tested by planted faults, and that test can fail too."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from convert import SelfTest, self_test
from convert.verification import selftest
from convert.verification.records import Finding
from convert.verification.selftest import CLEAN_SEEDS, FAULTS, KINDS
from tests.convert.conftest import Ran

Run = Callable[..., Ran]
KIND_COUNT = 40


@pytest.fixture(scope="module")
def tested() -> SelfTest:
    """One fault of every kind, in two ports."""
    return self_test(faults=KIND_COUNT, clean_seeds=2)


@pytest.fixture(scope="module")
def tested_lite() -> SelfTest:
    """The other family: no involution, no pool with settings, another epsilon."""
    return self_test("efficientnet_lite0", faults=KIND_COUNT - 3, clean_seeds=1)


def by_kind(tested: SelfTest, kind: str) -> set[str]:
    return {
        check for trial in tested.trials if trial.kind == kind for check in trial.checks
    }


def test_every_kind_of_fault_is_noticed_and_nothing_else(tested: SelfTest) -> None:
    assert len(KINDS) == KIND_COUNT
    assert {trial.kind for trial in tested.trials} == KINDS.keys()
    assert tested.missed == ()
    assert tested.alarms == ()
    assert tested.clean == 4
    assert tested.passed
    assert 0 < tested.gradients < 1e-12


def test_a_family_without_some_layers_is_tested_with_the_other_kinds(
    tested: SelfTest, tested_lite: SelfTest
) -> None:
    assert tested.absent == ()
    assert tested_lite.absent == (
        "net: pooling rounds up",
        "net: pooling kernel off by one",
        "net: involution kernel too small",
    )
    assert {trial.kind for trial in tested_lite.trials} | {*tested_lite.absent} == {
        *KINDS
    }
    assert tested_lite.missed == ()
    assert tested_lite.alarms == ()


def test_the_planted_epsilon_is_never_the_familys_own(
    tested: SelfTest, tested_lite: SelfTest
) -> None:
    kind = "net: epsilon of another family"
    texts = [t.text for t in (*tested.trials, *tested_lite.trials) if t.kind == kind]
    assert [text.rpartition(" is ")[2] for text in texts] == [
        "0.001, not 1e-05",
        "1e-05, not 0.001",
    ]
    assert "settings" in by_kind(tested_lite, kind)


def test_what_the_net_has_no_place_for_is_said(
    monkeypatch: pytest.MonkeyPatch, tested_lite: SelfTest, run: Run
) -> None:
    monkeypatch.setattr(selftest, "self_test", lambda *args, **options: tested_lite)
    ran = run("verify", "--self-test", "--model", "efficientnet_lite0")
    assert "no place in this net for: net: pooling rounds up\n" in ran.out
    ran = run("verify", "--self-test", "--json")
    assert json.loads(ran.out)["absent"] == list(tested_lite.absent)


def test_both_frameworks_are_the_target(tested: SelfTest) -> None:
    assert {trial.target for trial in tested.trials} == {"torch", "paddle"}


@pytest.mark.parametrize(
    ("kind", "checks"),
    [
        ("two tensors of one shape swapped", {"returned", "logits"}),
        ("one number's last bit", {"returned"}),
        ("a key missing", {"fit"}),
        ("one tensor stored as float64", {"fit"}),
        ("map: two keys swapped, both ways", {"logits"}),
        ("map: a square linear not transposed, both ways", {"logits"}),
        ("loading: all statistics left as they were", {"loaded", "logits"}),
        ("net: momentum not converted", {"settings"}),
        ("net: epsilon 10 % too large", {"settings", "logits"}),
    ],
)
def test_it_says_which_check_noticed(
    kind: str, checks: set[str], tested: SelfTest
) -> None:
    assert by_kind(tested, kind) == checks


@pytest.mark.parametrize("kind", ["NaN in one number", "infinity in one number"])
def test_what_is_not_finite_is_noticed_by_the_values_themselves(
    kind: str, tested: SelfTest
) -> None:
    assert by_kind(tested, kind) >= {"values", "returned"}


def test_the_counts_add_up(tested: SelfTest) -> None:
    caught, alone = tested.caught_by(), tested.caught_alone()
    assert caught["logits"] > 25
    assert caught["settings"] == 10
    assert all(alone[check] <= caught[check] for check in caught)
    assert all(alone[check] > 0 for check in ("returned", "fit", "settings", "logits"))
    assert tested.allclose_misses >= 4


def test_the_same_seed_plants_the_same_faults(tested: SelfTest) -> None:
    again = self_test(faults=2, clean_seeds=1)
    assert [t.text for t in again.trials] == [t.text for t in tested.trials[:2]]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("returned", "one number's last bit"),
        ("unlike_settings", "net: momentum not converted"),
    ],
)
def test_a_check_that_sees_nothing_is_found_out(
    name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the proof that the proofs above can fail."""
    monkeypatch.setattr(selftest, name, lambda *args, **options: [])
    monkeypatch.setattr(selftest, "KINDS", {kind: KINDS[kind]})
    tested = self_test(faults=2, clean_seeds=1, seed=1)
    assert not tested.passed
    assert {trial.kind for trial in tested.missed} == {kind}


def test_logits_compared_too_loosely_are_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(selftest, "TOLERANCE", 1e9)
    kind = "map: two keys swapped, both ways"
    monkeypatch.setattr(selftest, "KINDS", {kind: KINDS[kind]})
    assert len(self_test(faults=2, clean_seeds=1).missed) == 2


def test_a_false_alarm_is_a_failure(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    def jumpy(*args: Any, **options: Any) -> list[Finding]:
        return [Finding("settings", "boo")]

    monkeypatch.setattr(selftest, "unlike_settings", jumpy)
    tested = self_test(faults=1, clean_seeds=1)
    assert not tested.passed
    assert tested.alarms == (
        "seed 0 to torch: settings: boo",
        "seed 0 to paddle: settings: boo",
    )


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch, tested: SelfTest) -> list[dict[str, Any]]:
    """The command with a self-test that ran already."""
    asked: list[dict[str, Any]] = []

    def ran(model: str, **options: Any) -> SelfTest:
        asked.append({"model": model, **options})
        return tested

    monkeypatch.setattr(selftest, "self_test", ran)
    return asked


def test_the_table_has_a_row_a_kind_and_a_column_a_check(
    short: list[dict[str, Any]], run: Run
) -> None:
    ran = run("verify", "--self-test", "--faults", 200, "--seed", 3)
    assert ran.code == 0
    assert short[0]["model"] == "rednet26"
    assert (short[0]["faults"], short[0]["seed"]) == (200, 3)
    lines = ran.out.splitlines()
    assert lines[0].split() == [
        *("fault", "planted", "caught", "values", "returned", "fit", "loaded"),
        *("settings", "logits"),
    ]
    rows = [line for line in lines[2:] if line.startswith(tuple(KINDS))]
    assert len(rows) == KIND_COUNT
    (total,) = [line for line in lines if line.startswith("total ")]
    assert total.split()[1:3] == ["40", "40"]
    assert lines[-1].startswith("PASS in ")
    assert "without a fault: 4 ports, 0 false alarms" in ran.out


def test_the_object_holds_every_fault(short: list[dict[str, Any]], run: Run) -> None:
    ran = run("verify", "--self-test", "--json")
    shown = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert short[0]["faults"] == FAULTS >= 200
    assert (shown["faults"], shown["caught"], shown["passed"]) == (40, 40, True)
    assert len(shown["trials"]) == 40
    assert all(trial["checks"] for trial in shown["trials"])


def test_a_miss_is_exit_code_1_and_named(
    monkeypatch: pytest.MonkeyPatch, tested: SelfTest, run: Run
) -> None:
    first = replace(tested.trials[0], checks=())
    worse = replace(tested, trials=(first, *tested.trials[1:]))
    monkeypatch.setattr(selftest, "self_test", lambda *args, **options: worse)
    ran = run("verify", "--self-test")
    assert ran.code == 1
    assert f"MISSED   {first.kind}: {first.text}, seed 0" in ran.out
    assert ran.out.splitlines()[-1].startswith("FAIL in ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "seed"), [("rednet26", 0), ("rednet26", 1000), ("efficientnet_lite0", 0)]
)
def test_two_hundred_faults_are_noticed_and_twenty_seeds_raise_no_alarm(
    model: str, seed: int
) -> None:
    tested = self_test(model, faults=FAULTS, seed=seed)
    assert len(tested.trials) == FAULTS >= 200
    assert tested.clean == 2 * CLEAN_SEEDS == 40
    assert tested.missed == ()
    assert tested.alarms == ()
