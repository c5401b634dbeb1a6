"""WebDataset shards: tars in which the files of one sample share a key.

`key.jpg` (or .jpeg, .png, .webp) is the picture; `key.cls` holds its class index as
text, or `key.json` an object with "label" or "cls", and perhaps "filename". Refused:
a picture without a label, a label without a picture, a `.cls` and a `.json` that
disagree: half a sample is a shard cut or packed wrongly.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.dataset.archive import Member, members
from eval.dataset.listing import some
from eval.dataset.naming import id_of, in_order
from eval.records import Dataset, Sample
from ppim_port.errors import DatasetError, ImageError
from ppim_port.validation_set import number_of

_PICTURES = ("jpg", "jpeg", "png", "webp")
LABELS = ("cls", "json")
# A label is a few bytes; a sidecar of megabytes is something else.
_LARGEST = 1 << 20


def is_shard(names: Sequence[str]) -> bool:
    """Whether members of a tar are samples with labels."""
    return any(_split(name)[1] in LABELS for name in names)


def from_shards(root: Path, shards: Sequence[Path], *, num_classes: int) -> Dataset:
    """Collect the samples of all shards.

    Raises:
        DatasetError: a shard cannot be used, or a sample is not whole.
    """
    samples = [
        _sample(shard, key, files, num_classes)
        for shard in shards
        for key, files in _grouped(shard)
    ]
    if not samples:
        msg = f"{str(root)!r}: the shards hold no sample. Expected key.jpg and key.cls."
        raise DatasetError(msg)
    return Dataset(root, "webdataset", in_order(samples), num_classes)


def _split(name: str) -> tuple[str, str]:
    """Key and suffix: WebDataset parts the base name at its first dot."""
    folder, slash, base = name.rpartition("/")
    stem, _, suffix = base.partition(".")
    return folder + slash + stem, suffix.lower()


def _grouped(shard: Path) -> Iterator[tuple[str, Mapping[str, Member]]]:
    groups: dict[str, dict[str, Member]] = {}
    for member in members(shard):
        key, suffix = _split(member.name)
        group = groups.setdefault(key, {})
        if suffix in group:
            msg = f"{str(shard)!r}: {member.name!r} is there twice. Pack it again."
            raise DatasetError(msg)
        group[suffix] = member
    yield from groups.items()


def _sample(
    shard: Path, key: str, files: Mapping[str, Member], num_classes: int
) -> Sample:
    pictures = [suffix for suffix in files if suffix in _PICTURES]
    if len(pictures) != 1 or not set(files) & set(LABELS):
        msg = (
            f"{str(shard)!r}: sample {key!r} has {some(sorted(files))}. Expected one "
            f"picture ({', '.join(_PICTURES)}) and its label (cls or json)."
        )
        raise DatasetError(msg)
    record = _json(shard, files["json"]) if "json" in files else {}
    label = _label(shard, key, files, record, num_classes)
    member = files[pictures[0]]
    filename = record.get("filename")
    if not isinstance(filename, str) or number_of(filename) is None:
        filename = member.name
    return Sample(id_of(filename), member.path, label, member)


def _label(
    shard: Path,
    key: str,
    files: Mapping[str, Member],
    record: Mapping[str, Any],
    num_classes: int,
) -> int:
    given = [record[name] for name in ("label", "cls") if name in record]
    if "cls" in files:
        text = _small(shard, files["cls"]).strip()
        given.append(int(text) if text.isdigit() and len(text) < 10 else text)
    fine = bool(given) and type(given[0]) is int and given.count(given[0]) == len(given)
    if not fine or not 0 <= given[0] < num_classes:
        msg = (
            f"{str(shard)!r}: the label of {key!r} is {given!r}: expected one whole "
            f"number of 0..{num_classes - 1}."
        )
        raise DatasetError(msg)
    return int(given[0])


def _json(shard: Path, member: Member) -> Mapping[str, Any]:
    try:
        record = json.loads(_small(shard, member))
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        msg = f"{str(shard)!r}: {member.name!r} is no JSON object."
        raise DatasetError(msg)
    return record


def _small(shard: Path, member: Member) -> bytes:
    if member.size > _LARGEST:
        msg = f"{str(shard)!r}: {member.name!r} has {member.size:,} bytes: no label."
        raise DatasetError(msg)
    try:
        return member.read()
    except ImageError as error:
        raise DatasetError(str(error)) from error
