"""Random ledgers with the logits that they were made from, for slow oracles."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eval.records import Row
from ppim_port.state_dict import Array
from tests.eval.made import rows_of

CLASSES = 9
Scored = tuple[Array, Array]


@st.composite
def scored(draw: st.DrawFn, *, most: int = 12) -> Scored:
    """Logits `[N, 9]` with ties on purpose, and labels `[N]`."""
    n = draw(st.integers(1, most))
    coarse = st.integers(-3, 3).map(float)
    fine = st.floats(-30, 30, width=32)
    logits = draw(
        hnp.arrays(np.float32, (n, CLASSES), elements=st.one_of(coarse, fine))
    )
    labels = draw(st.lists(st.integers(0, CLASSES - 1), min_size=n, max_size=n))
    return logits, np.array(labels)


def rows(made: Scored) -> list[Row]:
    return rows_of(made[0], made[1].tolist())


def probabilities(logits: Array) -> Array:
    """softmax in float64."""
    exact = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return exact / exact.sum(axis=1, keepdims=True)


def first(logits: Array) -> Array:
    """The class of the largest logit, lower on a tie: what numpy's argmax does."""
    return logits.argmax(axis=1)


def row(name: str, label: int, predicted: int, confidence: float = 0.5) -> Row:
    """A row by hand: the predicted class with a given probability."""
    others = tuple(index for index in range(1000) if index != predicted)[:4]
    top = (predicted, *others)
    place = top.index(label) if label in top else 7
    return Row(
        id=name,
        digest="0" * 64,
        label=label,
        top5=top,
        logits=(0.0, -20.0, -21.0, -22.0, -23.0),
        label_logit=0.0 if place == 0 else -20.0,
        rank=place,
        log_sum_exp=-float(np.log(confidence)),
    )
