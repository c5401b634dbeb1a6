"""The fuzz target holds for a while, and a fault in the reader would stop it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.checkpoint import fuzz
from tests.checkpoint.hostile import CARRIERS
from tests.checkpoint.made import pickled

OPCODES = [bytes([code]) for code in range(256)]
# Opcodes with their arguments, so that pickles get further than their second byte.
PARTS = [
    *OPCODES,
    b"K\x01",
    b"X\x01\0\0\0a",
    b"C\x02ab",
    b"q\0",
    b"h\0",
    b"cos\nsystem\n",
]
MACHINES = st.lists(st.sampled_from(PARTS), max_size=30).map(b"".join)


def test_the_target_holds_for_mutated_real_files() -> None:
    tried, sound = fuzz.fuzz(fuzz.made(), seconds=2.0, seed=5)
    assert tried > 50
    assert 0 < sound < tried


@settings(max_examples=200, deadline=None)
@given(body=MACHINES, carrier=st.sampled_from(sorted(CARRIERS)))
def test_the_target_holds_for_any_opcodes_in_any_carrier(
    body: bytes, carrier: str
) -> None:
    assert fuzz.target(CARRIERS[carrier](pickled(body))) is False


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200))
def test_the_target_holds_for_any_bytes(data: bytes) -> None:
    for head in (b"", b"PK\3\4", b"\x80\2", b"\x80\4", b"\x10\0\0\0\0\0\0\0{"):
        assert fuzz.target(head + data) is False


def test_a_crash_of_the_reader_is_kept_and_can_be_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(path: Path) -> None:
        raise IndexError(path)

    monkeypatch.setattr(fuzz, "read", broken)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(IndexError):
        fuzz.fuzz([b"\x80\2N."], seconds=1.0, seed=0)
    (kept,) = tmp_path.iterdir()
    assert kept.name.startswith("crash-")
    assert f"kept {kept.name}" in capsys.readouterr().err
    with pytest.raises(IndexError):
        fuzz.replay(str(kept))
