"""A port's history is rebuilt and every digest checked; a lie anywhere is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import explain
from convert.provenance import provenance_path, tensor_digest
from ppim_port.checkpoint import sha256_file
from tests.convert.chains import Chain, Edit, Run, edit, flip, wrong
from tests.convert.made import save_official, unproven
from tests.support.states import made_state, rednet


def test_a_whole_chain_is_right_back_to_its_first_file(chain: Chain, run: Run) -> None:
    ran = run("explain", chain.c)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[-1] == (
        "right: 2 conversions, every digest as recorded; back to its first file"
    )
    found = json.loads(run("explain", chain.c, "--json").out)
    assert found["right"]
    assert found["complete"]
    last, first = found["hops"]
    assert last["target"]["sha256"] == sha256_file(chain.c)
    assert last["source"]["path"] == first["target"]["path"] == str(chain.b)
    assert first["source"]["sha256"] == sha256_file(chain.a)
    assert (last["remade"], first["remade"]) == (211, 211)
    assert last["rules"]["create"] == first["rules"]["drop"] == 40
    assert last["proven"] is False


def test_what_is_not_at_hand_is_said_and_is_no_fault(chain: Chain, run: Run) -> None:
    chain.a.unlink()
    ran = run("explain", chain.c)
    assert ran.code == 0
    assert "not at hand (--source FILE): only its sidecars' word" in ran.out
    assert ran.out.endswith("its first file not at hand\n")


def test_a_link_without_its_file_holds_by_its_sidecar(chain: Chain, run: Run) -> None:
    chain.b.unlink()
    found = explain(chain.c)
    assert found.problems == ()
    assert [hop.file for hop in found.hops] == [chain.c, None]
    assert [hop.remade for hop in found.hops] == [0, 211]


def test_sidecars_that_disagree_about_the_file_between_them_are_named(
    chain: Chain, run: Run
) -> None:
    chain.b.unlink()
    edit(chain.b, lambda v: v["tensors"][0].update(target_sha256="0" * 64))
    text = wrong(run, chain.c)
    assert f"{provenance_path(chain.b)}: {provenance_path(chain.c)} has other" in text
    assert "(stem.0.conv.weight)" in text


@pytest.mark.parametrize("what", ["the file", "its sidecar"])
def test_earlier_links_may_be_given(
    what: str, chain: Chain, tmp_path: Path, run: Run
) -> None:
    away = tmp_path / "away"
    away.mkdir()
    for path in (chain.a, chain.b, provenance_path(chain.b)):
        path.rename(away / path.name)
    assert len(explain(chain.c).hops) == 1
    given = away / "b.pdparams"
    ran = run(
        "explain",
        chain.c,
        "--source",
        given if what == "the file" else provenance_path(given),
    )
    assert ran.code == 0
    assert "2 conversions" in ran.out


def test_a_source_is_found_in_the_cache_by_its_digest(
    chain: Chain, cache: Path, run: Run
) -> None:
    cache.mkdir()
    chain.a.rename(cache / "downloaded.pth")
    origin = {"url": "https://x.org/a", "sha256": sha256_file(cache / "downloaded.pth")}
    (cache / "downloaded.pth.json").write_text(json.dumps(origin))
    found = explain(chain.b)
    assert found.complete
    assert found.hops[0].source == cache / "downloaded.pth"


def test_a_flipped_bit_in_the_file_is_named_with_its_tensor(
    chain: Chain, run: Run
) -> None:
    flip(chain.c, "layer2.0.bn1.weight", "pth", "torch")
    text = wrong(run, chain.c)
    found = json.loads(run("explain", chain.c, "--json").out)
    assert not found["right"]
    assert text == "\n".join(f"WRONG    {problem}" for problem in found["problems"])
    assert f"{chain.c}: its sha256 is {sha256_file(chain.c)}, its sidecar says" in text
    assert "has other digests: 1 (layer2.0.bn1.weight)" in text


def test_a_file_that_is_cut_is_a_wrong_link_and_no_crash(
    chain: Chain, run: Run
) -> None:
    content = chain.c.read_bytes()
    chain.c.unlink()
    chain.c.write_bytes(content[:-100])
    text = wrong(run, chain.c)
    assert "its sha256 is" in text
    assert "cut off" in text


def test_a_middle_file_that_was_changed_is_a_broken_link(
    chain: Chain, run: Run
) -> None:
    flip(chain.b, "fc.bias", "pdparams", "paddle")
    text = wrong(run, chain.c)
    assert text.startswith(
        f"WRONG    {chain.b}: not the file that 'c.pth' was made from: its sha256 is "
        f"{sha256_file(chain.b)}, expected "
    )
    assert text.endswith("The link is broken")


def test_a_middle_file_that_was_made_anew_from_another_is_a_broken_link(
    chain: Chain, tmp_path: Path, run: Run
) -> None:
    other = save_official(tmp_path / "o.pth", made_state(rednet(), "official", seed=9))
    unproven(other, chain.b, force=True)
    assert "b.pdparams: not the file that 'c.pth' was made from" in wrong(run, chain.c)


def test_a_given_file_that_is_no_link_is_named(
    chain: Chain, tmp_path: Path, run: Run
) -> None:
    other = save_official(tmp_path / "o.pth", made_state(rednet(), "official", seed=9))
    text = wrong(run, chain.c, "--source", other)
    assert f"{other}: no link of this chain" in text


def test_a_given_sidecar_of_another_chain_is_named(
    chain: Chain, tmp_path: Path, run: Run
) -> None:
    other = save_official(tmp_path / "o.pth", made_state(rednet(), "official", seed=9))
    stray = unproven(other, tmp_path / "z.pdparams").provenance
    assert f"{stray}: of no file of this chain" in wrong(
        run, chain.c, "--source", stray
    )


LIES: dict[str, tuple[Edit, str]] = {
    "another digest of the file": (
        lambda v: v["target"].update(sha256="0" * 64),
        "its sidecar says 0000",
    ),
    "another digest of a tensor": (
        lambda v: v["tensors"][0].update(target_sha256="0" * 64),
        "has other digests: 1 (stem.0.conv.weight)",
    ),
    "another digest of a source tensor": (
        lambda v: v["tensors"][0].update(source_sha256="0" * 64),
        "has other digests: 1 (backbone.stem.0.conv.weight)",
    ),
    "a tensor left out": (
        lambda v: v["tensors"].pop(0),
        "has no word of tensors: 1 (stem.0.conv.weight)",
    ),
    "a tensor too many": (
        lambda v: v["tensors"].append(
            v["tensors"][0] | {"source": "ghost", "target": None, "action": "drop"}
        ),
        "has tensors that are not in it: 1 (ghost)",
    ),
    "a transpose called a copy": (
        lambda v: next(
            t for t in v["tensors"] if t["action"] == "transpose"
        ).update(action="copy"),
        "not what its rules make of",
    ),
    "another shape": (
        lambda v: v["tensors"][0].update(shape=[96, 3, 3]),
        "1 (backbone.stem.0.conv.weight -> stem.0.conv.weight)",
    ),
    "objects for numbers": (
        lambda v: v["tensors"][0].update(dtype="object"),
        "not what its rules make of",
    ),
    "two tensors swapped": (
        lambda v: [
            t.update(target=other)
            for t, other in (
                (t, {"layer1.0.bn1.bias": "layer1.0.bn1._mean",
                     "layer1.0.bn1._mean": "layer1.0.bn1.bias"}[t["target"]])
                for t in v["tensors"]
                if t["target"] in ("layer1.0.bn1.bias", "layer1.0.bn1._mean")
            )
        ],
        "has other digests: 2 (",
    ),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_sidecar_that_lies_is_found_out(lie: str, chain: Chain, run: Run) -> None:
    change, complaint = LIES[lie]
    edit(chain.b, change)
    assert complaint in wrong(run, chain.b)


def test_zeros_that_are_none_are_found_out(chain: Chain, run: Run) -> None:
    def lie(value: dict[str, Any]) -> None:
        created = next(t for t in value["tensors"] if t["action"] == "create")
        created["target_sha256"] = tensor_digest(np.array(1, np.int64))

    edit(chain.c, lie)
    text = wrong(run, chain.c)
    assert "not what its rules make of" in text
    assert "stem.0.bn.num_batches_tracked" in text


def test_a_widened_tensor_is_made_again_too(tmp_path: Path) -> None:
    state = made_state(rednet(), "official")
    half = {k: v.astype("f2") if v.dtype == "f4" else v for k, v in state.items()}
    out = unproven(save_official(tmp_path / "h.pth", half), tmp_path / "o.pdparams")
    found = explain(out.written.path)
    assert found.problems == ()
    assert found.hops[0].remade == 211


def test_a_port_that_replaced_its_own_source_is_its_own_beginning(
    chain: Chain, run: Run
) -> None:
    unproven(chain.b, chain.b, to="pdparams", force=True)
    ran = run("explain", chain.b)
    assert ran.code == 0
    assert "1 conversion, " in ran.out


def test_of_two_sidecars_of_the_same_bytes_the_chains_beginning_is_found(
    chain: Chain,
) -> None:
    """`aa.pdparams` was made back from what `b.pdparams` was made into."""
    unproven(chain.c, chain.folder / "aa.pdparams")
    assert sha256_file(chain.folder / "aa.pdparams") == sha256_file(chain.b)
    found = explain(chain.c)
    assert [hop.sidecar.target_file for hop in found.hops] == [
        chain.c.name,
        chain.b.name,
    ]
    assert found.hops[-1].source == chain.a
    assert found.problems == ()


def test_a_file_is_no_impostor_of_its_own_source(chain: Chain, run: Run) -> None:
    """Other names were written over the file that they were made from."""
    unproven(chain.a, chain.a, to="pth", force=True)
    assert explain(chain.a).problems == ()
    flip(chain.a, "fc.bias", "pth", "torch")
    assert "The link is broken" not in wrong(run, chain.a)


def test_a_link_is_no_impostor_of_its_own_source(chain: Chain) -> None:
    """As above, in the middle of a chain."""
    unproven(chain.a, chain.a, to="pth", force=True)
    last = chain.folder / "d.pdparams"
    unproven(chain.a, last)
    found = explain(last)
    assert len(found.hops) == 2
    assert found.problems == ()
