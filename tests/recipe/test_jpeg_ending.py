"""A JPEG that lost its tail is refused, or decodes to what the whole file holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ppim_port.errors import ImageError
from ppim_port.recipe import decode, jpeg
from tests.recipe.made import (
    SHARED,
    cmyk_jpeg,
    encoded,
    exif_orientation,
    needs_shared,
    official,
    texture,
)

RECIPE = official()
KINDS = {
    "4:2:0": encoded(texture(150, 101), subsampling=2),
    "4:4:4": encoded(texture(150, 101), subsampling=0),
    "grey": encoded(texture(150, 101, 1)),
    "progressive": encoded(texture(150, 101), progressive=True),
    "restarts": encoded(texture(150, 101), restart_marker_blocks=3),
    "exif": encoded(texture(150, 101), exif=exif_orientation(6)),
    "CMYK": cmyk_jpeg(),
}


def refused_or_same(data: bytes, wanted: np.ndarray) -> bool:
    try:
        return np.array_equal(decode(data, RECIPE), wanted)
    except ImageError:
        return True


def cuts(length: int) -> list[int]:
    """Every one of the last 40 and the first 40 offsets, and 60 between."""
    between = range(40, length - 40, max(1, length // 60))
    return [*range(40), *between, *range(length - 40, length)]


@pytest.mark.parametrize("kind", KINDS)
def test_cut_anywhere_it_is_refused_or_decodes_identically(kind: str) -> None:
    data = KINDS[kind]
    wanted = decode(data, RECIPE)
    wrong = [n for n in cuts(len(data)) if not refused_or_same(data[:n], wanted)]
    assert wrong == []


@pytest.mark.parametrize("kind", KINDS)
def test_cut_well_before_the_end_it_is_refused(kind: str) -> None:
    data = KINDS[kind]
    for part in (0.1, 0.5, 0.9):
        with pytest.raises(ImageError, match=r"cut short|no whole picture"):
            decode(data[: int(len(data) * part)], RECIPE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_tail_of_zeros_is_refused(kind: str) -> None:
    """As a download into a preallocated file leaves it; OpenCV 5.0 decodes that."""
    data = KINDS[kind]
    for part in (0.3, 0.7, 0.97):
        kept = int(len(data) * part)
        with pytest.raises(ImageError, match="cut short"):
            decode(data[:kept] + bytes(len(data) - kept), RECIPE)


@pytest.mark.parametrize("kind", ["4:2:0", "4:4:4", "grey", "CMYK"])
@pytest.mark.parametrize("tail", [b"", b"\xff", b"\x00" * 50])
def test_only_the_end_marker_missing_is_accepted(kind: str, tail: bytes) -> None:
    data = KINDS[kind]
    assert data.endswith(b"\xff\xd9")
    got = decode(data[:-2] + tail, RECIPE)
    assert np.array_equal(got, decode(data, RECIPE))


@pytest.mark.parametrize("kind", ["progressive", "restarts"])
def test_an_unclosed_file_in_parts_is_refused_as_parts_may_be_missing(
    kind: str,
) -> None:
    with pytest.raises(ImageError, match="cut short"):
        decode(KINDS[kind][:-2], RECIPE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tail", [b"\x00" * 9, b"\xff\xd8\xff\xe0", b"<html>"])
def test_bytes_after_the_end_do_not_matter(kind: str, tail: bytes) -> None:
    data = KINDS[kind]
    assert np.array_equal(decode(data + tail, RECIPE), decode(data, RECIPE))


def test_a_thumbnails_end_marker_does_not_count() -> None:
    data = KINDS["4:2:0"]
    thumbnail = b"Exif\0\0" + KINDS["grey"]
    block = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = data[:2] + block + data[2:]
    assert jpeg.ending(whole) == "whole"
    assert jpeg.ending(whole[: len(block) + 2]) == "broken"
    assert jpeg.ending(whole[:-2]) == "open"


def test_only_a_scan_of_all_components_leaves_a_file_open() -> None:
    frame = b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x08\x00\x08\x03" + bytes(9)
    all_three = b"\xff\xda\x00\x0c\x03" + bytes(9)
    only_one = b"\xff\xda\x00\x08\x01" + bytes(5)
    assert jpeg.ending(frame + all_three + b"data") == "open"
    assert jpeg.ending(frame + only_one + b"data") == "broken"
    assert jpeg.ending(frame + all_three[:-3]) == "broken"
    assert jpeg.ending(frame + all_three + b"data\xff\xd9") == "whole"


def test_fill_bytes_and_garbage_between_segments_are_passed_over() -> None:
    data = KINDS["4:2:0"]
    padded = data[:2] + b"\xff\xff\xff" + data[2:]
    assert jpeg.ending(padded) == "whole"
    assert np.array_equal(decode(padded, RECIPE), decode(data, RECIPE))


@pytest.mark.parametrize(
    "data", [b"\xff\xd8\xff", b"\xff\xd8\xff\xc0", b"\xff\xd8\xff\xc0\x00\x02", b""]
)
def test_a_header_alone_is_broken_not_a_crash(data: bytes) -> None:
    assert jpeg.ending(data) == "broken"


@needs_shared
def test_every_sample_picture_is_whole() -> None:
    paths: list[Path] = [*SHARED.glob("imagenet-sample/**/*.JPEG")]
    assert len(paths) == 292
    assert {jpeg.ending(path.read_bytes()) for path in paths} == {"whole"}


@needs_shared
def test_a_real_picture_cut_near_its_end_is_refused_or_the_same() -> None:
    data = next(SHARED.glob("imagenet-sample/val/*02428.JPEG")).read_bytes()
    wanted = decode(data, RECIPE)
    offsets = [*range(len(data) - 60, len(data)), *range(600, len(data), 2500)]
    wrong = [n for n in offsets if not refused_or_same(data[:n], wanted)]
    assert wrong == []
