"""Every hostile or broken file of these tests, by name: what must be turned away.

Gathered from the tests' own tables, so that a new attack joins without being told to.
The frameworks are not needed to make them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.checkpoint import test_hostile_code as code
from tests.checkpoint import test_hostile_pickles as pickles
from tests.checkpoint import test_hostile_safetensors as safe
from tests.checkpoint import test_hostile_tensors as tensors
from tests.checkpoint import test_hostile_zip as zips
from tests.checkpoint.hostile import CARRIERS, in_legacy, in_zip
from tests.checkpoint.made import (
    array_opcodes,
    pickled,
    safetensors_bytes,
    state_opcodes,
    storage_opcodes,
    tensor_opcodes,
)

NO_CHECKPOINTS = {
    "an HTML page": b"<!DOCTYPE html><html><body>Sign in</body></html>",
    "an error message": b'{"error": "not found"}',
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\n",
    "an empty file": b"",
}


def corpus() -> Iterator[tuple[str, bytes]]:
    """Name and content of each file."""
    for name, body in _pickles():
        for carrier, carried in CARRIERS.items():
            yield f"{carrier}: {name}", carried(body)
    for name, body in _torch_pickles():
        for carrier, carried in (("zip", in_zip), ("legacy", in_legacy)):
            yield f"{carrier}: {name}", carried(body)
    for name, fields in {**tensors.ARRAYS, **tensors.DTYPES}.items():
        array: Any = fields
        yield f"array: {name}", pickled(state_opcodes(array_opcodes(**array)))
    for name, (build, _) in {**zips.UNSAFE, **zips.CORRUPT}.items():
        yield f"archive: {name}", build()
    for name, header in {**safe.CORRUPT, **safe.UNREADABLE, **safe.UNSAFE}.items():
        yield f"safetensors: {name}", safetensors_bytes(header, safe.DATA)
    yield from NO_CHECKPOINTS.items()


def _pickles() -> Iterator[tuple[str, bytes]]:
    for name, body in code.CALLS.items():
        yield name, pickled(state_opcodes(body))
    for name, body in code.OTHER_WAYS.items():
        yield name, pickled(state_opcodes(body))
    for name, body in {**pickles.CORRUPT, **pickles.UNSAFE, **pickles.DEEP}.items():
        yield name, pickled(body)


def _torch_pickles() -> Iterator[tuple[str, bytes]]:
    windows: dict[str, Any] = tensors.WINDOWS
    for name, fields in windows.items():
        yield name, pickled(state_opcodes(tensor_opcodes(**fields)))
    storages: dict[str, Any] = tensors.STORAGES
    for name, fields in storages.items():
        body = tensor_opcodes(storage_opcodes(**fields))
        yield name, pickled(state_opcodes(body))
    for name, (shape, stride) in tensors.BOMBS.items():
        body = tensor_opcodes(shape=shape, stride=stride)
        yield name, pickled(state_opcodes(body))
