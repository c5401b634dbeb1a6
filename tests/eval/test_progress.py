"""The bar: pictures done, images/s and time left, on standard error alone."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from contextlib import redirect_stderr

import pytest

from eval.progress import with_bar
from eval.records import Batch
from tests.eval.made import batch

BATCHES = [batch("a", "b"), batch("c", "d"), batch("e")]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def slowly() -> Iterator[Batch]:
    for one in BATCHES:
        time.sleep(0.12)  # More than the bar's own interval.
        yield one


def test_batches_pass_unchanged() -> None:
    with redirect_stderr(Terminal()):
        assert list(with_bar(slowly(), 5)) == BATCHES


def test_bar_shows_speed_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    with redirect_stderr(Terminal()) as terminal:
        list(with_bar(slowly(), 5))
    shown = terminal.getvalue()
    assert re.search(r"[1-5]/5 \[\d\d:\d\d<\d\d:\d\d, +[0-9.]+image/s\]", shown)
    assert "5/5" in shown
    assert capsys.readouterr().out == ""


def test_bar_counts_a_batch_when_it_is_done_not_when_it_is_handed_out() -> None:
    with redirect_stderr(Terminal()) as terminal:
        stream = with_bar(slowly(), 5)
        assert next(stream) is BATCHES[0]
        stream.close()
    assert "2/5" not in terminal.getvalue()


def test_closing_ends_the_bars_line() -> None:
    with redirect_stderr(Terminal()) as terminal:
        stream = with_bar(slowly(), 5)
        next(stream)
        stream.close()
    assert terminal.getvalue().endswith("\n")
