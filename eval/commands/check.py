"""`evaluate check`: is a data set whole, and is it the one that we think it is?

No net and no framework is loaded. Exit code 1 if a picture does not decode, differs
from the manifest, or 50,000 pictures lie in a tar of another md5; 3 if the data set
cannot be opened at all.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.cifar_sets import SETS
from eval.commands.options import add_dataset
from eval.commands.options import test_set as named_set
from eval.dataset import open_dataset
from eval.gate import missing_from_whole
from eval.inspection import (
    Look,
    census,
    differences,
    look_at,
    manifest_text,
    md5_of,
    read_manifest,
)
from eval.layout_names import PUBLISHED
from eval.protocols import Protocol, check_classes, protocol, stated
from eval.records import Dataset
from ppim_port.errors import UsageError
from ppim_port.imagenet import wnids
from ppim_port.manifest import load_manifest
from ppim_port.output import write_text
from ppim_port.recipe import open_recipe
from ppim_port.recipe.pillow import require_pillow
from ppim_port.validation_set import TAR_MD5

_SHOWN = 10
# Of the official pipeline: OpenCV decodes.
RECIPE = "rednet-official"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found.

    Attributes:
        protocol: the name of the test set.
        missing: why it is not the whole test set; None if it is.
        tar_md5: of the one tar that it lies in; else None.
        changed: differences from the manifest; None without one.
    """

    dataset: Dataset
    looks: tuple[Look, ...]
    protocol: str
    missing: str | None
    tar_md5: str | None
    changed: tuple[str, ...] | None

    @property
    def broken(self) -> tuple[Look, ...]:
        """Pictures that do not decode."""
        return tuple(look for look in self.looks if look.problem)

    @property
    def other_tar(self) -> bool:
        """Whether the whole set lies in a tar that is not the official one."""
        official = self.protocol == PUBLISHED and self.missing is None
        return official and self.tar_md5 not in (None, TAR_MD5)

    @property
    def fine(self) -> bool:
        """Whether nothing is damaged or different."""
        return not (self.broken or self.changed or self.other_tar)


def parser() -> argparse.ArgumentParser:
    """The options, in the order of the help."""
    p = argparse.ArgumentParser(
        prog="evaluate check",
        description=(
            "Look at every picture of a data set: count, labels, decodability, the "
            "tar's md5, size and digest against a manifest, and a census of formats."
        ),
        epilog="exit codes: 0 whole, 1 damaged or different, 2 usage, 3 no data set",
        allow_abbrev=False,
    )
    add_dataset(p, recipe=False)
    p.add_argument(
        "--recipe",
        default=RECIPE,
        metavar="NAME|FILE",
        help="whose decoder looks at the pictures (default: %(default)s)",
    )
    files = p.add_mutually_exclusive_group()
    files.add_argument(
        "--manifest",
        type=Path,
        metavar="FILE",
        help="compare each picture's size and sha256 with this manifest",
    )
    files.add_argument(
        "--write-manifest",
        type=Path,
        metavar="FILE",
        help="write such a manifest of what is there",
    )
    p.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="threads that decode (default: one a core)",
    )
    p.add_argument("--json", action="store_true", help="print one JSON object")
    return p


def run(options: argparse.Namespace) -> int:
    """Check, print, and return the exit code."""
    checked = check(
        options.val_dir,
        val_list=options.val_list,
        layout=options.layout,
        manifest=options.manifest,
        recipe=options.recipe,
        test_set=named_set(options),
        workers=options.workers,
    )
    if options.write_manifest:
        _write(checked, options.write_manifest)
    text = json.dumps(as_object(checked), indent=2) if options.json else told(checked)
    sys.stdout.write(text + "\n")
    return int(not checked.fine)


def check(
    root: Path,
    *,
    val_list: Path | None = None,
    layout: Any = None,
    manifest: Path | None = None,
    recipe: str = RECIPE,
    test_set: str = PUBLISHED,
    workers: int = 1,
) -> Checked:
    """Look at every picture of a data set.

    Raises:
        UsageError: no workers, an unknown recipe or test set.
        DatasetError: the data set or the manifest cannot be used.
    """
    if workers < 1:
        msg = f"The workers must be at least 1, got {workers}."
        raise UsageError(msg)
    chosen = protocol(test_set)
    decoder = open_recipe(recipe, load_manifest().recipes)
    if decoder.needs_pillow:
        require_pillow()
    known = read_manifest(manifest) if manifest else None
    dataset = open_dataset(
        root,
        val_list=val_list,
        class_wnids=wnids(),
        num_classes=chosen.outputs,
        layout=layout,
        test_set=chosen.name,
    )
    check_classes(dataset, chosen)
    looks = tuple(look_at(dataset, decoder, workers=workers))
    alone = dataset.layout == "tar" and dataset.root.is_file()
    return Checked(
        dataset,
        looks,
        chosen.name,
        _missing(dataset, chosen),
        md5_of(dataset.root) if alone else None,
        None if known is None else tuple(differences(looks, known)),
    )


def _missing(dataset: Dataset, chosen: Protocol) -> str | None:
    """Other test sets than the published one have no official names: by count."""
    if chosen.name in (PUBLISHED, *SETS):
        return missing_from_whole(dataset)
    n = len(dataset.samples)
    return None if n == chosen.n else stated(chosen, n)


def _write(checked: Checked, path: Path) -> None:
    if checked.broken:
        msg = (
            f"{path}: not written, because {len(checked.broken)} pictures are damaged, "
            f"{checked.broken[0].id} first: a manifest would make that the norm."
        )
        raise UsageError(msg)
    write_text(manifest_text(checked.looks), path)


def as_object(checked: Checked) -> dict[str, Any]:
    """What was found, for machines."""
    looks = checked.looks
    return {
        "val_dir": str(checked.dataset.root),
        "layout": checked.dataset.layout,
        "fine": checked.fine,
        "n": len(looks),
        "unlisted": checked.dataset.unlisted,
        "protocol": checked.protocol,
        "whole_set": checked.missing is None,
        "missing": checked.missing,
        "bytes": sum(look.size for look in looks),
        "undecodable": [{"id": v.id, "why": v.problem} for v in checked.broken],
        "tar_md5": checked.tar_md5,
        "tar_is_official": None if not checked.tar_md5 else checked.tar_md5 == TAR_MD5,
        "manifest_differences": checked.changed,
        "census": census(look.facts for look in looks if look.facts),
    }


def told(checked: Checked) -> str:
    """What was found, for people."""
    found = as_object(checked)
    lines = [
        f"pictures   {found['n']:,} in {found['val_dir']} ({found['layout']}), "
        f"{found['bytes']:,} bytes",
        f"whole set  {'yes' if checked.missing is None else checked.missing}",
        f"broken     {len(checked.broken):,}",
        *_some([f"{look.id}: {look.problem}" for look in checked.broken]),
    ]
    if checked.tar_md5:
        official = "the official one" if found["tar_is_official"] else "not official"
        lines.append(f"tar md5    {checked.tar_md5} ({official})")
    if checked.changed is not None:
        lines.append(f"manifest   {len(checked.changed):,} differences")
        lines += _some(checked.changed)
    for name, value in found["census"].items():
        counts = value.items() if isinstance(value, dict) else [("", value)]
        text = ", ".join(f"{key} {count:,}".strip() for key, count in counts)
        lines.append(f"{name.replace('_', ' '):13}{text or 'none'}")
    lines.append(f"check      {'FINE' if checked.fine else 'NOT FINE'}")
    return "\n".join(lines)


def _some(lines: list[str] | tuple[str, ...]) -> list[str]:
    more = len(lines) - _SHOWN
    rest = [f"  and {more:,} more"] if more > 0 else []
    return [f"  {line!r}" for line in lines[:_SHOWN]] + rest
