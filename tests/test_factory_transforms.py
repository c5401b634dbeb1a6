"""The transform of a model in the datasets of both frameworks."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from ppim_port.factory import create_model, val_transforms
from ppim_port.recipe import Transform
from tests.support.frameworks import paddle, torch

CLASSES = 4


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two PNGs a class, in folders; lossless, so that decoders cannot differ."""
    root = tmp_path_factory.mktemp("pictures")
    for n in range(2 * CLASSES):
        folder = root / f"class{n // 2}"
        folder.mkdir(exist_ok=True)
        pixels = np.random.default_rng(n).integers(0, 256, (40 + n, 50, 3), np.uint8)
        cv2.imwrite(str(folder / f"{n:02}.png"), cv2.resize(pixels, (300, 280)))
    return root


@pytest.fixture(params=["pil", "cv2"])
def image_backend(request: pytest.FixtureRequest) -> Iterator[str]:
    before = paddle.vision.get_image_backend()
    paddle.vision.set_image_backend(request.param)
    yield request.param
    paddle.vision.set_image_backend(before)


def paths(root: Path) -> list[Path]:
    return sorted(root.rglob("*.png"))


def stacked(root: Path) -> np.ndarray:
    transform = val_transforms("rednet26")
    return np.stack([transform(path) for path in paths(root)])


def test_the_pair_is_the_net_and_the_models_own_transform() -> None:
    model, transform = create_model("rednet26", num_classes=2, return_transforms=True)
    assert isinstance(model, torch.nn.Module)
    assert isinstance(transform, Transform)
    assert transform.recipe == val_transforms("rednet26").recipe
    assert transform.recipe.name == "rednet-official"


def test_a_path_bytes_an_array_and_a_pil_image_are_the_same_picture(
    pictures: Path,
) -> None:
    transform = val_transforms("rednet26")
    path = paths(pictures)[0]
    tensor = transform(path)
    assert (tensor.shape, tensor.dtype) == ((3, 224, 224), np.float32)
    with Image.open(path) as pil:
        others = (str(path), path.read_bytes(), cv2.imread(str(path)), pil.copy())
    assert all(np.array_equal(transform(other), tensor) for other in others)


def test_it_can_be_sent_to_another_process(pictures: Path) -> None:
    transform = val_transforms("rednet26")
    sent = pickle.loads(pickle.dumps(transform))
    path = paths(pictures)[0]
    assert np.array_equal(sent(path), transform(path))


def test_paddles_folder_hands_over_paths_with_any_image_backend(
    pictures: Path, image_backend: str
) -> None:
    dataset = paddle.vision.datasets.DatasetFolder(
        str(pictures), loader=str, transform=val_transforms("rednet26")
    )
    found = np.stack([image for image, _ in dataset])
    assert np.array_equal(found, stacked(pictures))


def test_paddles_own_pil_loader_gives_the_same_tensors(pictures: Path) -> None:
    dataset = paddle.vision.datasets.DatasetFolder(
        str(pictures), transform=val_transforms("rednet26")
    )
    assert paddle.vision.get_image_backend() == "pil"
    found = np.stack([image for image, _ in dataset])
    assert np.array_equal(found, stacked(pictures))


def test_paddles_own_cv2_loader_swaps_red_and_blue(pictures: Path) -> None:
    """Why the transform's page says `loader=str`; if this fails, it need not."""
    from paddle.vision.datasets.folder import cv2_loader

    path = str(paths(pictures)[0])
    assert np.array_equal(cv2_loader(path), cv2.imread(path)[..., ::-1])


def accuracy(logits: np.ndarray, labels: np.ndarray, count: int) -> float:
    best = np.argsort(-logits, axis=1, kind="stable")[:, :count]
    return float((best == labels[:, None]).any(axis=1).mean())


# paddle.Model warns of what it does itself (paddlepaddle 3.3.1).
@pytest.mark.filterwarnings("ignore:To copy construct from a tensor:UserWarning")
def test_paddles_model_evaluates_with_net_and_transform(pictures: Path) -> None:
    paddle.seed(3)
    net, transform = create_model(
        "rednet26", framework="paddle", num_classes=CLASSES, return_transforms=True
    )
    dataset = paddle.vision.datasets.DatasetFolder(str(pictures), transform=transform)
    model = paddle.Model(net)
    model.prepare(metrics=paddle.metric.Accuracy(topk=(1, 2)))
    found = model.evaluate(dataset, batch_size=3, verbose=0)

    with paddle.no_grad():
        logits = net(paddle.to_tensor(stacked(pictures))).numpy()
    labels = np.repeat(np.arange(CLASSES), 2)
    assert found == {
        "acc_top1": pytest.approx(accuracy(logits, labels, 1)),
        "acc_top2": pytest.approx(accuracy(logits, labels, 2)),
    }


class Folder(torch.utils.data.Dataset):  # type: ignore[misc]
    """A PyTorch dataset of the usual kind, with a transform."""

    def __init__(self, root: Path, transform: Any) -> None:
        self.paths = paths(root)
        self.transform = transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        with Image.open(self.paths[index]) as image:
            return self.transform(image), index // 2


def test_torchs_loader_makes_batches_that_the_net_takes(pictures: Path) -> None:
    net, transform = create_model(
        "rednet26", num_classes=CLASSES, return_transforms=True
    )
    loader = torch.utils.data.DataLoader(Folder(pictures, transform), batch_size=5)
    batches = list(loader)
    images = torch.cat([images for images, _ in batches])
    assert images.dtype == torch.float32
    assert np.array_equal(images.numpy(), stacked(pictures))
    assert torch.cat([labels for _, labels in batches])[-1] == CLASSES - 1
    with torch.inference_mode():
        assert net(images[:2]).shape == (2, CLASSES)
