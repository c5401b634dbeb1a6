"""Nets in the form for inference: batch norms folded, channels last, few operators.

A family writes its net once more as a small program of layers (`layers.py`); an engine
runs it: our C++ kernels (`native_engine.py`), or a framework's own operators
(`torch_engine.py`, `paddle_engine.py`), which also prove it in float64.
"""
