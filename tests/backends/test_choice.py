"""Which backend is taken, and what is said when there is none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from ppim_port import backends
from ppim_port.errors import MissingPackageError, UnknownNameError


@pytest.mark.parametrize(
    ("name", "package"), [("torch", "torch"), ("paddle", "paddlepaddle")]
)
@pytest.mark.parametrize("ask", [backends.require, backends.get_backend])
def test_an_absent_framework_is_told_with_the_command_that_adds_it(
    ask: Callable[[str], object],
    name: str,
    package: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda package: None)
    with pytest.raises(MissingPackageError) as caught:
        ask(name)
    text = str(caught.value)
    assert text.startswith(f"{package} is not installed: run  pip install {package}")
    assert f"ppim-port[{name}]" in text


def test_asking_whether_a_framework_is_there_does_not_import_it() -> None:
    code = (
        "import sys; from ppim_port.backends import require\n"
        "require('torch'); require('paddle')\n"
        "print({'torch', 'paddle'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_a_framework_that_we_do_not_speak_is_refused() -> None:
    unknown: Any = "tensorflow"
    with pytest.raises(
        UnknownNameError, match=r"framework 'tensorflow'.*paddle, torch"
    ):
        backends.get_backend(unknown)


# One thread in all: the child must not get away with a second one.
AFTER_FORK = """
import os, numpy as np
os.cpu_count = lambda: 1
from ppim_port.backends.parallel import each_picture, pool
images = np.zeros((2, 3, 4, 4))
each_picture(np.copy, images, pool())
if not (child := os.fork()):
    each_picture(np.copy, images, pool())
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_process_does_not_wait_for_its_parents_threads() -> None:
    command = [sys.executable, "-c", AFTER_FORK]
    run = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=15
    )
    assert run.stdout == "7\n"
