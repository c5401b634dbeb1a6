"""Heat maps of involution kernels: what was found in a net, and pictures of it.

An involution makes a kernel for every position of its input. The paper (arXiv
2103.06255, its visualisation of learned kernels) shows the sum of a kernel's K x K
values at each position; so do these maps, one a group of channels.
"""

from eval.kernels.maps import KernelMap, Tile, chosen, kernel_maps, tiles
from eval.kernels.page import as_html
from eval.kernels.sheet import as_png

__all__ = [
    "KernelMap",
    "Tile",
    "as_html",
    "as_png",
    "chosen",
    "kernel_maps",
    "tiles",
]
