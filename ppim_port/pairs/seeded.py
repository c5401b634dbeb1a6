"""Made-up weights and pictures that are the same bits on every machine.

A recorded answer is only worth as much as the certainty that it belongs to the same
question: numpy promises the streams of its bit generators for good, but not what its
distributions make of them, so only raw bits are taken and a digest is recorded too.
"""

from __future__ import annotations

import hashlib
from math import prod, sqrt
from zlib import crc32

import numpy as np

from ppim_port.mapping import TensorInfo
from ppim_port.pairs.records import NetDescription, Op
from ppim_port.state_dict import Array, StateDict

# A sum's last batch norm is small, or fifty blocks in a row would overflow.
JOINING_GAIN = 0.2


def seeded_state(net: NetDescription) -> StateDict:
    """Weights that a trained net could have, variances positive; by key alone.

    Args:
        net: of any framework; linear weights are laid out as it lays them out.

    Returns:
        Every tensor of the net, in its order; float32, counters int64.
    """
    roles = {
        key: (role, op, index)
        for index, op in enumerate(net.ops)
        for role, key in op.tensors.items()
    }
    joining = {i for op in net.ops if op.kind == "add" for i in op.inputs}
    state = {}
    for key, info in net.tensors.items():
        # What evaluation never reads has a role by its name alone.
        role, op, index = roles.get(key, (key.rpartition(".")[2], None, -1))
        state[key] = _tensor(net, key, info, role, op)
        if role == "weight" and op and op.kind == "batch_norm" and index in joining:
            state[key] *= np.float32(JOINING_GAIN)
    return state


def seeded_images(size: int) -> Array:
    """One picture of noise, float64 `[1, 3, size, size]`, from -2 to 2."""
    return _uniform("the picture", (1, 3, size, size), 2).astype(np.float64)


def state_digest(state: StateDict) -> str:
    """sha256 over every key and its little-endian bytes, in order."""
    digest = hashlib.sha256()
    for key, value in state.items():
        digest.update(f"{key} {value.dtype.name} {list(value.shape)}".encode())
        digest.update(np.ascontiguousarray(value, value.dtype.newbyteorder("<")).data)
    return digest.hexdigest()


def _tensor(
    net: NetDescription, key: str, info: TensorInfo, role: str, op: Op | None
) -> Array:
    if info.dtype != "float32":
        return np.zeros(info.shape, info.dtype)
    if role == "weight" and op and op.kind != "batch_norm":
        reach = sqrt(6 / prod(net.shape(op, role)[1:]))
        return _uniform(key, info.shape, reach)
    value = _uniform(key, info.shape, 0.5)
    near_one = role == "running_var" or (role == "weight" and op is not None)
    return value + np.float32(1) if near_one else value


def _uniform(name: str, shape: tuple[int, ...], reach: float) -> Array:
    """From -reach to reach, out of 24 bits each, so that float32 holds them all."""
    raw = np.random.Philox(key=crc32(name.encode())).random_raw(prod(shape))
    unit = (raw >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23)
    scaled: Array = (unit - np.float32(1)) * np.float32(reach)
    return scaled.reshape(shape)
