"""How a window moves over an input, for convolutions, involutions and pools alike."""

from __future__ import annotations

from dataclasses import dataclass

from ppim_port.errors import UsageError


@dataclass(frozen=True, slots=True)
class Geometry:
    """How a window moves over an input.

    Attributes:
        kernel_size: height and width of the window.
        stride: step between output positions.
        dilation: step between the taps of a window.
        padding: positions added on each side; involutions pad by their reach.

    Raises:
        UsageError: a size below one, or a negative padding.
    """

    kernel_size: int
    stride: int = 1
    dilation: int = 1
    padding: int = 0

    def __post_init__(self) -> None:
        if min(self.kernel_size, self.stride, self.dilation) < 1 or self.padding < 0:
            msg = (
                f"{self}: sizes and steps must be at least 1, the padding at least 0. "
                "Nothing was computed."
            )
            raise UsageError(msg)

    def out(self, size: int) -> int:
        """Output positions along an axis with `size` input positions.

        Raises:
            UsageError: the window does not fit in even once.
        """
        reach = self.dilation * (self.kernel_size - 1) + 1
        room = size + 2 * self.padding - reach
        if room < 0:
            msg = (
                f"A window of {reach} does not fit into {size} positions with a "
                f"padding of {self.padding}. Nothing was computed."
            )
            raise UsageError(msg)
        return room // self.stride + 1
