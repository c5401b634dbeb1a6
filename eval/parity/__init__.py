"""Two frameworks, one net, the same arrays: how far apart are the answers?

The comparison itself is here and knows no framework: logits in, a report out. Refuses
to call a difference of classes a disagreement where both nets see a tie: two classes
nearer to each other than twice the rounding are decided by rounding.
"""

from eval.parity.differences import HISTOGRAM, Parity, Watch, parity
from eval.parity.layers import LAYER_LIMIT, Divergence, first_divergence

__all__ = [
    "HISTOGRAM",
    "LAYER_LIMIT",
    "Divergence",
    "Parity",
    "Watch",
    "first_divergence",
    "parity",
]
