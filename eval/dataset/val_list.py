"""A list of labels, `name index` a line, becomes a mapping, or an error with lines.

The index is the last field, so names may hold spaces; fields are parted by blanks or
tabs. Blank lines and lines that start with `#` are skipped; CRLF and a byte order
mark are fine. Refused: indices that are no numbers or out of range (a list that counts
from 1 shows there), names listed twice, and names that lead out of the folder.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from eval.dataset.listing import some
from eval.dataset.truth import mistake
from ppim_port.errors import DatasetError

_LINE = re.compile(r"(.*[^ \t])[ \t]+([^ \t]+)[ \t]*", re.DOTALL)
_CLASSES = 1000
_INTEGER = re.compile(r"-?[0-9]{1,9}")


def read_list(path: Path, *, num_classes: int) -> dict[str, int]:
    """Labels by picture name, in the list's order.

    Raises:
        DatasetError: unreadable, empty, or with bad lines, which are all counted.
    """
    labels: dict[str, int] = {}
    beyond: dict[str, int] = {}
    problems: list[str] = []
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip(" \t") or line.startswith("#"):
            continue
        parsed = _parse(line)
        if isinstance(parsed, str):
            problems.append(f"line {number}: {parsed}")
        elif not 0 <= parsed[1] < num_classes:
            name, label = parsed
            beyond[name] = label
            problems.append(
                f"line {number}: label {label} of {name!r} is not in "
                f"0..{num_classes - 1}"
            )
        elif parsed[0] in labels:
            problems.append(f"line {number}: {parsed[0]!r} is listed twice")
        else:
            labels[parsed[0]] = parsed[1]
    hint = mistake(labels | beyond) if beyond and num_classes == _CLASSES else None
    _refuse(path, problems, labels, hint)
    return labels


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        msg = f"{str(path)!r}: the list cannot be read: {error.strerror}."
        raise DatasetError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{str(path)!r}: the list is not UTF-8 text: {error.reason}."
        raise DatasetError(msg) from error
    # Not splitlines(): it also breaks at characters that names may hold.
    return [line.removesuffix("\r") for line in text.split("\n")]


def _parse(line: str) -> tuple[str, int] | str:
    """Name and label of one line, or what is wrong with it."""
    match = _LINE.fullmatch(line)
    if match is None:
        return f"expected `name index`, got {line[:80]!r}"
    name, index = PurePosixPath(match[1]), match[2]
    if not _INTEGER.fullmatch(index):
        return f"the label {index[:20]!r} of {str(name)!r} is no whole number"
    if name.is_absolute() or ".." in name.parts:
        return f"{str(name)!r} leads out of the folder; expected a relative name"
    return str(name), int(index)


def _refuse(
    path: Path, problems: list[str], labels: dict[str, int], hint: str | None
) -> None:
    if problems:
        msg = (
            f"{str(path)!r}: {len(problems)} bad lines: {some(problems)}. "
            f"{hint + ' ' if hint else ''}Expected "
            f"`name index`, indices counted from 0 among the sorted wnids. Nothing "
            f"was evaluated. Correct the list."
        )
        raise DatasetError(msg)
    if not labels:
        msg = f"{str(path)!r}: the list names no picture. Expected `name index` lines."
        raise DatasetError(msg)
