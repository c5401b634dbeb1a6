"""`convert cache list|verify|clear`: the downloads and ports that are kept."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from convert.commands.options import new_parser, print_json
from ppim_port.table import table

if TYPE_CHECKING:
    from ppim_port.fetch.cache import CacheCheck, CacheEntry

EPILOG = """\
examples:
  convert cache list      every download and port, with its size and origin
  convert cache verify    read each one and compare its sha256 with the recorded one
  convert cache clear     delete them; the record of first-seen digests stays

The folder is $PPIM_PORT_CACHE, else the platform's. Your own files in it are neither
listed nor deleted.
exit codes: 0 done, 1 a file's bytes are not the recorded ones, 2 usage, 3 bad input
"""


def parser() -> argparse.ArgumentParser:
    """The options, in the order of the help."""
    p = new_parser(
        "cache",
        "List, check or delete what was downloaded and what was converted from it.",
        EPILOG,
    )
    p.add_argument("action", choices=("list", "verify", "clear"), help="what to do")
    return p


def run(options: argparse.Namespace) -> int:
    """Do it, print it, and say by the exit code whether all bytes are right."""
    return {"list": _list, "verify": _verify, "clear": _clear}[options.action](options)


def _list(options: argparse.Namespace) -> int:
    from ppim_port.fetch import cache_dir
    from ppim_port.fetch.cache import cache_entries

    entries = cache_entries()
    if options.json:
        print_json(
            {"folder": str(cache_dir()), "entries": [_entry(e) for e in entries]}
        )
        return 0
    if entries:
        print(
            table(
                ["kind", "bytes", "sha256", "source", "path"], list(map(_row, entries))
            )
        )
    total = sum(entry.size for entry in entries)
    print(f"{len(entries)} files, {total:,} bytes in {cache_dir()}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from ppim_port.fetch.cache import verify_cache

    checks = verify_cache()
    # A broken-off download is no wrong file: nothing was promised of it yet.
    wrong = [check for check in checks if check.found is not None and not check.ok]
    if options.json:
        entries = [_check(check) for check in checks]
        print_json({"right": not wrong, "entries": entries})
    else:
        for check in checks:
            print(f"{'ok' if check.ok else check.problem}: {check.entry.path}")
        print(f"{len(checks)} files, {len(wrong)} with other bytes than recorded")
    return 1 if wrong else 0


def _clear(options: argparse.Namespace) -> int:
    from ppim_port.fetch import cache_dir
    from ppim_port.fetch.cache import clear_cache

    freed = clear_cache()
    if options.json:
        print_json({"folder": str(cache_dir()), "freed": freed})
    else:
        print(f"{freed:,} bytes freed in {cache_dir()}; first-seen digests are kept")
    return 0


def _entry(entry: CacheEntry) -> dict[str, Any]:
    return {**asdict(entry), "path": str(entry.path)}


def _check(check: CacheCheck) -> dict[str, Any]:
    return {
        **_entry(check.entry),
        "found": check.found,
        "ok": check.ok,
        "problem": check.problem,
    }


def _row(entry: CacheEntry) -> list[str]:
    digest = entry.sha256[:16] if entry.sha256 else "-"
    source = entry.source or "-"
    return [entry.kind, f"{entry.size:,}", digest, source, str(entry.path)]
