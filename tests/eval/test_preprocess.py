"""Batches: the same for any number of threads, bounded, and never without a picture."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from eval.preprocess import batches
from eval.records import Batch, Dataset, Sample
from ppim_port.errors import ImageError, UsageError
from ppim_port.recipe import Recipe, Transform

RECIPE = Recipe(
    name="small",
    decoder="opencv",
    exif_rotation=True,
    resize_short_side=20,
    long_side_rounding="floor",
    interpolation="bilinear",
    antialias=False,
    crop_size=16,
    crop_rounding="half-even",
    channel_order="rgb",
    mean=(1.0, 2.0, 3.0),
    std=(4.0, 5.0, 6.0),
    source="the tests",
)
TRANSFORM = Transform(RECIPE)
COUNT = 23


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    samples = []
    for n in range(COUNT):
        path = tmp_path / f"{n:02}.png"
        pixels = np.random.default_rng(n).integers(0, 256, (24 + n, 30, 3), np.uint8)
        cv2.imwrite(str(path), pixels)
        samples.append(Sample(path.name, path, n % 5))
    return Dataset(tmp_path, "list", tuple(samples), 5)


class Spy:
    """A transform that counts what it has begun, and may be slow, or wait."""

    crop_size = 16

    def __init__(self, delay: float = 0.0) -> None:
        self.begun: list[str] = []
        self.delay = delay

    def to_uint8(self, image: object, *, name: str | None = None) -> np.ndarray:
        self.begun.append(str(name))
        time.sleep(self.delay)
        return TRANSFORM.to_uint8(image, name=name)


def preprocess_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("preprocess")]


def run(dataset: Dataset, batch_size: int = 4, workers: int = 2) -> list[Batch]:
    options = {"batch_size": batch_size, "workers": workers, "prefetch": 2}
    return list(batches(dataset, TRANSFORM, **options))


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("batch_size", [1, 4, 23, 50])
def test_every_picture_comes_once_in_order_with_its_own_pixels(
    dataset: Dataset, batch_size: int, workers: int
) -> None:
    got = run(dataset, batch_size, workers)
    assert [b.index for b in got] == list(range(-(-COUNT // batch_size)))
    assert tuple(s for b in got for s in b.samples) == dataset.samples
    assert all(len(b.samples) == len(b.images) == len(b.digests) for b in got)
    wanted = np.stack([TRANSFORM.to_uint8(s.path) for s in dataset.samples])
    assert np.array_equal(np.concatenate([b.images for b in got]), wanted)
    assert got[0].images.dtype == np.uint8


def test_batches_begin_at_multiples_of_their_size(dataset: Dataset) -> None:
    got = run(dataset, batch_size=5)
    assert [b.samples[0].id for b in got] == [f"{n:02}.png" for n in range(0, COUNT, 5)]
    assert [len(b.samples) for b in got] == [5, 5, 5, 5, 3]


def test_a_resumed_run_sees_the_batches_of_an_unbroken_one(dataset: Dataset) -> None:
    whole = run(dataset, batch_size=5)
    rest = list(
        batches(dataset, TRANSFORM, batch_size=5, workers=2, prefetch=2, start=3)
    )
    assert [b.index for b in rest] == [3, 4]
    for late, early in zip(rest, whole[3:], strict=True):
        assert late.samples == early.samples
        assert np.array_equal(late.images, early.images)


def test_digests_are_those_of_the_files(dataset: Dataset) -> None:
    digests = [digest for b in run(dataset) for digest in b.digests]
    files = [s.path.read_bytes() for s in dataset.samples]
    assert digests == [hashlib.sha256(data).hexdigest() for data in files]


@pytest.mark.parametrize("prefetch", [1, 3])
def test_no_more_than_prefetch_batches_are_begun_ahead(
    dataset: Dataset, prefetch: int
) -> None:
    spy = Spy()
    stream = batches(dataset, spy, batch_size=2, workers=8, prefetch=prefetch)
    for taken in range(1, 6):
        next(stream)
        time.sleep(0.02)
        assert len(spy.begun) <= 2 * (taken + prefetch - 1)
    stream.close()  # type: ignore[attr-defined]


def test_nothing_begins_before_the_first_batch_is_asked_for(dataset: Dataset) -> None:
    spy = Spy()
    stream = batches(dataset, spy, batch_size=2, workers=2, prefetch=2)
    time.sleep(0.02)
    assert spy.begun == []
    assert preprocess_threads() == []
    next(stream)
    assert spy.begun != []


FAULTS = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:60]),
    "empty": lambda path: path.write_bytes(b""),
    "html": lambda path: path.write_bytes(b"<html>"),
    "missing": lambda path: path.unlink(),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("workers", [1, 8])
def test_a_faulty_picture_ends_the_run_by_name_after_the_batches_before_it(
    dataset: Dataset, fault: str, workers: int
) -> None:
    FAULTS[fault](dataset.samples[9].path)
    stream = batches(dataset, TRANSFORM, batch_size=4, workers=workers, prefetch=3)
    assert [next(stream).index, next(stream).index] == [0, 1]
    with pytest.raises(ImageError, match=r"/09\.png'"):
        next(stream)
    assert preprocess_threads() == []


def test_of_two_faulty_pictures_the_first_in_order_is_named(dataset: Dataset) -> None:
    # The later one fails at once, the earlier one only after its slow neighbours.
    dataset.samples[3].path.write_bytes(b"")
    dataset.samples[2].path.write_bytes(dataset.samples[2].path.read_bytes()[:-20])
    for _ in range(5):
        with pytest.raises(ImageError, match=r"/02\.png'"):
            run(dataset, batch_size=4, workers=4)


def test_closing_early_stops_the_threads_and_drops_the_queue(dataset: Dataset) -> None:
    spy = Spy(delay=0.02)
    stream = batches(dataset, spy, batch_size=1, workers=2, prefetch=COUNT)
    next(stream)
    assert preprocess_threads() != []
    stream.close()  # type: ignore[attr-defined]
    assert preprocess_threads() == []
    begun = len(spy.begun)
    time.sleep(0.05)
    assert len(spy.begun) == begun < COUNT // 2


def test_a_keyboard_interrupt_in_the_consumer_stops_the_threads(
    dataset: Dataset,
) -> None:
    def consume(stream: Iterator[Batch]) -> None:
        for _ in stream:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consume(batches(dataset, Spy(0.01), batch_size=2, workers=2, prefetch=3))
    assert preprocess_threads() == []


def test_a_keyboard_interrupt_while_waiting_stops_the_threads(
    dataset: Dataset,
) -> None:
    class Interrupted(Spy):
        def to_uint8(self, image: object, *, name: str | None = None) -> np.ndarray:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(batches(dataset, Interrupted(), batch_size=2, workers=2, prefetch=3))
    assert preprocess_threads() == []


def test_opencv_runs_single_threaded_during_the_run_and_as_before_after_it(
    dataset: Dataset,
) -> None:
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        stream = batches(dataset, TRANSFORM, batch_size=4, workers=2, prefetch=2)
        next(stream)
        assert cv2.getNumThreads() == 1
        stream.close()  # type: ignore[attr-defined]
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)


@pytest.mark.parametrize("name", ["batch_size", "workers", "prefetch"])
@pytest.mark.parametrize("value", [0, -1])
def test_numbers_below_one_are_refused_at_the_call(
    dataset: Dataset, name: str, value: int
) -> None:
    numbers = {"batch_size": 4, "workers": 1, "prefetch": 1} | {name: value}
    with pytest.raises(UsageError, match=f"{name} must be at least 1, got {value}"):
        batches(dataset, TRANSFORM, **numbers)


def test_a_negative_start_is_refused(dataset: Dataset) -> None:
    with pytest.raises(UsageError, match="start must be at least 0, got -1"):
        batches(dataset, TRANSFORM, batch_size=1, workers=1, prefetch=1, start=-1)
