"""Nets as files of other runtimes: ONNX, and Paddle's static graph.

An export is verified before it gets its name: the runtime's logits against the net's
own, and against the net in float64. Nothing is left where they disagree.
"""
