"""The command line: one object or one summary out, one sentence for an error."""

from __future__ import annotations

import csv
import io
import json
import shutil
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from eval.cli import main
from tests.eval.made import DEMO, DEMO_COUNT, DEMO_LIST

PICTURES = ["--val-dir", str(DEMO), "--val-list", str(DEMO_LIST)]
KEYS = {
    *("model", "framework", "recipe", "n", "top1_correct", "top5_correct"),
    *("top1", "top5", "images_per_second", "verdict"),
}


@pytest.fixture
def usual(made_weights: Path) -> list[str]:
    return ["--model", "rednet26", "--weights", str(made_weights), *PICTURES]


@pytest.mark.usefixtures("fake")
def test_json_prints_exactly_one_object(
    usual: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*usual, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.keys() >= KEYS
    assert (found["model"], found["framework"]) == ("rednet26", "paddle")
    assert (found["n"], found["verdict"]) == (DEMO_COUNT, "partial")
    assert found["top1"] == 100 * found["top1_correct"] / DEMO_COUNT


@pytest.mark.usefixtures("fake")
def test_files_hold_the_printed_object_and_a_line_a_picture(
    usual: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, ledger = tmp_path / "out.json", tmp_path / "ledger.csv"
    main([*usual, "--json", "--out", str(out), "--ledger", str(ledger)])
    found = json.loads(capsys.readouterr().out)
    assert json.loads(out.read_text()) == found
    with ledger.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == found["n"]
    assert sum(row["label"] == row["top1"] for row in rows) == found["top1_correct"]


@pytest.mark.usefixtures("fake")
def test_summary_is_the_whole_output_when_quiet(
    usual: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*usual, "--quiet"]) == 0
    captured = capfd.readouterr()
    assert captured.out.startswith("rednet26 in paddle fake, recipe rednet-official")
    assert captured.out.splitlines()[-1].startswith("verdict  PARTIAL: ")
    assert captured.err == ""


@pytest.mark.usefixtures("fake")
def test_remarks_and_progress_go_to_standard_error(
    usual: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    main([*usual, "--json"])
    captured = capfd.readouterr()
    json.loads(captured.out)
    assert "pictures: 11 in" in captured.err
    assert "11/11" in captured.err


@pytest.mark.parametrize(("tolerance", "code"), [("100", 0), ("0", 1)])
@pytest.mark.usefixtures("fake")
def test_the_gate_gives_the_exit_code(
    usual: list[str],
    tolerance: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("eval.work.missing_from_whole", lambda dataset: None)
    argv = [*usual, "--json", "--no-doctor", "--tolerance", tolerance]
    assert main(argv) == code
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == ("fail" if code else "pass")
    assert len(found["comparisons"]) == 4


def errors_of(argv: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main([*argv, "--quiet"])
    captured = capsys.readouterr()
    assert captured.out == ""
    return code, captured.err


def test_unknown_model_is_a_usage_error_with_suggestions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, text = errors_of(["--model", "rednet25", *PICTURES], capsys)
    assert code == 2
    assert text.startswith("evaluate: error: Unknown model 'rednet25'. Did you mean ")
    assert "rednet26" in text


@pytest.mark.parametrize(
    ("framework", "package"), [("paddle", "paddlepaddle"), ("torch", "torch")]
)
def test_an_absent_framework_is_one_sentence_with_the_command(
    framework: str,
    package: str,
    usual: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("ppim_port.backends.find_spec", lambda name: None)
    code, text = errors_of([*usual, "--framework", framework], capsys)
    start = f"evaluate: error: {package} is not installed: run  pip install "
    assert (code, text.count("\n")) == (2, 1)
    assert text.startswith(start)
    assert f"ppim-port[{framework}]" in text


@pytest.mark.usefixtures("fake")
def test_a_bad_picture_prints_no_number_and_writes_no_file(
    usual: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = shutil.copytree(DEMO, tmp_path / "val")
    (root / "maze.jpg").write_bytes(b"no picture")
    out, ledger = tmp_path / "out.json", tmp_path / "ledger.csv"
    files = ["--out", str(out), "--ledger", str(ledger)]
    code, text = errors_of([*usual, "--val-dir", str(root), *files, "--json"], capsys)
    assert code == 3
    assert "val/maze.jpg" in text
    assert [path.name for path in tmp_path.iterdir()] == ["val"]


@pytest.mark.parametrize("option", ["--out", "--ledger"])
@pytest.mark.parametrize("place", ["none/result", "."])
@pytest.mark.usefixtures("fake")
def test_a_place_that_cannot_take_the_result_is_refused_first(
    option: str,
    place: str,
    usual: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    argv = [*usual, "--model", "not looked at yet", option, str(tmp_path / place)]
    code, text = errors_of(argv, capsys)
    assert code == 2
    assert "Nothing was evaluated" in text


def test_a_result_never_replaces_an_input_or_another_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "val").mkdir()
    val_list, weights = tmp_path / "list.txt", tmp_path / "w.pth"
    both = [
        "--out",
        str(tmp_path / "x"),
        "--ledger",
        str(tmp_path / "val" / ".." / "x"),
    ]
    base = ["--model", "rednet26", "--val-dir", str(DEMO)]
    base += ["--val-list", str(val_list), "--weights", str(weights)]
    for files in (both, ["--out", str(weights)], ["--ledger", str(val_list)]):
        code, text = errors_of([*base, *files], capsys)
        assert code == 2
        assert "named twice" in text


@pytest.mark.usefixtures("fake")
def test_the_result_is_shown_even_if_its_file_cannot_be_written(
    usual: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ppim_port.output.atomic_write", full)
    argv = [*usual, "--json", "--quiet", "--out", str(tmp_path / "out.json")]
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["n"] == DEMO_COUNT
    assert "out.json: cannot be written: No space left" in captured.err


@pytest.mark.parametrize("form", ["--json", "--quiet"])
@pytest.mark.parametrize("name", ["w\udcff", "é日本"])
@pytest.mark.usefixtures("fake")
def test_a_name_that_the_terminal_cannot_show_does_not_lose_the_result(
    form: str, name: str, usual: list[str], tmp_path: Path
) -> None:
    weights = tmp_path / f"{name}.pdparams"
    weights.hardlink_to(usual[3])
    terminal = io.TextIOWrapper(io.BytesIO(), "ascii")
    with redirect_stdout(terminal):
        assert main([*usual, "--weights", str(weights), form]) == 0
    terminal.seek(0)
    shown = name.encode("ascii", "backslashreplace").decode()
    assert f"{shown}.pdparams" in terminal.read().replace("\\u00e9", "\\xe9")


def test_help_has_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    text = capsys.readouterr().out
    assert caught.value.code == 0
    assert text.count("  evaluate --model rednet26 ") == 3
    assert "exit codes: 0 pass" in text


@pytest.mark.parametrize(
    "argv",
    [[], ["--model", "rednet26"], [*PICTURES], ["--batch-size", "many"], ["--js"]],
)
def test_a_wrong_command_line_is_a_usage_error(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: evaluate")
