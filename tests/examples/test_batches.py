"""Batches depend on seed, epoch and place alone, and hold each picture once."""

from __future__ import annotations

import numpy as np

from examples.common.batches import Batch, Batches
from examples.resnet_nam_cifar100.recipes import AUGMENTATIONS, normalisation
from ppim_port.recipe import Transform
from tests.examples.made import made_pictures

RECIPE = normalisation("article")


def batches(
    epoch: int = 0, *, workers: int = 2, seed: int = 0, count: int = 23
) -> Batches:
    made = Batches(
        made_pictures(count),
        RECIPE,
        size=4,
        augment=AUGMENTATIONS["article"],
        seed=seed,
        workers=workers,
    )
    made.epoch = epoch
    return made


def same(one: list[Batch], other: list[Batch]) -> bool:
    pairs = zip(one, other, strict=True)
    return all((a == b).all() for two in pairs for a, b in zip(*two, strict=True))


def test_neither_threads_nor_what_came_before_change_an_epoch() -> None:
    expected = list(batches(3))
    used = batches(workers=5)
    list(used)
    used.epoch = 3
    assert same(list(used), expected)


def test_epochs_and_seeds_differ() -> None:
    first = np.concatenate([images for images, _ in batches(0)])
    for other in (batches(1), batches(seed=1)):
        assert (np.concatenate([images for images, _ in other]) != first).any()


def test_every_picture_is_there_once_and_shuffled() -> None:
    labels = np.concatenate([labels for _, labels in batches()])
    expected = made_pictures(23).labels
    assert sorted(labels) == sorted(expected)
    assert list(labels) != list(expected)
    assert len(batches()) == len(list(batches())) == 6


def test_a_last_training_batch_of_one_picture_is_left_out() -> None:
    assert [len(labels) for _, labels in batches(count=9)] == [4, 4]


def test_test_pictures_are_in_order_and_preprocessed_as_in_an_evaluation() -> None:
    pictures = made_pictures(9)
    found = list(Batches(pictures, RECIPE, size=4))
    transform = Transform(RECIPE)
    expected = np.stack([transform(image) for image in pictures.images])
    assert (np.concatenate([images for images, _ in found]) == expected).all()
    assert (np.concatenate([labels for _, labels in found]) == pictures.labels).all()


def test_a_picture_is_augmented_anew_each_epoch() -> None:
    first, second = (
        {
            int(y): image
            for x, labels in batches(epoch, count=10)
            for image, y in zip(x, labels, strict=True)
        }
        for epoch in (0, 1)
    )
    assert len(first) == 10
    assert sum((first[label] != second[label]).any() for label in first) >= 9
