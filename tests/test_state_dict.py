"""What is not finite is found in the tensors themselves."""

from __future__ import annotations

import numpy as np
import pytest

from ppim_port.state_dict import nonfinite_keys


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_single_bad_value_is_found(value: float, dtype: str) -> None:
    bad = np.zeros((3, 4), dtype)
    bad[2, 1] = value
    state = {"good": np.zeros(3, dtype), "bad": bad, "scalar": np.array(value, dtype)}
    assert nonfinite_keys(state) == ["bad", "scalar"]


def test_integers_and_empty_tensors_are_finite() -> None:
    state = {"n": np.array(2**62), "empty": np.zeros((0, 3), np.float32)}
    assert nonfinite_keys(state) == []
