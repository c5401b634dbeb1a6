"""What the frameworks spell differently is described alike, and nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ppim_port.errors import InputError
from ppim_port.pairs.drafting import Draft, finished, pair, pooling


def drafted(build: Callable[[Draft, int], int]) -> list[tuple[str, dict[str, object]]]:
    """Kinds and settings of what was drafted on an input of any size."""
    draft = Draft("a net")
    ops = finished(draft, build(draft, draft.add("input")))
    return [(op.kind, dict(op.settings)) for op in ops[1:-1]]


def shuffle(draft: Draft, x: int) -> int:
    x = draft.reshape(x, [1, 2, 3, 4, 4])
    return draft.reshape(draft.transpose(x, [0, 2, 1, 3, 4]), [1, 6, 4, 4])


def hard_sigmoid(draft: Draft, x: int) -> int:
    return draft.scale(draft.relu6(draft.scale(x, 1, 3)), 0.16666667, 0)


def test_three_reshapes_are_a_shuffle_of_channels() -> None:
    assert drafted(shuffle) == [("channel_shuffle", {"groups": 2})]


def test_relu6_between_two_scales_is_a_hard_sigmoid() -> None:
    assert drafted(hard_sigmoid) == [("hardsigmoid", {"slope": 1 / 6, "offset": 0.5})]


def test_a_mean_over_the_picture_is_a_pool() -> None:
    pool = ("adaptive_avg_pool", {"size": (1, 1)})
    assert drafted(lambda d, x: d.mean(x, keepdim=True)) == [pool]
    assert drafted(lambda d, x: d.mean(x, keepdim=False)) == [pool, ("flatten", {})]


def test_channels_that_are_joined_one_by_one_are_joined_at_once() -> None:
    def build(draft: Draft, x: int) -> int:
        parts = [draft.add("relu", [x]) for _ in range(3)]
        return draft.concat([draft.concat(parts[:2], 1), parts[2]], 1)

    assert drafted(build) == [*[("relu", {})] * 3, ("concat", {"axis": 1})]


def test_channels_joined_on_another_axis_stay_apart() -> None:
    def build(draft: Draft, x: int) -> int:
        return draft.concat([draft.concat([x, x], 2), x], 1)

    assert [kind for kind, _ in drafted(build)] == ["concat", "concat"]


def test_flattening_comes_before_a_dropout() -> None:
    def build(draft: Draft, x: int) -> int:
        return draft.flatten(draft.add("dropout", [x], {"p": 0.5}))

    assert drafted(build) == [("flatten", {}), ("dropout", {"p": 0.5})]


def test_what_the_output_does_not_need_is_left_out() -> None:
    def build(draft: Draft, x: int) -> int:
        draft.add("relu", [x])
        return draft.add("relu6", [x])

    assert drafted(build) == [("relu6", {})]


def test_a_bias_belongs_to_its_layer() -> None:
    draft = Draft("a net")
    conv = draft.add("conv", [draft.add("input")], {}, {"weight": "c.weight"})
    assert draft.bias(conv, "c.bias") == conv
    assert draft.ops[conv].tensors == {"weight": "c.weight", "bias": "c.bias"}


REFUSED: list[Callable[[Draft, int], int]] = [
    lambda d, x: d.reshape(x, [1, 3, 2]),
    lambda d, x: d.reshape(x, [1, 6, 4, 4]),
    lambda d, x: d.transpose(x, [0, 2, 1, 3, 4]),
    lambda d, x: d.transpose(d.reshape(x, [1, 2, 3, 4, 4]), [0, 1, 2, 4, 3]),
    lambda d, x: d.add("relu", [d.reshape(x, [1, 2, 3, 4, 4])]),
    lambda d, x: d.reshape(d.reshape(x, [1, 2, 3, 4, 4]), [1, 6, 4, 4]),
    lambda d, x: d.scale(x, 2, 0),
    lambda d, x: d.scale(d.relu6(d.scale(x, 1, 3)), 0.5, 0),
    lambda d, x: d.add("relu", [d.scale(x, 1, 3)]),
    lambda d, x: d.squeeze(x),
    lambda d, x: d.bias(x, "a.bias"),
    lambda d, x: d.flatten(d.reshape(d.add("dropout", [x]), [1, 2, 3, 4, 4])),
    lambda d, x: d.concat([d.reshape(x, [1, 2, 3, 4, 4]), x], 1),
]


@pytest.mark.parametrize("build", REFUSED)
def test_what_is_no_known_idiom_is_refused(build: Callable[[Draft, int], int]) -> None:
    with pytest.raises(InputError, match="a net cannot be described"):
        drafted(build)


def test_a_pooling_counts_its_padding_only_where_it_has_any() -> None:
    plain = pooling([2], [], [0], ceil_mode=False, count_include_pad=True)
    assert plain == pooling([2, 2], [2], [0, 0], ceil_mode=False)
    padded = pooling([3], [1], [1], ceil_mode=False, count_include_pad=False)
    assert padded["count_include_pad"] is False
    assert pair([3]) == (3, 3)
