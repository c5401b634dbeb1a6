"""All the sizes that an involution could be asked for, small ones."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.support.involutions import Case

SIDES = st.integers(1, 9)

cases = st.builds(
    Case,
    kernel_size=st.sampled_from((1, 3, 5, 7)),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 3),
    groups=st.integers(1, 3),
    group_channels=st.integers(1, 3),
    batch=st.integers(1, 3),
    height=SIDES,
    width=SIDES,
    dtype=st.sampled_from(("float32", "float64")),
)
