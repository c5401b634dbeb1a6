"""The docs cannot drift: their commands run, and every option is documented."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import convert.cli
from convert.commands import COMMANDS
from eval.options import parser
from ppim_port.commands import load_command
from ppim_port.manifest import load_manifest

ROOT = Path(__file__).parent.parent
SCRIPTS = Path(sys.executable).parent
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PYTHON_BLOCKS = [
    pytest.param(block, id=f"{path.name}-{index}")
    for path in DOCS
    for index, block in enumerate(
        re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)
    )
]
# What differs from run to run, machine to machine, version to version.
VARYING = re.compile(
    r"speed .*|sha256 .*|weights .*|differ by \S+|[\d.]+\+cpu|\(.* bytes\)"
)


def transcripts() -> Iterator[tuple[str, str]]:
    """Each command of the README's console blocks, and what it is said to print."""
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    for block in blocks:
        command, _, output = block.removeprefix("$ ").partition("\n")
        if not command.startswith("pip "):
            yield command, output


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder that looks like a checkout after `make demo`, and what was printed."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "demo", folder / "demo")
    make = (
        "from pathlib import Path; from demo import checkpoint; p = Path('demo');"
        "checkpoint.make(Path('build/demo/rednet26.pth'), p / 'pictures',"
        " p / 'pictures' / 'val_list.txt')"
    )
    python = [sys.executable, "-c"]
    subprocess.run([*python, make], cwd=folder, check=True)
    return folder, {command: run(command, folder) for command, _ in transcripts()}


@pytest.fixture(scope="module")
def demo(printed: tuple[Path, dict[str, str]]) -> Path:
    return printed[0]


def run(command: str, folder: Path) -> str:
    program, *options = shlex.split(command)
    done = subprocess.run(
        [SCRIPTS / program, *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize(("command", "output"), list(transcripts()))
def test_readme_transcript_is_what_the_command_prints(
    printed: tuple[Path, dict[str, str]], command: str, output: str
) -> None:
    got = printed[1][command]
    assert sorted(VARYING.sub("", got).split("\n")) == sorted(
        VARYING.sub("", output).split("\n")
    )


@pytest.mark.parametrize("block", PYTHON_BLOCKS)
def test_python_of_the_docs_runs(demo: Path, block: str) -> None:
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", block],
        cwd=demo,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("parser", "page"),
    [
        (convert.cli.parser(), "conversion.md"),
        *[
            (
                load_command(COMMANDS, name).parser(),
                "export.md" if name == "export" else "conversion.md",
            )
            for name in COMMANDS
        ],
        (parser(), "evaluation.md"),
    ],
)
def test_every_option_is_documented_and_has_help(
    parser: argparse.ArgumentParser, page: str
) -> None:
    text = (ROOT / "docs" / page).read_text()
    for action in parser._actions:
        assert action.help, action
        for option in action.option_strings:
            if option not in ("-h", "--help", "--version"):
                assert option in text, f"{option} is not in docs/{page}"


COLUMNS = {
    "rednet": ("official README", "ppim docs", "PaddleClas docs"),
    "efficientnet_lite": ("timm", "efficientnet-lite-keras"),
}


def test_readme_table_is_the_manifests() -> None:
    text = (ROOT / "README.md").read_text()
    for record in load_manifest().models.values():
        if not record.published:
            size = (
                f"{record.counts.parameters / 1e6:.2f} | {record.flops.counted_g:.2f}"
            )
            if record.family == "involution_cifar":  # too small for millions
                adds = round(record.flops.counted_g * 1e9)
                size = f"{record.counts.parameters:,} | {adds:,}"
            assert f"| {record.name} | {size} |" in text
            continue
        by_source = {figure.source: figure for figure in record.published}
        cells = [
            f"{by_source[name].top1:.2f} / {by_source[name].top5:.2f}"
            for name in COLUMNS[record.family]
        ]
        size = f"{record.published_parameters_m:.2f} | {record.flops.published_g:.2f}"
        assert f"| {record.name} | {size} | {' | '.join(cells)} |" in text
