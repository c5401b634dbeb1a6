"""The two nets and the two files of layers are the same text but for a few words."""

from __future__ import annotations

import ast
import difflib
from pathlib import Path

import pytest

import ppim_port
from ppim_port.models.family import known_families

PACKAGE = Path(ppim_port.__file__).parent


def nets_of(family: str) -> list[Path]:
    """Paddle's net and PyTorch's."""
    folder = PACKAGE / "models" / family
    return [folder / f"{name}_net.py" for name in ("paddle", "torch")]


def features_of(family: str) -> list[Path]:
    """The same of the nets that give feature maps, if there are such."""
    folder = PACKAGE / "models" / family
    return sorted(folder.glob("*_features.py"))


FAMILIES = known_families()
FEATURES = [family for family in FAMILIES if features_of(family)]
NETS = nets_of("rednet")
OPS = [PACKAGE / "ops" / f"involution_{name}.py" for name in ("paddle", "torch")]
SACONV = [PACKAGE / "ops" / f"saconv_{name}.py" for name in ("paddle", "torch")]

# Paddle's word, PyTorch's word: all that may differ.
WORDS = (
    ("bias_attr=None if bias else False", "bias=bias"),
    ("bias_attr=False", "bias=False"),
    ("momentum=1 - MOMENTUM", "momentum=MOMENTUM"),
    ("epsilon=", "eps="),
    ("involution_paddle", "involution_torch"),
    ("saconv_paddle", "saconv_torch"),
    ("paddle_form", "torch_form"),
    ("paddle_net", "torch_net"),
    ("staged_paddle", "staged_torch"),
    ("paddle.Tensor", "torch.Tensor"),
    ("import paddle", "import torch"),
    ("from paddle", "from torch"),
    ("Paddle's", "PyTorch's"),
    ("nn.Layer", "nn.Module"),
    ("Conv2D", "Conv2d"),
    ("BatchNorm2D", "BatchNorm2d"),
    ("AvgPool2D", "AvgPool2d"),
    ("MaxPool2D", "MaxPool2d"),
)


def in_torchs_words(source: str) -> str:
    for paddles, torchs in WORDS:
        source = source.replace(paddles, torchs)
    return source


def body(path: Path) -> list[ast.stmt]:
    """A module's statements without its own docstring."""
    return ast.parse(path.read_text("utf-8")).body[1:]


def classes(path: Path) -> list[ast.stmt]:
    return [node for node in body(path) if isinstance(node, ast.ClassDef)]


def lines(statements: list[ast.stmt]) -> list[str]:
    return in_torchs_words("\n".join(map(ast.unparse, statements))).splitlines()


def differences(paddles: list[ast.stmt], torchs: list[ast.stmt]) -> list[str]:
    diff = difflib.unified_diff(lines(paddles), lines(torchs), n=0, lineterm="")
    return [line for line in diff if not line.startswith(("---", "+++", "@@"))]


def attributes(statements: list[ast.stmt]) -> list[str]:
    """`Class.attribute` for each `self.attribute = ...`, in order."""
    return [
        f"{owner.name}.{target.attr}"
        for owner in statements
        if isinstance(owner, ast.ClassDef)
        for node in ast.walk(owner)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Attribute)
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_nets_differ_in_the_frameworks_words_alone(family: str) -> None:
    paddles, torchs = map(body, nets_of(family))
    assert differences(paddles, torchs) == []


@pytest.mark.parametrize("family", FEATURES)
def test_the_features_differ_in_the_frameworks_words_alone(family: str) -> None:
    paddles, torchs = map(body, features_of(family))
    assert differences(paddles, torchs) == []
    assert attributes(classes(features_of(family)[0])) != []


@pytest.mark.parametrize("pair", [OPS, SACONV], ids=["involution", "saconv"])
def test_the_layers_differ_in_the_frameworks_words_alone(pair: list[Path]) -> None:
    paddles, torchs = map(classes, pair)
    assert differences(paddles, torchs) == []


@pytest.mark.parametrize(
    "pair", [*map(nets_of, FAMILIES), OPS], ids=[*FAMILIES, "involution"]
)
def test_classes_and_attributes_have_the_same_names_in_the_same_order(
    pair: list[Path],
) -> None:
    paddles, torchs = map(classes, pair)
    assert attributes(paddles) == attributes(torchs)
    assert len(attributes(torchs)) > 8


def test_every_word_of_the_table_is_needed() -> None:
    files = [*(nets_of(family)[0] for family in FAMILIES), OPS[0]]
    files += [features_of(family)[0] for family in FEATURES]
    paddles = "".join(path.read_text("utf-8") for path in files)
    assert [ours for ours, _ in WORDS if ours not in paddles] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("MaxPool2D(3, 2, 1)", "MaxPool2D(3, 2, 1, ceil_mode=True)"),
        ("self.bn2(self.conv2(out))", "self.bn1(self.conv2(out))"),
        ("self.layer4 = self._stage(3)", "self.layer5 = self._stage(3)"),
        ("out + self.downsample(x)", "self.downsample(x) + out"),
    ],
)
def test_the_comparison_sees_a_real_difference(old: str, new: str) -> None:
    text = NETS[0].read_text("utf-8")
    assert text.count(old) == 1
    changed = ast.parse(text.replace(old, new)).body[1:]
    assert differences(changed, body(NETS[1])) != []
