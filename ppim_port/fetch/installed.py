"""Weights that an installed Python package ships, found where pip put them.

The package's list of files is asked; nothing of it is imported, because importing runs
its code. Refused: a file that the list does not name, and one without a promised
sha256, because nobody else vouches for what lies in a site-packages folder.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

PREFIX = "package:"
_ADDRESS = re.compile(r"package:([A-Za-z0-9][A-Za-z0-9._-]*)/([\w][\w./+-]*)")


def is_package(url: str) -> bool:
    """Whether an address is a file of a package: `package:NAME/PATH`.

    NAME is what `pip install` is given, PATH as the wheel's RECORD lists the file.
    """
    return _ADDRESS.fullmatch(url) is not None


def installed_file(url: str) -> Path | None:
    """Where the file lies; None if its package is not installed or lacks it.

    Args:
        url: an address that `is_package`.
    """
    name, path = _parts(url)
    try:
        package = distribution(name)
    except PackageNotFoundError:
        return None
    if path not in {str(file) for file in package.files or ()}:
        return None
    found = Path(str(package.locate_file(path)))
    return found if found.is_file() else None


def advice(url: str) -> str:
    """What to do to have the file, as it should be."""
    return f"run  pip install --force-reinstall --no-deps {_parts(url)[0]}"


def _parts(url: str) -> tuple[str, str]:
    found = _ADDRESS.fullmatch(url)
    assert found is not None, url
    return found[1], found[2]
