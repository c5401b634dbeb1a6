"""Stages that do not train, in Paddle; `staged_torch.py` does the same in PyTorch.

Paddle's `train` sets a flag of every layer below it and asks none of them, so a net
within another is never told. A batch norm that is to evaluate is therefore also told to
use its own statistics, which holds whoever calls `train` (paddlepaddle 3.3.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

from paddle import nn

from ppim_port.models.features import check_frozen_stages

STATISTICS = ("_mean", "_variance")


class Staged(nn.Layer):
    """A net of a stem and stages, the first of which can be left as they are.

    Attributes:
        frozen_stages: see `freeze`.
        norm_eval: see `freeze`.
    """

    frozen_stages = -1
    norm_eval = False

    def parts(self) -> list[Sequence[nn.Layer]]:
        """The layers of the stem, then those of each stage."""
        raise NotImplementedError

    def freeze(self, stages: int = -1, *, norm_eval: bool = False) -> None:
        """Leave a net's first stages as they are in training, from now on.

        Their parameters get no gradient, and their batch norms evaluate whatever
        `train` says. Less frozen than before makes the difference train again; an
        optimiser has to be told of it.

        Args:
            stages: -1 for none, 0 for the stem, k for the stem and the first k stages.
            norm_eval: whether the other batch norms evaluate, too, while their weight
                and bias train.

        Raises:
            UsageError: the net has fewer stages.
        """
        check_frozen_stages(stages, len(self.parts()) - 1)
        for layer in self._frozen():
            _trains(layer, True)
        for norm in _norms(self):
            norm._use_global_stats = None
        self.frozen_stages = stages
        self.norm_eval = norm_eval
        for layer in self._frozen():
            _trains(layer, False)
        for norm in self._evaluating():
            norm._use_global_stats = True
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """As every net's, but for what `freeze` said."""
        if mode:
            super().train()
        else:
            super().eval()
        for layer in self._frozen():
            for each in layer.sublayers(include_self=True):
                each.training = False
        for norm in self._evaluating():
            norm.training = False
        return self

    def _frozen(self) -> Iterator[nn.Layer]:
        for part in self.parts()[: self.frozen_stages + 1]:
            yield from part

    def _evaluating(self) -> Iterator[nn.Layer]:
        for layer in [self] if self.norm_eval else self._frozen():
            yield from _norms(layer)


def _norms(layer: nn.Layer) -> Iterator[nn.Layer]:
    for each in layer.sublayers(include_self=True):
        if isinstance(each, nn.BatchNorm2D):
            yield each


def _trains(layer: nn.Layer, whether: bool) -> None:
    for name, parameter in layer.named_parameters():
        # Paddle counts a batch norm's statistics among the parameters.
        if name.rpartition(".")[2] not in STATISTICS:
            parameter.stop_gradient = not whether
