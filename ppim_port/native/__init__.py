"""Our C++ kernels for the CPU: convolution, involution and its gradients, pooling.

They are an optional part: where no compiler was at hand on installation, `available()`
is false and callers take their framework's own operators. `ppim_port.show_config()`
says which one runs. Importing this package loads nothing.
"""

from __future__ import annotations

from ppim_port.native.library import Buffer, load

__all__ = ["Buffer", "available"]


def available() -> bool:
    """Whether the kernels are built and switched on (see `library.VARIABLE`)."""
    return load() is not None
