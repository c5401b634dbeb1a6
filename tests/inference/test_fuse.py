"""`net.fuse()` is a frozen copy that answers as the net did, in both frameworks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ppim_port.backends import get_backend
from ppim_port.errors import InputSizeError
from ppim_port.state_dict import Array, FrameworkName
from tests.support.frameworks import paddle, paddle_form, torch, torch_form
from tests.support.inference import SMALL, TOLERANCES, pictures
from tests.support.native import needs_kernels, same_bits
from tests.support.nets import PARITY, logits, relative
from tests.support.states import made_state

both = pytest.mark.parametrize("framework", ["torch", "paddle"])

FORMS: dict[FrameworkName, Any] = {"torch": torch_form, "paddle": paddle_form}


def fresh(framework: FrameworkName) -> Any:
    """A net that a test may change."""
    backend = get_backend(framework)
    model = backend.build(SMALL)
    backend.load(model, made_state(SMALL, framework))
    return model


def tensor(framework: FrameworkName, images: Array, dtype: str = "float32") -> Any:
    if framework == "torch":
        return torch.from_numpy(images.copy()).to(getattr(torch, dtype))
    return paddle.to_tensor(images).astype(dtype)


def answer(framework: FrameworkName, net: Any, images: Array, dtype: str) -> Array:
    found = net(tensor(framework, images, dtype))
    assert str(found.dtype).rpartition(".")[2] == dtype
    if framework == "torch":
        return found.float().numpy(force=True)
    return found.astype("float32").numpy()


@both
def test_float32_logits_are_those_of_the_plain_net(framework: FrameworkName) -> None:
    images = pictures(64, 32)
    found = answer(framework, fresh(framework).fuse(), images, "float32")
    limit = TOLERANCES["float32"]
    assert relative(found, logits("torch", images, SMALL)) < limit


@both
def test_float64_images_have_float64_logits(framework: FrameworkName) -> None:
    images = pictures(64, 32)
    found = fresh(framework).fuse()(tensor(framework, images, "float64")).numpy()
    assert found.dtype == np.float64
    assert relative(found, logits(framework, images, SMALL)) < PARITY


@needs_kernels  # Paddle has no bfloat16 convolution on a CPU.
@both
def test_bfloat16_images_have_bfloat16_logits(framework: FrameworkName) -> None:
    images = pictures(64, 32)
    found = answer(framework, fresh(framework).fuse(), images, "bfloat16")
    limit = 2 * TOLERANCES["bfloat16"]  # images and logits are rounded as well
    assert relative(found, logits("torch", images, SMALL)) < limit


@needs_kernels  # Paddle has no bfloat16 convolution on a CPU.
@both
def test_a_bfloat16_net_is_fused_by_its_values(framework: FrameworkName) -> None:
    net = fresh(framework)
    if framework == "torch":
        net.to(torch.bfloat16)
    else:
        net.to(dtype="bfloat16")
    images = pictures(64, 32)
    found = answer(framework, net.fuse(), images, "float32")
    limit = 2 * TOLERANCES["bfloat16"]
    assert relative(found, logits("torch", images, SMALL)) < limit


@both
def test_later_changes_to_the_net_do_not_matter(framework: FrameworkName) -> None:
    net, images = fresh(framework), pictures(32, 32)
    fused, late = net.fuse(), net.fuse()
    expected = answer(framework, fused, images, "float32")
    if framework == "torch":
        with torch.no_grad():
            for parameter in net.state_dict().values():
                parameter.zero_()
    else:
        for parameter in net.state_dict().values():
            parameter.set_value(paddle.zeros_like(parameter))
    assert not answer(framework, net, images, "float32").any()
    assert same_bits(answer(framework, fused, images, "float32"), expected)
    assert same_bits(answer(framework, late, images, "float32"), expected)


@both
def test_fusing_leaves_the_net_as_it_was(framework: FrameworkName) -> None:
    net, backend = fresh(framework), get_backend(framework)
    before = {key: a.copy() for key, a in backend.state(net).items()}
    answer(framework, net.fuse(), pictures(32, 32), "float32")
    after = backend.state(net)
    assert all(same_bits(a, before[key]) for key, a in after.items())


@both
def test_images_that_want_gradients_are_taken_and_get_none(
    framework: FrameworkName,
) -> None:
    images = tensor(framework, pictures(32, 32))
    if framework == "torch":
        images.requires_grad_()
    else:
        images.stop_gradient = False
    found = fresh(framework).fuse()(images)
    tracked = found.requires_grad if framework == "torch" else not found.stop_gradient
    assert not tracked


@both
def test_too_small_images_are_refused(framework: FrameworkName) -> None:
    with pytest.raises(InputSizeError, match="16x16"):
        fresh(framework).fuse()(tensor(framework, pictures(16, 16)))


@needs_kernels
@both
def test_images_of_any_strides_have_the_same_bits(framework: FrameworkName) -> None:
    fused, images = fresh(framework).fuse(), pictures(32, 64)
    expected = answer(framework, fused, images, "float32")
    turned = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
    if framework == "torch":
        found = fused(torch.from_numpy(turned).permute(0, 3, 1, 2))
    else:
        found = fused(paddle.to_tensor(turned).transpose([0, 3, 1, 2]))
    assert same_bits(found.numpy(), expected)


@needs_kernels
@both
def test_no_images_have_no_logits(framework: FrameworkName) -> None:
    images = tensor(framework, pictures(32, 32, batch=0))
    assert list(fresh(framework).fuse()(images).shape) == [0, 10]


@both
def test_without_kernels_the_framework_runs_it(
    framework: FrameworkName, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError

    monkeypatch.setattr(FORMS[framework], "is_possible", lambda config: False)
    monkeypatch.setattr(FORMS[framework], "NativeNet", refuse)
    images = pictures(32, 64)
    found = answer(framework, fresh(framework).fuse(), images, "float32")
    limit = TOLERANCES["float32"]
    assert relative(found, logits("torch", images, SMALL)) < limit


@needs_kernels
@both
def test_with_kernels_they_run_it(
    framework: FrameworkName, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Taken(Exception):
        pass

    def take(*args: object, **options: object) -> None:
        raise Taken

    monkeypatch.setattr(FORMS[framework], "NativeNet", take)
    with pytest.raises(Taken):
        fresh(framework).fuse()(tensor(framework, pictures(32, 32)))
