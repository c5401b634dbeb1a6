"""The sheet and the page show each value where it belongs, and nothing else."""

from __future__ import annotations

import re
from base64 import b64decode
from pathlib import Path

import cv2
import numpy as np
import pytest

from eval.cli import main
from eval.kernels import KernelMap, as_html, as_png, tiles
from eval.kernels.colours import coloured, levels
from eval.kernels.page import rows
from eval.kernels.sheet import SIDE
from ppim_port.state_dict import Array
from tests.eval.made import DEMO

PICTURE = np.full((32, 32, 3), (10, 20, 30), np.uint8)
VALUES = np.array([[0.0, 1.0], [2.0, 4.0]])
MAPS = (KernelMap("a<b>", 3, 1, VALUES[None]), KernelMap("c", 7, 2, -VALUES[None]))
# Margin above and left of the sheet.
EDGE = 12
STEP = 224 + EDGE


def decoded(data: bytes) -> Array:
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert found is not None
    return found


def test_levels_span_from_the_smallest_to_the_largest() -> None:
    assert levels(VALUES).tolist() == [[0, 64], [128, 255]]
    assert levels(np.full((2, 2), 7.0)).tolist() == [[128, 128], [128, 128]]
    assert levels(np.array([[-1.7e308, 1.7e308]])).tolist() == [[0, 255]]


def test_small_is_dark_and_large_is_yellow() -> None:
    found = coloured(VALUES)
    assert found[0, 0].sum() < found[1, 1].sum()
    blue, green, red = map(int, found[1, 1])
    assert min(green, red) > 200 > blue


def test_the_sheet_has_the_picture_and_then_the_maps() -> None:
    sheet = decoded(as_png(PICTURE, tiles(MAPS)))
    assert SIDE == 224
    picture = sheet[EDGE : EDGE + SIDE, EDGE : EDGE + SIDE]
    assert (picture == PICTURE[0, 0]).all()
    first = sheet[EDGE : EDGE + SIDE, EDGE + STEP : EDGE + STEP + SIDE]
    half = SIDE // 2
    for row, column in np.ndindex(2, 2):
        square = first[row * half : (row + 1) * half, column * half :][:, :half]
        assert (square == coloured(VALUES)[row, column]).all()
    below = sheet[EDGE + SIDE : EDGE + SIDE + 34, EDGE + STEP :]
    assert (below < 100).any(), "no caption"


def test_the_page_holds_the_same_values_and_asks_no_network() -> None:
    page = as_html("T & U", PICTURE, MAPS, tiles(MAPS))
    images = re.findall(r'src="data:image/png;base64,([^"]*)"', page)
    assert len(images) == 3
    np.testing.assert_array_equal(decoded(b64decode(images[1])), coloured(VALUES))
    np.testing.assert_array_equal(decoded(b64decode(images[2])), coloured(-VALUES))
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert "T &amp; U" in page
    assert "a&lt;b&gt;" in page
    assert "<b>a<b>" not in page


def test_a_row_tells_a_layer() -> None:
    assert rows(MAPS)[1] == ("c", "7x7", "2", "1", "2 x 2", "-4", "-1.75", "0")


def words(weights: Path, *more: str) -> list[str]:
    image = str(min(DEMO.glob("*.png"), default=min(DEMO.iterdir())))
    chosen = ["kernels", "--model", "rednet26", "--image", image, "--framework"]
    return [*chosen, "torch", "--weights", str(weights), *more]


def test_the_command_writes_what_was_asked_for(
    made_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    png, html = tmp_path / "k.png", tmp_path / "k.html"
    more = ("--layers", "layer2,stem", "--groups", "0,1", "--quiet")
    code = main(words(made_weights, *more, "--png", str(png), "--html", str(html)))
    told = capsys.readouterr()
    assert (code, told.err) == (0, "")
    lines = told.out.splitlines()
    assert [line.split()[0] for line in lines[2:]] == [
        *("stem.1", "layer2.0.conv2", "layer2.1.conv2"),
    ]
    assert decoded(png.read_bytes()).shape == (3 * 270 + EDGE, 3 * STEP + EDGE, 3)
    assert html.read_text("utf-8").count("<figure>") == 7


@pytest.mark.parametrize(
    ("more", "code", "match"),
    [
        (("--layers", "layer9"), 2, "Unknown involution 'layer9'"),
        (("--groups", "9"), 2, "stem.1 has the groups 0..1, not 9"),
        (("--png", "x", "--html", "x"), 2, "x: named twice"),
        (("--png", "/proc/x.png"), 2, "/proc/x.png: cannot be written"),
        (("--recipe", "none"), 2, "Unknown recipe 'none'"),
        (("--weights", "no.pth"), 3, "no.pth does not exist"),
    ],
)
def test_errors_are_named(
    more: tuple[str, ...],
    code: int,
    match: str,
    made_weights: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(words(made_weights, *more)) == code
    assert match in capsys.readouterr().err


def test_the_picture_is_not_written_over(
    made_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "x.png"
    image.write_bytes(min(DEMO.glob("*.png"), default=min(DEMO.iterdir())).read_bytes())
    given = words(made_weights, "--image", str(image), "--png", str(image))
    before = image.read_bytes()
    assert main(given) == 2
    assert "named twice" in capsys.readouterr().err
    assert image.read_bytes() == before
