"""The ledger on disk: append-only, crash-safe, sealed batch by batch.

A run folder holds `ledger.jsonl`: a header with the settings that decide the numbers,
one line a picture, and after each batch a seal that chains the sha256 of everything
before it. Only whole batches count: what a killed run left behind its last seal is cut
off on resuming. One flipped byte anywhere breaks the chain. Nothing in it depends on
the clock or the machine's load, so a resumed ledger equals an unbroken one byte for
byte under the same settings.
"""

from eval.journal.file import LEDGER_NAME, Journal, refuse_other_settings
from eval.journal.lock import RunLock, merging
from eval.journal.read import Sealed, read_ledger
from eval.journal.shards import (
    SHARDS,
    Sink,
    remove_shards,
    shard_batches,
    shard_name,
    shard_settings,
)

__all__ = [
    "LEDGER_NAME",
    "SHARDS",
    "Journal",
    "RunLock",
    "Sealed",
    "Sink",
    "merging",
    "read_ledger",
    "refuse_other_settings",
    "remove_shards",
    "shard_batches",
    "shard_name",
    "shard_settings",
]
