"""EfficientNet-Lite: EfficientNets for mobile devices, without squeeze-and-excite.

Paper of the EfficientNets: arXiv 1905.11946. Official code of the Lite ones:
github.com/tensorflow/tpu, models/official/efficientnet/lite (Apache-2.0).
"""
