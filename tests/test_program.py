"""Errors become one line and an exit code; anything else keeps its traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ppim_port import errors
from ppim_port.errors import PpimError
from ppim_port.program import INTERRUPTED, drop_working_folder, run

Captured = pytest.CaptureFixture[str]


def raising(error: BaseException) -> int:
    def body() -> int:
        raise error

    return run("tool", body)


@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_bodys_code_is_the_programs(code: int, capsys: Captured) -> None:
    assert run("tool", lambda: code) == code
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.VerificationError("no"), 1),
        (errors.UsageError("no"), 2),
        (errors.OutputExistsError("no"), 2),
        (errors.UnknownNameError("a", ["b"], kind="thing"), 2),
        (errors.MissingPackageError("torch", "torch"), 2),
        (errors.CheckpointError("no"), 3),
        (errors.MappingError("no"), 3),
        (errors.FetchError("no"), 3),
    ],
)
def test_an_error_of_ours_is_one_message_and_its_code(
    error: PpimError, code: int, capsys: Captured
) -> None:
    assert raising(error) == code
    assert capsys.readouterr() == ("", f"tool: error: {error}\n")


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run("tool", lambda: 1 // 0)


def test_an_interrupt_is_not_a_success(capsys: Captured) -> None:
    assert raising(KeyboardInterrupt()) == INTERRUPTED == 130
    out, err = capsys.readouterr()
    assert (out, err) == ("", "tool: interrupted; nothing was half-written\n")


def new_process(body: str, **options: int) -> subprocess.CompletedProcess[bytes]:
    script = f"import sys; from ppim_port.program import run; sys.exit({body})"
    command = [sys.executable, "-c", script]
    # Buffered, as usual: what is left to write shows only at the end.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    return subprocess.run(
        command, stderr=subprocess.PIPE, env=environment, check=False, **options
    )


@pytest.mark.parametrize("text", ["'short'", "'long' * 100_000"])
def test_a_reader_that_left_is_no_error(text: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = new_process(f"run('tool', lambda: print({text}) or 0)", stdout=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_text_that_the_terminal_cannot_show_is_escaped() -> None:
    done = new_process(
        r"run('tool', lambda: print('a\udcffb') or 0)", stdout=subprocess.PIPE
    )
    assert (done.returncode, done.stdout.strip()) == (0, rb"a\udcffb")


def test_the_folder_that_python_m_adds_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for first in ("", str(tmp_path)):
        monkeypatch.setattr(sys, "path", [first, "other"])
        drop_working_folder()
        assert sys.path == ["other"]


def test_a_first_folder_that_is_not_the_working_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "scripts"), str(tmp_path)])
    drop_working_folder()
    assert sys.path == [str(tmp_path / "scripts"), str(tmp_path)]


def test_our_own_checkout_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = str(Path(errors.__file__).parents[1])
    monkeypatch.chdir(checkout)
    monkeypatch.setattr(sys, "path", ["", "other"])
    drop_working_folder()
    assert sys.path == ["", "other"]


def test_an_empty_path_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    drop_working_folder()
    assert sys.path == []
