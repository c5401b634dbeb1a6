"""Import Keras with a backend that is installed, and change nobody's settings.

Who imported Keras before us keeps the backend that they have; else `KERAS_BACKEND`
names it, else the settings file (`~/.keras/keras.json`) where it names another than
TensorFlow. That one says nothing there, because Keras writes it there by itself: so
PyTorch runs where it is installed, else JAX, else TensorFlow. Environment and file stay
as they are.

Paddle 3.3.1 crashes the process when it is imported after TensorFlow 2.21, and not the
other way round: where both are installed, it is imported first.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from ppim_port.errors import MissingPackageError, UsageError

VARIABLE = "KERAS_BACKEND"
BACKENDS = ("torch", "jax", "tensorflow")
# What Keras puts into a settings file that was not there.
WRITTEN = "tensorflow"


def wanted() -> str | None:
    """The backend to ask Keras for; None lets Keras decide.

    Raises:
        MissingPackageError: none is installed, or not the one that `KERAS_BACKEND`
            names.
        UsageError: `KERAS_BACKEND` names one that this project does not know.
    """
    if "keras" in sys.modules:
        return None
    named = os.environ.get(VARIABLE) or _configured()
    if named:
        if named not in BACKENDS:
            known = ", ".join(BACKENDS)
            message = (
                f"Keras is set to run on {named!r}; the nets run on one of {known}. "
                f"Set {VARIABLE}. Nothing was built."
            )
            raise UsageError(message)
        if find_spec(named) is None:
            raise MissingPackageError(named, "keras")
        return named
    here = [name for name in BACKENDS if find_spec(name) is not None]
    if not here:
        raise MissingPackageError(BACKENDS[0], BACKENDS[0])
    return here[0]


def _configured() -> str | None:
    """What Keras' settings file names, where that says something."""
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")  # noqa: PTH111
    try:
        found = json.loads((Path(home) / "keras.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    named = found.get("backend") if isinstance(found, dict) else None
    return named if isinstance(named, str) and named != WRITTEN else None


@contextmanager
def chosen() -> Iterator[None]:
    """Keras is to be imported inside of this."""
    name = wanted()
    if name is None:
        yield
        return
    if name == "tensorflow" and find_spec("paddle") is not None:
        import_module("ppim_port.backends.paddle")
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = name
    try:
        yield
    finally:
        # Empty means the same as absent to Keras.
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


with chosen():
    import keras as keras  # others of ours have it from here, with a backend that is
