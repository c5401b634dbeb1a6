"""The plain pipelines that people use today, written from their descriptions.

Unfolded involution, the framework's own transforms or a simple loader, one worker,
batch 16: what the Paddle article and the official torch code do.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

BATCH = 16


def paddle_hapi(weights: Path, folder: Path) -> int:
    """`paddle.Model.evaluate` with paddle.vision's transforms; returns pictures."""
    import paddle
    from paddle.vision.datasets import DatasetFolder

    import ppim_port

    use_unfold("paddle")
    net = ppim_port.create_model("rednet26", framework="paddle", weights=weights)
    import cv2

    data = DatasetFolder(str(folder), loader=cv2.imread, transform=paddle_transforms())
    model = paddle.Model(net)
    model.prepare(metrics=paddle.metric.Accuracy(topk=(1, 5)))
    model.evaluate(data, batch_size=BATCH, num_workers=1, verbose=0)
    return len(data)


def paddle_transforms():
    """Paddle's own, as its article has them; from BGR arrays."""
    from paddle.vision import transforms

    return transforms.Compose(
        [
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.Normalize(
                mean=[123.675, 116.28, 103.53],
                std=[58.395, 57.12, 57.375],
                to_rgb=True,
                data_format="HWC",
            ),
            transforms.ToTensor(),
        ]
    )


def torch_loader(weights: Path, folder: Path) -> int:
    """The official torch form with a DataLoader of one worker; returns pictures."""
    import torch

    import ppim_port

    use_unfold("torch")
    net = ppim_port.create_model("rednet26", framework="torch", weights=weights)
    loader = torch.utils.data.DataLoader(
        _Pictures(folder), batch_size=BATCH, num_workers=1
    )
    with torch.no_grad():
        for images in loader:
            net(images).topk(5)
    return len(loader.dataset)


class _Pictures:
    """A map-style dataset as everybody writes it."""

    def __init__(self, folder: Path) -> None:
        self.paths = sorted(folder.glob("*/*"))
        self.mean = np.array([123.675, 116.28, 103.53], np.float32)
        self.std = np.array([58.395, 57.12, 57.375], np.float32)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        import cv2

        image = cv2.imread(str(self.paths[index]))
        height, width = image.shape[:2]
        scale = 256 / min(height, width)
        image = cv2.resize(
            image, (max(256, int(width * scale)), max(256, int(height * scale)))
        )
        top, left = (image.shape[0] - 224) // 2, (image.shape[1] - 224) // 2
        image = image[top : top + 224, left : left + 224, ::-1].astype(np.float32)
        return ((image - self.mean) / self.std).transpose(2, 0, 1)


def use_unfold(framework: str) -> None:
    """Let every involution layer of this process run the published form."""
    if framework == "torch":
        from ppim_port.ops import involution_torch

        involution_torch.involution = unfold_torch
    else:
        from ppim_port.ops import involution_paddle

        involution_paddle.involution = unfold_paddle


def unfold_torch(x, weight, *, kernel_size, stride=1, dilation=1):
    import torch

    n, channels = x.shape[:2]
    groups, taps, height, width = weight.shape[1:]
    reach = dilation * (kernel_size - 1) // 2
    unfolded = torch.nn.functional.unfold(x, kernel_size, dilation, reach, stride)
    unfolded = unfolded.reshape(n, groups, channels // groups, taps, height, width)
    return (weight.unsqueeze(2) * unfolded).sum(3).reshape(n, channels, height, width)


def unfold_paddle(x, weight, *, kernel_size, stride=1, dilation=1):
    import paddle

    n, channels = x.shape[:2]
    groups, taps, height, width = weight.shape[1:]
    reach = dilation * (kernel_size - 1) // 2
    unfolded = paddle.nn.functional.unfold(x, kernel_size, stride, reach, dilation)
    unfolded = unfolded.reshape([n, groups, channels // groups, taps, height, width])
    total = (weight.unsqueeze(2) * unfolded).sum(axis=3)
    return total.reshape([n, channels, height, width])
