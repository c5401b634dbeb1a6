"""ResNet with switchable atrous convolutions: the backbone of DetectoRS (CVPR 2021).

Paper: arXiv 2006.02334. Authors' code: github.com/joe-siyuan-qiao/DetectoRS.
"""
