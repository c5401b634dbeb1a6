"""ResNet-NAM: ResNets with normalisation-based attention, and the same without it.

Paper: arXiv 2111.12419. Official code: github.com/Christian-lyc/NAM. A port to Paddle:
github.com/Feng1909/ResNet50-NAM.
"""
