"""The ledger on disk: sealed batch by batch, resumable, and it notices one byte."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.journal import LEDGER_NAME, Journal, read_ledger
from eval.journal.codec import parse_row, row_line
from eval.records import Row
from ppim_port.errors import LedgerError

SETTINGS = {"model": "rednet26", "batch_size": 4}


def row(number: int) -> Row:
    rng = np.random.default_rng(number)
    logits = np.sort(rng.standard_normal(5).astype(np.float32))[::-1]
    return Row(
        id=f"{number:05d}.JPEG",
        digest=f"{number:064x}",
        label=number % 1000,
        top5=(number % 1000, 1, 2, 3, 4),
        logits=tuple(logits.tolist()),
        label_logit=float(logits[0]),
        rank=0,
        log_sum_exp=float(rng.standard_normal()),
    )


def batch(index: int) -> list[Row]:
    return [row(index * 4 + offset) for offset in range(4)]


def written(folder: Path, batches: int = 5) -> bytes:
    with Journal(folder, SETTINGS) as journal:
        for index in range(journal.batches, batches):
            journal.append(batch(index))
    return (folder / LEDGER_NAME).read_bytes()


@given(
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters()),
)
def test_a_row_comes_back_with_the_same_bits(
    logit: float, total: float, name: str
) -> None:
    one = Row(name, "d", 1, (1, 2, 3, 4, 5), (logit,) * 5, logit, 7, total)
    import json

    back = parse_row(json.loads(row_line(one)))
    assert back == one
    assert np.float32(back.label_logit).tobytes() == np.float32(logit).tobytes()


def test_rows_come_back_in_order(tmp_path: Path) -> None:
    written(tmp_path)
    sealed = read_ledger(tmp_path / LEDGER_NAME)
    assert sealed.rows == tuple(row(number) for number in range(20))
    assert (sealed.batches, sealed.unsealed) == (5, 0)
    assert sealed.settings == SETTINGS


@pytest.mark.parametrize("cut", range(0, 6000, 97))
def test_a_ledger_cut_anywhere_resumes_to_the_same_bytes(
    tmp_path: Path, cut: int
) -> None:
    whole = written(tmp_path / "whole")
    torn = tmp_path / "torn"
    torn.mkdir()
    (torn / LEDGER_NAME).write_bytes(whole[: min(cut, len(whole))])
    assert written(torn) == whole


def test_resuming_says_what_is_there(tmp_path: Path) -> None:
    written(tmp_path, batches=2)
    with Journal(tmp_path, SETTINGS) as journal:
        assert journal.batches == 2
        assert journal.resumed == tuple(row(number) for number in range(8))


def test_one_flipped_byte_anywhere_is_noticed(tmp_path: Path) -> None:
    whole = written(tmp_path)
    path = tmp_path / LEDGER_NAME
    good = read_ledger(path).chain
    for place in range(0, len(whole), 41):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(bytes(damaged))
        try:
            assert read_ledger(path).chain != good
        except LedgerError:
            continue


def test_other_settings_are_refused_and_named(tmp_path: Path) -> None:
    before = written(tmp_path)
    with pytest.raises(LedgerError, match="batch_size: 4 there, 8 now"):
        Journal(tmp_path, {**SETTINGS, "batch_size": 8})
    assert (tmp_path / LEDGER_NAME).read_bytes() == before


def test_a_file_of_somebody_else_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / LEDGER_NAME).write_text("my notes\n")
    with pytest.raises(LedgerError, match="not the header"):
        Journal(tmp_path, SETTINGS)
    assert (tmp_path / LEDGER_NAME).read_text() == "my notes\n"


def test_damage_in_the_middle_is_no_torn_end(tmp_path: Path) -> None:
    whole = written(tmp_path, batches=1).splitlines(keepends=True)
    tail = [b"garbage\n", whole[1]]
    (tmp_path / LEDGER_NAME).write_bytes(b"".join([*whole, *tail]))
    with pytest.raises(LedgerError, match="line 7 is damaged"):
        read_ledger(tmp_path / LEDGER_NAME)


def test_two_runs_cannot_write_to_one_folder(tmp_path: Path) -> None:
    with (
        Journal(tmp_path, SETTINGS),
        pytest.raises(LedgerError, match="another run"),
    ):
        Journal(tmp_path, SETTINGS)


def test_full_disk_keeps_what_was_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with Journal(tmp_path, SETTINGS) as journal:
        journal.append(batch(0))
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(LedgerError, match="No space left"):
            journal.append(batch(1))
    monkeypatch.undo()
    assert read_ledger(tmp_path / LEDGER_NAME).rows[:4] == tuple(batch(0))
    assert written(tmp_path) == written(tmp_path / "unbroken")


@pytest.mark.parametrize("survives", range(0, 5))
def test_killed_at_any_batch_it_resumes_to_the_same_bytes(
    tmp_path: Path, survives: int
) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from eval.journal import Journal\n"
        "from tests.eval.journal.test_journal import SETTINGS, batch\n"
        "journal = Journal(Path(sys.argv[1]), SETTINGS)\n"
        "for index in range(int(sys.argv[2])):\n"
        "    journal.append(batch(index))\n"
        'journal._file.write(b\'{"id":"torn\')\n'
        "journal._file.flush()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    folder = tmp_path / "killed"
    done = subprocess.run(
        [sys.executable, "-c", script, folder, str(survives)],
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == -signal.SIGKILL
    assert written(folder) == written(tmp_path / "unbroken")
