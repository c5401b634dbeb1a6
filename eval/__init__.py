"""Evaluate a model on ILSVRC2012 validation pictures, against the published numbers.

Use it as `from eval.pipeline import evaluate`; the bare name belongs to Python.
"""
