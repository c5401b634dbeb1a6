"""Two frameworks' nets that are built once and loaded again and again.

Building a net for every planted fault would take most of the self-test's time; loading
replaces every tensor, so nothing of one fault is left for the next.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from convert.verification.faults import Fault
from convert.verification.records import Observed
from convert.verification.tensors import loaded
from ppim_port.backends import Backend, get_backend
from ppim_port.models.family import Config
from ppim_port.state_dict import Array, FrameworkName, StateDict

NO_FAULT = Fault("none")


@dataclass(frozen=True, slots=True)
class Bench:
    """One framework's nets.

    Attributes:
        backend: its adapter.
        single: the float32 net.
        double: the float64 net.
        classes: how many logits they give.
    """

    backend: Backend
    single: Any
    double: Any
    classes: int

    @classmethod
    def of(cls, framework: FrameworkName, config: Config) -> Bench:
        """Build both nets.

        Raises:
            MissingPackageError: the framework is not installed.
        """
        backend = get_backend(framework)
        double = backend.build(config, precision="float64")
        return cls(backend, backend.build(config), double, config.num_classes)

    def observe(
        self, state: StateDict, images: Array, fault: Fault = NO_FAULT
    ) -> Observed:
        """Load a state dict and look at the nets.

        Args:
            state: what is to be loaded.
            images: float64 `[N, 3, H, W]`.
            fault: what goes wrong while loading, or in the live nets.

        Returns:
            Logits of NaN if the nets do not run.

        Raises:
            MappingError: the nets do not take it.
        """
        with self._altered(fault):
            self.backend.load(self.single, fault.loading(state))
            held = self.backend.state(self.single)
            unlike = tuple(loaded(state, held))
            self.backend.load(self.double, fault.loading(state))
            return Observed(
                framework=f"{self.backend.name} {self.backend.version()}",
                layers=self.backend.describe(self.double),
                unlike=unlike,
                held="",
                tensors=len(held),
                logits=self._logits(self.double, images),
                float32=self._logits(self.single, images.astype(np.float32)),
            )

    @contextmanager
    def _altered(self, fault: Fault) -> Iterator[None]:
        undo = []
        if fault.setting:
            nets = (self.single, self.double)
            undo = [self.backend.alter(net, *fault.setting) for net in nets]
        try:
            yield
        finally:
            for restore in undo:
                restore()

    def _logits(self, net: Any, images: Array) -> Array:
        try:
            with warnings.catch_warnings():
                # Paddle has a word to say on a batch norm that is still training.
                warnings.simplefilter("ignore")
                return self.backend.predict(net, images)
        except Exception:  # Each framework has its own for shapes that do not fit.
            return np.full((len(images), self.classes), np.nan)
