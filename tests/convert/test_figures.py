"""Figures of a tensor are those that numpy gives for the whole of it in float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from convert import figures
from convert.figures import Figures, figures_of

VALUES = nps.arrays(
    np.float32,
    nps.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=6),
    elements=st.floats(width=32),
)


@given(value=VALUES)
def test_figures_are_numpys_own(value: np.ndarray) -> None:
    found = figures_of(value)
    finite = value[np.isfinite(value)].astype(np.float64)
    assert found.nans == np.isnan(value).sum()
    assert found.infinities == np.isinf(value).sum()
    assert found.zeros == (value == 0).sum()
    if finite.size == 0:
        assert found.minimum is found.maximum is found.mean is found.deviation is None
        return
    assert (found.minimum, found.maximum) == (finite.min(), finite.max())
    assert found.mean == pytest.approx(finite.mean(), rel=1e-12, abs=1e-30)
    assert found.deviation == pytest.approx(finite.std(), rel=1e-9, abs=1e-30)


def test_runs_change_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    value = np.random.default_rng(0).normal(3, 2, (7, 11)).astype("f4").T
    whole = figures_of(value)
    monkeypatch.setattr(figures, "RUN", 5)
    parts = figures_of(value)
    assert parts.mean == pytest.approx(whole.mean, rel=1e-14)
    assert parts.deviation == pytest.approx(whole.deviation, rel=1e-14)
    assert (parts.minimum, parts.maximum) == (whole.minimum, whole.maximum)


def test_half_precision_does_not_overflow() -> None:
    found = figures_of(np.full(1000, 60000, "f2"))
    assert (found.mean, found.deviation) == (60000.0, 0.0)


@pytest.mark.parametrize("value", [np.array([True, False]), np.array([1, 0], "u1")])
def test_booleans_and_integers_have_figures(value: np.ndarray) -> None:
    assert figures_of(value) == Figures(0.0, 1.0, 0.5, 0.5, 1, 0, 0)
