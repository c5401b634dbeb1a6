"""Our C++ kernels for the CPU: convolution, involution and its gradients, pooling.

They are an optional part: where no compiler was at hand on installation, `available()`
is false and callers take their framework's own operators. `ppim_port.show_config()`
says which one runs. Importing this package loads nothing.
"""

from __future__ import annotations

__all__ = ["available"]


def available() -> bool:
    """Whether the kernels are built and switched on (see `library.VARIABLE`)."""
    from ppim_port.native.library import load

    return load() is not None
