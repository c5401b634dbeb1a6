"""The page in a real browser: numbers, no complaint, nothing asked of a network."""

from __future__ import annotations

import hashlib
import html
from pathlib import Path

import cv2
import numpy as np

from eval.cli import main
from eval.ledger import row_of
from eval.records import Row, Sample
from tests.eval.reporting.browser import needs_chromium, show
from tests.eval.reporting.made import CLASSES, made_rows, run_folder

pytestmark = needs_chromium

HOSTILE = [
    "<script>document.title='taken'</script>.JPEG",
    '"><img src="http://127.0.0.1:9/x.png" onerror="alert(1)">.JPEG',
    "{{ 7 * 7 }} {% raw %} & new\nline\t.JPEG",
    "-rf \u202egpj.exe \udcff ünï 日本.JPEG",
    "javascript:alert(1)",
    "](http://127.0.0.1:9/)|`x`.JPEG",
]


def wrong(name: str, folder: Path, number: int) -> Row:
    """A confidently wrong row, and its picture in the folder."""
    pixels = np.full((40, 60, 3), 30 * number, np.uint8)
    data = cv2.imencode(".png", pixels)[1].tobytes()
    if "/" not in name:
        (folder / name).write_bytes(data)
    logits = np.zeros(CLASSES, np.float32)
    logits[number] = 30
    sample = Sample(name, Path(name), 999)
    return row_of(sample, hashlib.sha256(data).hexdigest(), logits)


def test_a_page_with_hostile_names_shows_them_as_text(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    rows = [wrong(name, pictures, n) for n, name in enumerate(HOSTILE, start=1)]
    every = sorted([*made_rows(60), *rows], key=lambda row: row.id)
    run = run_folder(tmp_path / "run", every)
    page = tmp_path / "report.html"
    words = ["--html", str(page), "--pictures", str(pictures)]
    assert main(["report", str(run), *words]) == 0
    shown = show(page, tmp_path)
    assert shown.console == []
    assert shown.addresses == []
    assert "<title>rednet26 in torch</title>" in shown.dom
    assert "<script" not in shown.dom
    assert "onerror=" not in html.unescape(shown.dom).replace(HOSTILE[1], "")
    assert shown.dom.count("data:image/jpeg;base64,") == 3  # no "/" in the name
    text = html.unescape(shown.dom)
    for name in (HOSTILE[0], HOSTILE[1], HOSTILE[4], HOSTILE[5]):
        assert name in text
    assert r"{{ 7 * 7 }} {% raw %} & new\nline\t.JPEG" in text
    assert r"-rf \u202egpj.exe \udcff ünï 日本.JPEG" in text


def test_every_number_of_the_markdown_is_in_the_page(tmp_path: Path) -> None:
    old = run_folder(tmp_path / "old", made_rows(80))
    new = run_folder(tmp_path / "new", made_rows(80, seed=1))
    page, text = tmp_path / "report.html", tmp_path / "report.md"
    words = ["--html", str(page), "--markdown", str(text), "--baseline", str(old)]
    assert main(["report", str(new), *words]) == 0
    shown = show(page, tmp_path)
    assert (shown.console, shown.addresses) == ([], [])
    dom = html.unescape(shown.dom)
    lines = text.read_text("utf-8").splitlines()
    cells = [
        cell.replace("\\", "").strip()
        for line in lines
        if line.startswith(("| ", "- **"))
        for cell in line.strip("| ")
        .removeprefix("- **")
        .replace("**: ", "|")
        .split("|")
    ]
    assert len(cells) > 300
    plain = dom.replace("\\", "")
    assert [cell for cell in cells if cell != "---" and cell not in plain] == []
    assert dom.count("data:image/svg+xml;base64,") == 4


def test_the_watch_over_console_and_network_can_fail(tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text(
        '<script>console.error("bad")</script><img src="http://127.0.0.1:9/x">'
    )
    shown = show(page, tmp_path)
    assert any("bad" in line for line in shown.console)
    assert shown.addresses == ["http://127.0.0.1:9/x"]


def test_the_policy_in_the_page_stops_what_slips_through(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run", made_rows(20))
    page = tmp_path / "report.html"
    assert main(["report", str(run), "--html", str(page)]) == 0
    bad = '<img src="http://127.0.0.1:9/x"><script>document.title="taken"</script>'
    page.write_text(page.read_text("utf-8").replace("</body>", f"{bad}</body>"))
    shown = show(page, tmp_path)
    assert shown.addresses == []
    assert len(shown.console) == 2
    assert all("Content Security Policy" in line for line in shown.console)
    assert "<title>rednet26 in torch</title>" in shown.dom
