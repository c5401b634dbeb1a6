"""`evaluate export`: a ledger as Parquet or CSV."""

from __future__ import annotations

import argparse
from pathlib import Path

EPILOG = """\
examples:
  evaluate export runs/rednet26 --to parquet
      writes runs/rednet26/ledger.parquet
  evaluate export runs/rednet26 --to csv --out rednet26.csv

exit codes: 0 written, 2 usage, or a place that cannot be written to, 3 a damaged ledger
"""


def parser() -> argparse.ArgumentParser:
    """The options, in the order of the help."""
    p = argparse.ArgumentParser(
        prog="evaluate export",
        description=(
            "Write a ledger as a table, one row a picture, every float with the same "
            "bits as in the ledger."
        ),
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    p.add_argument("result", type=Path, metavar="RESULT", help="run folder or ledger")
    p.add_argument(
        "--to", choices=("parquet", "csv"), required=True, help="kind of file"
    )
    p.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="where (default: beside the ledger, with that suffix)",
    )
    return p


def run(options: argparse.Namespace) -> int:
    """Export, and say where it is."""
    from eval.export import write_parquet
    from eval.journal import LEDGER_NAME, read_ledger
    from eval.ledger import write_csv
    from ppim_port.errors import UsageError

    folder = options.result.is_dir()
    ledger = options.result / LEDGER_NAME if folder else options.result
    out = options.out or ledger.with_suffix(f".{options.to}")
    if out.resolve() == ledger.resolve():
        message = f"{out}: is the ledger itself. Name another file."
        raise UsageError(message)
    sealed = read_ledger(ledger)
    if options.to == "csv":
        write_csv(sealed.rows, out)
    else:
        write_parquet(sealed.rows, out, settings=sealed.settings, chain=sealed.chain)
    print(f"{out}: {len(sealed.rows):,} rows")
    return 0
