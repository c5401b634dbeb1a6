"""Memory is used again only when nobody holds it, and never piles up."""

from __future__ import annotations

import gc
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ppim_port.inference.memory import Memory
from ppim_port.state_dict import Array
from tests.support.frameworks import torch

F32 = np.dtype(np.float32)


def address(array: Array) -> int:
    return int(array.ctypes.data)


def test_a_block_is_used_again_when_its_array_is_gone() -> None:
    memory = Memory()
    first = memory.empty((3, 5), F32)
    place = address(first)
    assert (first.shape, first.dtype, first.flags.c_contiguous) == ((3, 5), F32, True)
    del first
    assert address(memory.empty((15,), F32)) == place


def test_every_kind_of_view_keeps_its_block() -> None:
    views = {
        "slice": lambda a: a[1:],
        "reshape": lambda a: a.reshape(-1),
        "transpose": lambda a: a.T,
        "dtype": lambda a: a.view(np.uint16),
        "view of a view": lambda a: a[1:].T.view(np.ndarray)[..., None],
        "memoryview": memoryview,
        "torch": torch.from_numpy,
        "torch view": lambda a: torch.from_numpy(a)[1:, 2],
        "dlpack": torch.from_dlpack,
        "numpy dlpack": np.from_dlpack,
    }
    for name, make in views.items():
        memory = Memory()
        array = memory.empty((4, 4), F32)
        place = address(array)
        kept = make(array)
        del array
        assert address(memory.empty((4, 4), F32)) != place, name
        del kept
        assert address(memory.empty((4, 4), F32)) == place, name


def test_the_smallest_block_that_is_large_enough_is_taken() -> None:
    memory = Memory()
    arrays = [memory.empty((size,), F32) for size in (100, 30, 60)]
    places = [address(array) for array in arrays]
    del arrays
    held = memory.empty((50,), F32)
    assert address(held) == places[2]
    assert address(memory.empty((20,), F32)) == places[1]


def test_an_empty_array_is_one() -> None:
    memory = Memory()
    assert memory.empty((0, 3), F32).shape == (0, 3)
    assert memory.empty((), F32).shape == ()


sizes = st.integers(0, 4000)
steps = st.lists(st.tuples(st.booleans(), sizes, st.integers(0, 9)), max_size=60)


@settings(max_examples=200, deadline=None)
@given(steps=steps)
def test_live_arrays_never_share_memory_and_blocks_are_as_many_as_were_alive(
    steps: list[tuple[bool, int, int]],
) -> None:
    memory = Memory()
    alive: list[tuple[Array, int]] = []
    most = 0
    for mark, (frees, size, which) in enumerate(steps):
        if frees and alive:
            del alive[which % len(alive)]
            continue
        array = memory.empty((size,), np.dtype(np.int32))
        array[:] = mark
        alive.append((array, mark))
        del array
        most = max(most, len(alive))
        assert all((array == mark).all() for array, mark in alive)
        assert len(memory._blocks) <= most


def test_growing_sizes_do_not_pile_up() -> None:
    memory = Memory()
    gc.collect()
    tracemalloc.start()
    for size in range(1000, 200_000, 1000):
        memory.empty((size,), F32)
        memory.empty((3, size // 4), F32)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 2 * 200_000 * 4


def test_threads_have_blocks_of_their_own() -> None:
    memory, barrier = Memory(), Barrier(4, timeout=30)

    def work(number: int) -> bool:
        barrier.wait()
        for turn in range(300):
            array = memory.empty((64,), F32)
            array[:] = number * 1000 + turn
            other = memory.empty((32,), F32)
            other[:] = -1
            if not (array == number * 1000 + turn).all():
                return False
            del array, other
        return len(memory._blocks) == 2

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))
    assert memory._blocks == []


def test_an_array_may_outlive_its_thread() -> None:
    memory = Memory()

    def make() -> Array:
        array = memory.empty((1000,), F32)
        array[:] = 7
        return array

    with ThreadPoolExecutor(1) as pool:
        array = pool.submit(make).result()
    gc.collect()
    memory.empty((1000,), F32)[:] = 8
    assert (array == 7).all()
