"""The verification's own test: plant faults into good ports and see who notices.

A verifier that was never seen to fail proves nothing. Every fault goes through every
check that a conversion goes through, so the result says who caught what; ports without
a fault go through too, and must raise no alarm. Weights are seeded and nobody's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from convert.proof import SMALL_SIZE, TOLERANCE, noise
from convert.verification import setting_faults, tensor_faults
from convert.verification.bench import NO_FAULT, Bench
from convert.verification.faults import Fault, NoPlaceError, World
from convert.verification.gradients import carried, gradients_of, unlike_gradients
from convert.verification.made import seeded_state
from convert.verification.numbers import relative_difference
from convert.verification.records import CHECKS, Check, Finding, Observed
from convert.verification.settings import unlike_settings
from convert.verification.tensors import bad, ported, returned
from ppim_port.errors import MappingError
from ppim_port.manifest import ModelRecord, load_manifest
from ppim_port.mapping import Mapping as Plan
from ppim_port.models.family import Config, load_family, picture_size
from ppim_port.state_dict import FRAMEWORKS, FrameworkName, StateDict

KINDS = {**tensor_faults.KINDS, **setting_faults.KINDS}
FAULTS = 6 * len(KINDS)
CLEAN_SEEDS = 20
# What many a converter checks instead, on float32 logits.
ALLCLOSE = 1e-4


@dataclass(frozen=True, slots=True)
class Trial:
    """One planted fault.

    Attributes:
        kind: what sort.
        text: what exactly.
        seed: of the weights that it was planted into.
        target: the framework that it was planted in.
        checks: who noticed; empty if nobody did.
        difference: of the float64 logits; NaN if there are none.
        allclose: whether `allclose` of float32 logits at 1e-4 would have noticed.
    """

    kind: str
    text: str
    seed: int
    target: FrameworkName
    checks: tuple[Check, ...]
    difference: float
    allclose: bool


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What came of it.

    Attributes:
        model: whose net it was.
        trials: the planted faults.
        absent: kinds that the net has no place for, such as pools where it has none.
        clean: how many ports without a fault were checked.
        alarms: what was found wrong with those, one line each.
        gradients: largest relative difference of a gradient of a port without a fault.
        seconds: how long it took.
    """

    model: str
    trials: tuple[Trial, ...]
    absent: tuple[str, ...]
    clean: int
    alarms: tuple[str, ...]
    gradients: float
    seconds: float

    @property
    def missed(self) -> tuple[Trial, ...]:
        """Faults that nobody noticed."""
        return tuple(trial for trial in self.trials if not trial.checks)

    @property
    def passed(self) -> bool:
        """Every fault was noticed, and there was no false alarm."""
        return not self.missed and not self.alarms

    def caught_by(self, kind: str | None = None) -> dict[Check, int]:
        """How many faults each check noticed, of one kind or of all."""
        trials = [t for t in self.trials if kind in (None, t.kind)]
        return {check: sum(check in t.checks for t in trials) for check in CHECKS}

    def caught_alone(self) -> dict[Check, int]:
        """How many faults a check was the only one to notice."""
        alone = [t.checks[0] for t in self.trials if len(t.checks) == 1]
        return {check: alone.count(check) for check in CHECKS}

    @property
    def allclose_misses(self) -> int:
        """How many faults `allclose` of float32 logits at 1e-4 lets pass."""
        return sum(not trial.allclose for trial in self.trials)


def self_test(
    model: str = "rednet26",
    *,
    faults: int = FAULTS,
    seed: int = 0,
    clean_seeds: int = CLEAN_SEEDS,
    say: Callable[[str], None] = lambda text: None,
) -> SelfTest:
    """Plant faults into ports in both directions and count who notices.

    Args:
        model: name in the manifest; the smallest is the fastest.
        faults: how many, of every kind that the net has a place for in turn.
        seed: of the first port's weights, and of the choice of faults.
        clean_seeds: ports without a fault; the faults are shared out among them.
        say: told one line a port.

    Raises:
        UnknownNameError: no such model.
        MissingPackageError: one of the two frameworks is not installed.
    """
    start = time.perf_counter()
    yard = _Yard.of(load_manifest().model(model))
    kinds = yard.plantable(seed)
    trials: list[Trial] = []
    alarms: list[str] = []
    for place in range(clean_seeds):
        port = yard.port(seed + place)
        alarms += port.alarms()
        mine = [i for i in range(faults) if i * clean_seeds // faults == place]
        trials += [port.trial(i, seed, kinds) for i in mine]
        say(f"port {place + 1} of {clean_seeds}: {len(trials)} faults planted")
    findings, apart = yard.gradients(seed)
    alarms += [f"gradients: {finding.text}" for finding in findings]
    seconds = time.perf_counter() - start
    absent = tuple(kind for kind in KINDS if kind not in kinds)
    return SelfTest(
        model, tuple(trials), absent, 2 * clean_seeds, tuple(alarms), apart, seconds
    )


@dataclass(frozen=True, slots=True)
class _Yard:
    """The nets of both frameworks, and the input that they all get."""

    record: ModelRecord
    benches: Mapping[FrameworkName, Bench]
    states: Callable[[int], StateDict]
    side: int

    @classmethod
    def of(cls, record: ModelRecord) -> _Yard:
        config = _with_square_classifier(record)
        benches = {name: Bench.of(name, config) for name in FRAMEWORKS}
        side = picture_size(config, SMALL_SIZE)
        return cls(record, benches, lambda seed: seeded_state(config, seed), side)

    def plantable(self, seed: int) -> list[str]:
        """Kinds that there is a place for in both frameworks' nets."""
        states, _ = self._ported(seed)
        worlds = []
        for name, bench in self.benches.items():
            layers = bench.backend.describe(bench.double)
            worlds.append(World(name, states[name], layers))
        return [kind for kind in KINDS if all(_has_place(kind, w) for w in worlds)]

    def port(self, seed: int) -> _Port:
        states, _ = self._ported(seed)
        images = noise(1, self.side)
        seen = {n: self.benches[n].observe(states[n], images) for n in FRAMEWORKS}
        return _Port(self, seed, states, seen)

    def gradients(self, seed: int) -> tuple[list[Finding], float]:
        states, mapping = self._ported(seed)
        found = []
        for name, bench in self.benches.items():
            bench.backend.load(bench.double, states[name])
            net = (bench.backend, bench.double)
            found.append(gradients_of(net, noise(1, self.side), bench.classes))
        expected = carried(found[0], mapping.fates)
        findings, _, apart = unlike_gradients(expected, found[1], TOLERANCE)
        return findings, apart

    def _ported(self, seed: int) -> tuple[dict[FrameworkName, StateDict], Plan]:
        own = self.states(seed)
        other, mapping = ported(own, self.record, start="torch", end="paddle")
        return {"torch": own, "paddle": other}, mapping


@dataclass(frozen=True, slots=True)
class _Port:
    """One net's weights in both frameworks, and what both nets make of them."""

    yard: _Yard
    seed: int
    states: Mapping[FrameworkName, StateDict]
    seen: Mapping[FrameworkName, Observed]

    def alarms(self) -> Iterator[str]:
        """What is found wrong with the port as it is, in both directions."""
        for target in FRAMEWORKS:
            for finding in self._findings(target, NO_FAULT, self.seen[target]):
                yield f"seed {self.seed} to {target}: {finding.check}: {finding.text}"

    def trial(self, number: int, seed: int, kinds: Sequence[str]) -> Trial:
        """Plant a fault; its kind, its place and its target follow from its number."""
        kind = kinds[number % len(kinds)]
        target = FRAMEWORKS[(number + number // len(kinds)) % 2]
        world = World(target, self.states[target], self.seen[target].layers)
        fault = KINDS[kind](np.random.default_rng([seed, number]), world)
        seen, refusals = self._planted(target, fault)
        findings = [*self._findings(target, fault, seen), *refusals]
        noticed = {finding.check for finding in findings}
        checks = tuple(check for check in CHECKS if check in noticed)
        right = self.seen[_other(target)]
        far, near = float("nan"), False
        if seen is not None:
            far = relative_difference(right.logits, seen.logits)
            near = np.allclose(right.float32, seen.float32, atol=ALLCLOSE)
        return Trial(kind, fault.text, self.seed, target, checks, far, not near)

    def _planted(
        self, target: FrameworkName, fault: Fault
    ) -> tuple[Observed | None, list[Finding]]:
        state = fault.converting(self.states[target])
        bench, images = self.yard.benches[target], noise(1, self.yard.side)
        try:
            return bench.observe(state, images, fault), []
        except MappingError as error:
            return None, [Finding("fit", str(error))]

    def _findings(
        self, target: FrameworkName, fault: Fault, seen: Observed | None
    ) -> Iterator[Finding]:
        """Everything that a conversion's proof would hold against it."""
        source = _other(target)
        state = fault.converting(self.states[target])
        yield from bad(state)
        try:
            yield from returned(
                self.states[source],
                fault.returning(state),
                self.yard.record,
                start=source,
                end=target,
            )
        except MappingError as error:
            yield Finding("fit", str(error))
        if seen is None:
            return
        right = self.seen[source]
        yield from seen.unlike
        yield from unlike_settings(right.layers, seen.layers)
        apart = relative_difference(right.logits, seen.logits)
        if not apart <= TOLERANCE:
            yield Finding("logits", f"differ by {apart:.3g}")


def _with_square_classifier(record: ModelRecord) -> Config:
    """The model's; a transpose of its classifier that was forgotten fits both ways."""
    family = load_family(record.family)
    layers = family.layers(family.configure(record.variant))
    inputs = [layer.shape[1] for layer in layers if layer.kind == "linear"]
    return family.configure(record.variant, num_classes=inputs[-1])


def _has_place(kind: str, world: World) -> bool:
    try:
        KINDS[kind](np.random.default_rng(0), world)
    except NoPlaceError:
        return False
    return True


def _other(framework: FrameworkName) -> FrameworkName:
    return "paddle" if framework == "torch" else "torch"
