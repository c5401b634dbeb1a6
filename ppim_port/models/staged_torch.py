"""Stages that do not train, in PyTorch; `staged_paddle.py` does the same in Paddle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ppim_port.models.features import check_frozen_stages


class Staged(nn.Module):
    """A net of a stem and stages, the first of which can be left as they are.

    Attributes:
        frozen_stages: see `freeze`.
        norm_eval: see `freeze`.
    """

    frozen_stages = -1
    norm_eval = False

    def parts(self) -> list[Sequence[nn.Module]]:
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
            layer.requires_grad_(True)
        self.frozen_stages = stages
        self.norm_eval = norm_eval
        for layer in self._frozen():
            layer.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """As every net's, but for what `freeze` said."""
        super().train(mode)
        for layer in self._frozen():
            layer.eval()
        if self.norm_eval:
            for layer in self.modules():
                if isinstance(layer, _BatchNorm):
                    layer.eval()
        return self

    def _frozen(self) -> Iterator[nn.Module]:
        for part in self.parts()[: self.frozen_stages + 1]:
            yield from part
