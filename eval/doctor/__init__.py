"""Which single mistake explains a run? Every known one is tried and held against it.

Accuracy finds gross faults only: on 250 pictures nearest-neighbour resizing scored
higher than the right recipe. So a fault is known by reproducing a ledger: the logits
that a net gives under it are those of the observed run, picture by picture. Without a
ledger the variants are ranked by accuracy, and only a large gain is called a cause.

Refuses to name a cause that does not explain the pictures: two mistakes at once, or one
that is not in the list, come out as "none".
"""

from eval.doctor.ranking import Diagnosis, Finding, by_accuracy, by_ledger
from eval.doctor.variants import AS_IS, Variant, variants

__all__ = [
    "AS_IS",
    "Diagnosis",
    "Finding",
    "Variant",
    "by_accuracy",
    "by_ledger",
    "variants",
]
