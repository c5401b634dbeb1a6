"""How probable the net holds the labels to be."""

from __future__ import annotations

from dataclasses import dataclass

from eval.scores.columns import Columns


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Negative log-likelihood of the labels.

    Attributes:
        nll: mean of -log p(label), nats; 0 is certain and right, log(classes) is what
            a net that knows nothing has.
    """

    nll: float


def likelihood(table: Columns) -> Likelihood:
    """`log_sum_exp - label_logit`, averaged over the pictures."""
    # Minus zero would be printed as "-0.000".
    return Likelihood(abs(float(table.log_label.mean())))
