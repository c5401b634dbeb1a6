"""weights.json as frozen records: what exists, where, its recipe, what to expect.

The file is checked whole on load, and every problem is reported at once. Digests are
`null` where nobody publishes one: a null is trusted on first use, never invented.
Published figures keep their source, because the sources disagree; where nobody
publishes weights there are none, nor sources, and a user's own file is the only one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

from ppim_port.errors import ManifestError, UnknownNameError
from ppim_port.fetch.installed import is_package
from ppim_port.schema import (
    Check,
    ListOf,
    MapOf,
    Nullable,
    Number,
    Shape,
    Text,
    problems,
)

SCHEMA_VERSION = 1

_HTTPS = Check(lambda text: text.startswith("https://"), "an https:// address")
_PLACE = Check(
    lambda text: text.startswith("https://") or is_package(text),
    "an https:// address, or package:NAME/PATH of a file that a Python package ships",
)
_DIGEST = Check(
    lambda text: re.fullmatch("[0-9a-f]{64}", text) is not None, "64 lower-case hex"
)
_FILENAME = Check(
    lambda text: re.fullmatch(r"[\w][\w.-]*", text) is not None, "a plain file name"
)
_COUNT = Number(1, 10**12, whole=True)
_PERCENT = Number(0, 100)

_SOURCE: Mapping[str, Shape] = {
    "name": Text(),
    "format": Text(("pth", "pdparams", "safetensors")),
    "url": _PLACE,
    "filename": _FILENAME,
    "licence": Text(),
    "sha256": Nullable(_DIGEST),
    "note": Text(),
}
_PUBLISHED: Mapping[str, Shape] = {
    "source": Text(),
    "url": _HTTPS,
    "top1": _PERCENT,
    "top5": _PERCENT,
    "tolerance": Number(0, 5),
    "note": Text(),
}
_MODEL: Mapping[str, Shape] = {
    "name": Text(),
    "family": Text(),
    "variant": Text(),
    "recipe": Text(),
    "num_classes": _COUNT,
    "sources": ListOf(_SOURCE, 0),
    "counts": {
        "parameters": _COUNT,
        "source_keys": _COUNT,
        "dropped_keys": Number(0, 10**6, whole=True),
        "target_keys": _COUNT,
    },
    "published_parameters_m": Nullable(Number(0, 10**6)),
    "flops": {
        "published_g": Nullable(Number(0, 10**6)),
        "counted_g": Number(0, 10**6),
        "note": Text(),
    },
    "published": ListOf(_PUBLISHED, 0),
}
SCHEMA: Mapping[str, Shape] = {
    "schema": Number(SCHEMA_VERSION, SCHEMA_VERSION, whole=True),
    "recipes": MapOf(MapOf(None)),
    "models": ListOf(_MODEL),
}


@dataclass(frozen=True, slots=True)
class Source:
    """One place that publishes a model's weights.

    Attributes:
        name: for messages and for `--source`.
        format: of the file.
        url: its https address, or `package:NAME/PATH` for a file that a Python package
            ships: NAME for pip, PATH as in the wheel.
        filename: its name in the cache.
        licence: of the weights.
        sha256: None where nobody publishes one; a package's file always has one.
        note: what is special about it.
    """

    name: str
    format: Literal["pth", "pdparams", "safetensors"]
    url: str
    filename: str
    licence: str
    sha256: str | None
    note: str


@dataclass(frozen=True, slots=True)
class Published:
    """An accuracy as somebody published it, in percent of ILSVRC2012 validation.

    Attributes:
        source: who published it.
        url: where.
        top1: percent.
        top5: percent.
        tolerance: percentage points within which a run counts as equal, either way.
        note: what is special about it.
    """

    source: str
    url: str
    top1: float
    top5: float
    tolerance: float
    note: str


@dataclass(frozen=True, slots=True)
class Counts:
    """What must be found: parameters, and keys of the official file and its port."""

    parameters: int
    source_keys: int
    dropped_keys: int
    target_keys: int


@dataclass(frozen=True, slots=True)
class Flops:
    """Multiply-adds a picture, in 10^9: as published, and as counted with the note.

    Attributes:
        published_g: None if nobody published it.
        counted_g: what this project counts.
        note: how.
    """

    published_g: float | None
    counted_g: float
    note: str


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """One model: where its weights are, its recipe, and what was published of it.

    Of an architecture without public weights `sources` and `published` are empty and
    the published sizes None.
    """

    name: str
    family: str
    variant: str
    recipe: str
    num_classes: int
    sources: tuple[Source, ...]
    counts: Counts
    published_parameters_m: float | None
    flops: Flops
    published: tuple[Published, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The whole file; recipes stay plain mappings until somebody needs one."""

    path: Path
    recipes: Mapping[str, Mapping[str, Any]]
    models: Mapping[str, ModelRecord]

    def model(self, name: str) -> ModelRecord:
        """The record of a model.

        Raises:
            UnknownNameError: no such model; the text names the nearest ones.
        """
        if name not in self.models:
            raise UnknownNameError(name, self.models, kind="model")
        return self.models[name]


def default_path() -> Path:
    """weights.json beside the package (wheel), else at the repository's top."""
    here = Path(__file__).resolve().parent
    packed = here / "weights.json"
    return packed if packed.exists() else here.parent / "weights.json"


def load_manifest(path: str | Path | None = None) -> Manifest:
    """Read and check a manifest; the one that ships with us by default.

    Raises:
        ManifestError: names the file and every problem in it.
    """
    return _load(Path(path) if path else default_path())


@cache
def _load(path: Path) -> Manifest:
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        message = f"{path}: cannot be read as JSON: {error}"
        raise ManifestError(message) from error
    found = list(problems(data, SCHEMA)) or list(_cross_problems(data))
    if found:
        lines = "\n  ".join(found)
        message = f"{path}: {len(found)} problems, nothing was loaded:\n  {lines}"
        raise ManifestError(message)
    models = {entry["name"]: _record(entry) for entry in data["models"]}
    return Manifest(path, data["recipes"], models)


def name_of(family: str, variant: str) -> str:
    """What the manifest calls a variant of a family; both in a row if it has none."""
    for record in load_manifest().models.values():
        if (record.family, record.variant) == (family, variant):
            return record.name
    return f"{family}{variant}"


def _cross_problems(data: Mapping[str, Any]) -> list[str]:
    names = [model["name"] for model in data["models"]]
    found = [
        f"$.models: {name} occurs twice" for name in names if names.count(name) > 1
    ]
    found += [
        f"$.models.{model['name']}.recipe: no recipe {model['recipe']!r}"
        for model in data["models"]
        if model["recipe"] not in data["recipes"]
    ]
    found += [
        f"$.models.{model['name']}.sources.{source['name']}.sha256: missing; a "
        "package's file needs one"
        for model in data["models"]
        for source in model["sources"]
        if is_package(source["url"]) and source["sha256"] is None
    ]
    for model in data["models"]:
        for kind, key in (("sources", "name"), ("published", "source")):
            values = [entry[key] for entry in model[kind]]
            if len(set(values)) < len(values):
                found.append(f"$.models.{model['name']}.{kind}: a {key} occurs twice")
    return found


def _record(entry: Mapping[str, Any]) -> ModelRecord:
    parts = {
        "sources": tuple(Source(**source) for source in entry["sources"]),
        "counts": Counts(**entry["counts"]),
        "flops": Flops(**entry["flops"]),
        "published": tuple(Published(**figure) for figure in entry["published"]),
    }
    return ModelRecord(**{**cast(dict[str, Any], entry), **parts})
