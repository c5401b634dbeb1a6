"""Where outputs go, and what happens to what is there already."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from convert import Request
from convert.pipeline import convert, plan
from convert.provenance import provenance_path
from ppim_port import atomic
from ppim_port.checkpoint import read
from ppim_port.errors import (
    CheckpointError,
    OutputError,
    OutputExistsError,
    PpimError,
    UsageError,
)
from tests.convert.made import listing, sidecar, unproven


def refused(error: type[PpimError], source: Path, out: Path, folder: Path) -> str:
    before = listing(folder)
    with pytest.raises(error) as caught:
        unproven(source, out)
    assert listing(folder) == before
    return str(caught.value)


def test_the_default_place_is_the_working_folder(
    official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = convert(Request("rednet26", checkpoint=official, verify=False))
    assert sorted(listing(tmp_path)) == [
        "rednet26.pdparams",
        "rednet26.pdparams.provenance.json",
    ]
    assert done.written.path == Path("rednet26.pdparams")


def test_a_folder_gets_the_models_name_and_a_file_its_own(
    official: Path, tmp_path: Path
) -> None:
    unproven(official, tmp_path)
    unproven(official, tmp_path / "mine.bin")
    assert sorted(listing(tmp_path)) == [
        "mine.bin",
        "mine.bin.provenance.json",
        "rednet26.pdparams",
        "rednet26.pdparams.provenance.json",
    ]
    assert (tmp_path / "mine.bin").read_bytes() == (
        tmp_path / "rednet26.pdparams"
    ).read_bytes()


@pytest.mark.parametrize(
    ("name", "framework"),
    [("a.pth", "torch"), ("a.pdparams", "paddle"), ("a.safetensors", "paddle")],
)
def test_an_outputs_own_name_says_its_format(
    name: str, framework: str, official: Path, tmp_path: Path
) -> None:
    unproven(official, tmp_path / name)
    found = read(tmp_path / name)
    assert str(found.file_format).startswith(name.removeprefix("a."))
    assert found.framework == framework


def test_a_folder_that_is_called_like_a_file_asks_for_no_format(
    official: Path, tmp_path: Path
) -> None:
    (tmp_path / "runs.pth").mkdir()
    unproven(official, tmp_path / "runs.pth")
    assert (tmp_path / "runs.pth" / "rednet26.pdparams").is_file()


@pytest.mark.parametrize("early", [convert, plan])
def test_a_name_that_contradicts_the_format_is_refused_before_anything_is_read(
    early: Callable[[Request], object], tmp_path: Path
) -> None:
    out = tmp_path / "a.pth"
    request = Request(
        "rednet26", tmp_path / "absent", to="pdparams", out=out, verify=False
    )
    with pytest.raises(UsageError) as caught:
        early(request)
    assert str(caught.value) == (
        f"{out}: is called a .pth but would be a .pdparams; nothing was written. "
        "Call it .pdparams, or ask for the other format."
    )


def test_a_name_and_a_framework_that_exclude_each_other_are_refused(
    official: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="holds torch tensors, not paddle's"):
        unproven(official, tmp_path / "a.pth", framework="paddle")
    assert listing(tmp_path) == {}


def test_a_missing_folder_is_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convert.pipeline.sha256_file", None)
    monkeypatch.setattr("convert.pipeline.fetch_weights", None)
    out = tmp_path / "absent" / "a.pdparams"
    for checkpoint in (Path(__file__), None):
        request = Request("rednet26", checkpoint=checkpoint, out=out, verify=False)
        with pytest.raises(OutputError) as caught:
            convert(request)
        assert str(caught.value) == (
            f"{out.parent}: no such folder; nothing was read or written. Make it "
            "first, or choose another place with --out."
        )
    assert listing(tmp_path) == {}


def test_a_file_in_the_place_of_a_folder_is_refused(
    official: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    text = refused(OutputError, official, tmp_path / "file" / "a", tmp_path)
    assert text.startswith(f"{tmp_path / 'file'}: no such folder")


@pytest.mark.parametrize("taken", ["a.pdparams", "a.pdparams.provenance.json"])
def test_what_exists_is_refused_and_left_as_it_was(
    taken: str, official: Path, tmp_path: Path
) -> None:
    (tmp_path / taken).write_text("precious")
    text = refused(OutputExistsError, official, tmp_path / "a.pdparams", tmp_path)
    assert text == (
        f"{tmp_path / taken}: exists already; nothing was written. Overwrite it with "
        "--force, or choose another place with --out."
    )


def test_what_exists_is_refused_before_the_long_proof(
    official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convert.proof.verify", None)
    (tmp_path / "rednet26.pdparams").write_text("precious")
    with pytest.raises(OutputExistsError):
        convert(Request("rednet26", checkpoint=official, out=tmp_path))


def test_what_came_there_meanwhile_is_left_as_it_is(
    official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ppim_port.mapping import apply

    def slow(*args: object) -> object:
        (tmp_path / "a.pdparams").write_text("another run's")
        return apply(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("convert.pipeline.apply", slow)
    with pytest.raises(OutputExistsError, match="is unchanged"):
        unproven(official, tmp_path / "a.pdparams")
    assert (tmp_path / "a.pdparams").read_text() == "another run's"
    assert len(listing(tmp_path)) == 1


def test_force_replaces_both_files(official: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.pdparams"
    out.write_text("old")
    provenance_path(out).write_text("old")
    done = unproven(official, out, force=True)
    assert sidecar(done)["target"]["sha256"] == done.written.sha256
    assert out.stat().st_size == done.written.size > 30_000_000


def test_a_file_may_replace_its_own_source(paddle_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.pdparams"
    path.write_bytes(paddle_file.read_bytes())
    done = unproven(path, path, to="pdparams", force=True)
    assert path.read_bytes() == paddle_file.read_bytes()
    assert sidecar(done)["source"]["sha256"] == done.written.sha256


def test_a_folder_that_cannot_be_written_to_is_named(
    official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # chmod would not stop root, which tests in containers run as.
    def denied(target: Path) -> object:
        raise PermissionError(errno.EACCES, "Permission denied", str(target))

    monkeypatch.setattr(atomic, "_create", denied)
    text = refused(CheckpointError, official, tmp_path / "a.pdparams", tmp_path)
    assert text.startswith(f"{tmp_path / 'a.pdparams'}: not written: Permission denied")
    assert f"about {4 * 9_264_318:,} bytes in {tmp_path}" in text


def test_a_sidecar_that_cannot_be_written_says_that_the_port_is_complete(
    official: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.pdparams"
    provenance_path(out).mkdir()
    with pytest.raises(OutputError) as caught:
        unproven(official, out, force=True)
    text = str(caught.value)
    assert text.startswith(f"{provenance_path(out)}: cannot be written: ")
    assert f"{out} is complete" in text
    assert out.stat().st_size > 30_000_000


@pytest.mark.parametrize(
    ("kind", "framework"), [("pth", "paddle"), ("pdparams", "torch")]
)
def test_a_format_of_the_other_framework_is_refused_before_fetching(
    kind: str, framework: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convert.pipeline.fetch_weights", None)
    request = Request(
        "rednet26",
        to=kind,  # type: ignore[arg-type]
        framework=framework,  # type: ignore[arg-type]
        out=tmp_path,
        verify=False,
    )
    with pytest.raises(UsageError, match=rf"A \.{kind} holds .* not {framework}'s"):
        convert(request)
