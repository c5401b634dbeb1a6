"""From one framework's names and layouts to the other's, with every key accounted for.

`plan` decides (names, shapes and dtypes only), `apply` does. Both refuse anything
that they cannot account for: a port that loads is no proof, since almost every tensor
of a RedNet-50 shares its shape with another one.
"""

from ppim_port.mapping.apply import apply, turned
from ppim_port.mapping.plan import plan
from ppim_port.mapping.records import Action, Fate, Mapping, TensorInfo, describe
from ppim_port.mapping.rules import LEAVES, Leaf, TensorSpec, tensors
from ppim_port.mapping.values import bad_values, refuse_bad_values

__all__ = [
    "LEAVES",
    "Action",
    "Fate",
    "Leaf",
    "Mapping",
    "TensorInfo",
    "TensorSpec",
    "apply",
    "bad_values",
    "describe",
    "plan",
    "refuse_bad_values",
    "tensors",
    "turned",
]
