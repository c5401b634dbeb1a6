"""Port pretrained ImageNet weights between PyTorch and Paddle, and prove the port."""

from ppim_port.version import __version__

__all__ = ["__version__"]
