"""Plain text tables: aligned, with nothing at the ends of lines."""

from __future__ import annotations

import pytest

from ppim_port.table import percent, table


def test_words_go_to_the_left_and_numbers_to_the_right() -> None:
    assert table(["model", "top-1"], [["rednet26", "75.96"], ["b", "9.5"]]) == (
        "model     top-1\n"  #
        "--------  -----\n"
        "rednet26  75.96\n"
        "b           9.5"
    )


def test_one_word_makes_a_column_of_words() -> None:
    lines = table(["n"], [["1,000"], ["none"], ["7"]]).splitlines()
    assert lines == ["n", "-----", "1,000", "none", "7"]


def test_a_column_is_as_wide_as_its_header_or_its_widest_cell() -> None:
    lines = table(["a", "wide header"], [["wide cell", "b"]]).splitlines()
    assert lines[1] == "---------  -----------"


def test_no_line_ends_in_blanks() -> None:
    lines = table(["a", "b"], [["long cell", ""], ["", "x"]]).splitlines()
    assert [line for line in lines if line != line.rstrip()] == []
    assert lines[3] == "           x"


def test_a_table_without_rows_is_its_header() -> None:
    assert table(["a", "bc"], []).splitlines() == ["a  bc", "-  --"]


def test_rows_of_unequal_length_are_a_bug() -> None:
    with pytest.raises(ValueError, match="shorter"):
        table(["a", "b"], [["1", "2"], ["3"]])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (75.96, "75.96"),
        (75.956, "75.956"),
        (93.19, "93.19"),
        (78.9, "78.90"),
        (0.1 + 0.2, "0.300"),
        (100, "100.00"),
    ],
)
def test_a_percentage_keeps_the_digits_it_was_published_with(
    value: float, text: str
) -> None:
    assert percent(value) == text
