"""Conversions between torchvision's nets and Paddle's own, by an inferred map.

    from convert import PairRequest, convert_pair

    convert_pair(
        PairRequest("torchvision:resnet50", "paddle.vision:resnet50", Path("r.pth"))
    )

The same stages as for a model of the manifest, with another way to the map and two more
things to prove: that the two nets do the same, and that torchvision's is known where
torchvision itself is absent.
"""
