"""Involution's Triton kernels, one a file, and what launches them.

Importing this package alone loads neither Triton nor a framework; the kernels' files
load Triton, and `launch` and `checks` load PyTorch. Nothing here differentiates: the
ops that do are in `involution_triton.py`.
"""
