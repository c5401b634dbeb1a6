"""What a port leaves behind is listed with the values that it had."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ppim_port.mapping import Action, Fate, Mapping
from ppim_port.mapping.dropped import dropped_values
from ppim_port.state_dict import Array, StateDict
from tests.mapping.plans import planned
from tests.support.states import made_state, rednet


def test_every_counter_is_listed_with_its_value() -> None:
    state = made_state(rednet(), "official", seed=7)
    state["backbone.stem.2.num_batches_tracked"] = np.array(81380, np.int64)
    values = dropped_values(planned(state), state)
    counters = {k: int(v) for k, v in state.items() if k.endswith("tracked")}
    assert values == counters
    assert len(values) == 40
    assert values["backbone.stem.2.num_batches_tracked"] == 81380
    assert json.loads(json.dumps(values)) == values


def test_nothing_is_listed_where_nothing_is_dropped() -> None:
    state = made_state(rednet(), "paddle")
    assert dropped_values(planned(state, "paddle"), state) == {}


def dropping(value: Array) -> tuple[Mapping, StateDict]:
    fate = Fate("x", None, Action.DROP, value.shape, value.dtype.name)
    return Mapping(rednet(), "torch", "paddle", "plain", (fate,)), {"x": value}


@pytest.mark.parametrize(
    ("value", "listed"),
    [
        (np.array(3, np.int64), 3),
        (np.array([2**40], np.int64), 2**40),
        (np.array(0.5, np.float32), 0.5),
        (np.array(np.nan, np.float32), None),
        (np.array(-np.inf), None),
        (np.zeros(1000, np.float32), None),
        (np.zeros(0, np.float32), None),
        (np.array(True), None),
        (np.array(1j), None),
    ],
)
def test_only_single_finite_numbers_are_written_out(
    value: Array, listed: float | None
) -> None:
    assert dropped_values(*dropping(value)) == {"x": listed}
