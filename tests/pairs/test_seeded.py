"""Made-up weights are the same bits everywhere, and such as a net could have."""

from __future__ import annotations

import numpy as np
import pytest

from ppim_port.pairs.recorded import answer
from ppim_port.pairs.seeded import seeded_images, seeded_state, state_digest
from tests.pairs.made import pair_of


@pytest.mark.parametrize("model", ["mobilenet_v3_small", "squeezenet1_1", "googlenet"])
def test_the_weights_are_those_that_torchvision_answered_to(model: str) -> None:
    state = seeded_state(pair_of(model)[0])
    assert state_digest(state) == answer(model).state_sha256


def test_the_picture_is_the_same_bits() -> None:
    picture = seeded_images(4)
    assert (picture.dtype, picture.shape) == (np.float64, (1, 3, 4, 4))
    assert picture[0, 0, 0].tolist() == PICTURE
    assert np.abs(picture).max() <= 2


PICTURE = [
    1.207423448562622,
    0.9955015182495117,
    1.7238693237304688,
    -0.08573126792907715,
]


def test_weights_are_such_as_a_trained_net_could_have() -> None:
    net = pair_of("googlenet")[0]
    state = seeded_state(net)
    assert list(state) == list(net.tensors)
    for key, value in state.items():
        assert (value.shape, value.dtype.name) == (
            net.tensors[key].shape,
            net.tensors[key].dtype,
        )
        assert np.isfinite(value).all()
        if key.endswith("running_var"):
            assert value.min() >= 0.5


def test_the_digest_sees_keys_shapes_and_bits() -> None:
    one = {"a": np.zeros((2, 3), np.float32)}
    digests = {
        state_digest(state)
        for state in (
            one,
            {"b": one["a"]},
            {"a": one["a"].reshape(3, 2)},
            {"a": -one["a"]},
        )
    }
    assert len(digests) == 4
