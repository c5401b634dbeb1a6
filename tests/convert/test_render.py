"""The list of models, for people and for machines."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from convert.render import model_table
from ppim_port.manifest import ModelRecord, load_manifest
from ppim_port.table import percent
from tests.convert.conftest import Ran

Run = Callable[..., Ran]
RECORDS = tuple(load_manifest().models.values())
PUBLISHED = [record for record in RECORDS if record.published]


def block(record: ModelRecord, table: str) -> list[str]:
    """The lines of one model: its own, and those below that start blank."""
    lines = table.splitlines()[2:]
    start = next(i for i, line in enumerate(lines) if line.split()[0] == record.name)
    rest = lines[start + 1 :]
    length = next((i for i, line in enumerate(rest) if line[0] != " "), len(rest))
    return [lines[start], *rest[:length]]


def test_the_list_has_all_models_in_the_manifests_order(run: Run) -> None:
    ran = run("--list")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()[2:]
    names = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert names == [record.name for record in RECORDS]
    assert names[:2] == ["rednet26", "rednet38"]
    assert names[7:9] == ["efficientnet_lite2", "resnet18_nam"]


@pytest.mark.parametrize("record", PUBLISHED, ids=lambda record: record.name)
def test_a_model_shows_every_published_figure_with_its_source(
    record: ModelRecord,
) -> None:
    lines = block(record, model_table(load_manifest()))
    assert len(lines) == len(record.published) >= 2
    for line, figure in zip(lines, record.published, strict=True):
        assert f" {percent(figure.top1)} " in line
        assert f" {percent(figure.top5)} " in line
        assert f"  {figure.source}" in line


def test_a_model_that_nobody_published_says_so_in_one_line() -> None:
    lines = block(load_manifest().model("resnet50_nam"), model_table(load_manifest()))
    (line,) = lines
    assert line.split(maxsplit=1) == [
        "resnet50_nam",
        "none published: --checkpoint FILE",
    ]


def test_the_sources_disagreement_is_not_rounded_away(run: Run) -> None:
    table = run("--list").out
    rows = [line.split() for line in block(RECORDS[2], table)]
    assert rows[0][1:5] == ["15.54", "2.71", "78.35", "94.13"]
    assert {tuple(row[:2]) for row in rows[1:]} == {
        ("78.35", "94.18"),
        ("78.33", "94.17"),
    }


def test_a_model_shows_where_its_weights_are(run: Run) -> None:
    first = block(RECORDS[0], run("--list").out)[0]
    assert first.endswith("official (.pth), paddleclas (.pdparams), ppim (.pdparams)")
    last = block(PUBLISHED[-1], run("--list").out)[0]
    assert last.endswith("package (.pth)")


def test_for_machines_it_is_the_manifest(run: Run) -> None:
    shown = json.loads(run("--list", "--json").out)["models"]
    data = json.loads(load_manifest().path.read_text("utf-8"))
    assert shown == data["models"]
