"""A state dict is compared with a net whole, before anything is changed."""

from __future__ import annotations

import numpy as np
import pytest

from ppim_port.backends.strict import check_fits
from ppim_port.errors import MappingError

EXPECTED = {"b": ((2, 3), "float32"), "a": ((), "int64")}


def fitting() -> dict[str, np.ndarray]:
    return {"a": np.array(0, np.int64), "b": np.zeros((2, 3), np.float32)}


def test_an_exact_fit_is_accepted() -> None:
    check_fits(fitting(), EXPECTED, "a net")


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_dtype_that_widens_is_accepted(dtype: str) -> None:
    check_fits(fitting() | {"b": np.zeros((2, 3), dtype)}, EXPECTED, "a net")


@pytest.mark.parametrize("dtype", ["float64", "int64", "int32", "complex64"])
def test_a_dtype_that_narrows_is_refused(dtype: str) -> None:
    with pytest.raises(MappingError, match=f"b: dtype {dtype}, expected float32"):
        check_fits(fitting() | {"b": np.zeros((2, 3), dtype)}, EXPECTED, "a net")


def test_everything_is_named_at_once_sorted_by_key() -> None:
    state = {
        "z": np.zeros(1),
        "y": np.zeros(1),
        "b": np.zeros((3, 2), np.float64),
    }
    with pytest.raises(MappingError) as caught:
        check_fits(state, EXPECTED, "a net")
    assert str(caught.value) == (
        "a net: 5 problems, nothing was loaded:\n"
        "  missing: a\n"
        "  unexpected: y\n"
        "  unexpected: z\n"
        "  b: shape [3, 2], expected [2, 3]\n"
        "  b: dtype float64, expected float32"
    )


def test_a_scalar_is_not_a_vector_of_one() -> None:
    with pytest.raises(MappingError, match=r"a: shape \[1\], expected \[\]"):
        check_fits(fitting() | {"a": np.zeros(1, np.int64)}, EXPECTED, "a net")
