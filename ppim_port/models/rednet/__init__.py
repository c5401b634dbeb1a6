"""RedNet: ResNet with its 3x3 convolutions replaced by involutions (CVPR 2021).

Paper: arXiv 2103.06255. Official code: github.com/d-li14/involution (MIT).
"""
