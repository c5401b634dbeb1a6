"""A recipe by its name in the manifest, or out of a JSON file of the same fields.

A name wins over a file of that name, so that what `rednet-official` means does not
depend on the working folder; `./rednet-official` is the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ppim_port.errors import ManifestError, UnknownNameError
from ppim_port.recipe.record import Recipe, recipe_from_dict


def open_recipe(wanted: str, recipes: Mapping[str, Mapping[str, object]]) -> Recipe:
    """Find a recipe.

    Args:
        wanted: a name among `recipes`, or the path of a JSON file with the fields of
            such a record; the file's stem becomes the recipe's name.
        recipes: a manifest's.

    Raises:
        UnknownNameError: neither a name nor a file.
        ManifestError: the file is not JSON, or its fields make no recipe.
    """
    if wanted in recipes:
        return recipe_from_dict(wanted, recipes[wanted])
    path = Path(wanted)
    if path.suffix != ".json" and not path.is_file():
        raise UnknownNameError(wanted, recipes, kind="recipe")
    return recipe_from_dict(path.stem, _read(path))


def _read(path: Path) -> Mapping[str, object]:
    try:
        record = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{str(path)!r}: cannot be read as a JSON recipe: {error}."
        raise ManifestError(msg) from error
    if not isinstance(record, dict):
        msg = f"{str(path)!r}: a recipe is a JSON object, got {str(record)[:40]!r}."
        raise ManifestError(msg)
    return record
