"""Exported tables hold the ledger's bits."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from eval.cli import main
from eval.export import write_parquet
from eval.journal import LEDGER_NAME, Sealed, read_ledger
from eval.records import Row
from ppim_port.errors import MissingPackageError, OutputError
from tests.eval.runs.made_runs import COUNT


def exported(run: Path, kind: str) -> tuple[Sealed, Path]:
    out = run / f"out.{kind}"
    assert main(["export", str(run), "--to", kind, "--out", str(out)]) == 0
    return read_ledger(run / LEDGER_NAME), out


def test_parquet_gives_the_same_rows_back(run: Path) -> None:
    import pyarrow.parquet as pq

    sealed, out = exported(run, "parquet")
    table = pq.read_table(out)
    assert str(table.schema.field("logits").type) == "list<element: float>"
    lines = table.to_pylist()
    back = [
        Row(**{**line, "top5": tuple(line["top5"]), "logits": tuple(line["logits"])})
        for line in lines
    ]
    assert tuple(back) == sealed.rows
    assert table.schema.metadata[b"chain"].decode() == sealed.chain
    assert json.loads(table.schema.metadata[b"settings"]) == sealed.settings


def test_csv_gives_the_same_rows_back(run: Path) -> None:
    sealed, out = exported(run, "csv")
    with out.open(newline="") as file:
        lines = list(csv.reader(file))[1:]
    back = [
        Row(
            id=line[0],
            digest=line[1],
            label=int(line[2]),
            top5=tuple(map(int, line[3:8])),
            logits=tuple(np.array(line[8:13], np.float32).tolist()),
            label_logit=float(np.float32(line[13])),
            rank=int(line[14]),
            log_sum_exp=float(line[15]),
        )
        for line in lines
    ]
    assert tuple(back) == sealed.rows


def test_the_default_place_is_beside_the_ledger(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(run), "--to", "parquet"]) == 0
    assert (run / "ledger.parquet").exists()
    assert f"{COUNT} rows" in capsys.readouterr().out


def test_the_ledger_itself_is_never_replaced(run: Path) -> None:
    ledger = run / LEDGER_NAME
    before = ledger.read_bytes()
    assert main(["export", str(run), "--to", "csv", "--out", str(ledger)]) == 2
    assert ledger.read_bytes() == before


def test_a_name_that_is_no_unicode_keeps_its_bytes(run: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    sealed = read_ledger(run / LEDGER_NAME)
    odd = Row("a\udcff.png", "d", 1, (1, 2), (2.0, 1.0), 2.0, 0, 3.0)
    path = tmp_path / "odd.parquet"
    write_parquet((odd, *sealed.rows), path, settings={}, chain="")
    assert pq.read_table(path)["id"][0].as_py() == b"a\xff.png"


def test_a_place_that_cannot_be_written_to_is_named(run: Path, tmp_path: Path) -> None:
    sealed = read_ledger(run / LEDGER_NAME)
    with pytest.raises(OutputError, match=r"none/a\.parquet: cannot be written"):
        write_parquet(
            sealed.rows, tmp_path / "none" / "a.parquet", settings={}, chain=""
        )


def test_an_absent_pyarrow_is_one_sentence_with_the_command(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    sealed = read_ledger(run / LEDGER_NAME)
    with pytest.raises(MissingPackageError, match=r"pip install pyarrow.*\[report\]"):
        write_parquet(sealed.rows, tmp_path / "a.parquet", settings={}, chain="")
