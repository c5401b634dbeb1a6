"""Where a weights file came from: the chain of its sidecars, every digest checked.

What is at hand is read and digested tensor by tensor; a tensor whose source is at hand
is made again from it, so that a sidecar that lies about a rule is found too. What is
not at hand is said, and is no fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from convert.provenance import provenance_path, tensor_digest
from convert.search import Found, Shelf
from convert.sidecar import Move, Sidecar, is_sidecar, sidecar_beside
from ppim_port.checkpoint import open_checkpoint
from ppim_port.checkpoint.dtypes import NUMPY_CODES
from ppim_port.errors import CheckpointError, MappingError
from ppim_port.mapping import Action, turned
from ppim_port.mapping.apply import MOMENTS, basis_of, moment
from ppim_port.state_dict import Array

_DTYPES = frozenset(np.dtype(code).name for code in NUMPY_CODES)
# A sidecar's word for how many zeros were created is not worth more memory.
_MOST_ZEROS = 1 << 24


@dataclass(frozen=True, slots=True)
class Hop:
    """One conversion of a chain.

    Attributes:
        sidecar: what it says.
        file: the file that was written, if it is at hand.
        source: the file that was converted, if it is at hand.
        remade: tensors that were made again from the source.
        problems: one line each; empty if every digest is as the sidecar says.
    """

    sidecar: Sidecar
    file: Path | None
    source: Path | None
    remade: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A file's chain, from the file back to what was published.

    Attributes:
        path: the file.
        hops: the last conversion first.
        strays: given files that are no link of the chain, one line each.
    """

    path: Path
    hops: tuple[Hop, ...]
    strays: tuple[str, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything that does not hold."""
        found = [problem for hop in self.hops for problem in hop.problems]
        return (*found, *self.strays)

    @property
    def complete(self) -> bool:
        """Whether the file at the chain's beginning was at hand."""
        return self.hops[-1].source is not None


def explain(path: str | Path, *, sources: Sequence[str | Path] = ()) -> Explanation:
    """Rebuild a file's chain of provenance and check every digest in it.

    Args:
        path: a file that `convert` wrote, its sidecar beside it.
        sources: files and sidecars of earlier links that do not lie beside it.

    Raises:
        CheckpointError: there is no sidecar, or one that cannot be used.
    """
    file = Path(path)
    given = [Path(source) for source in sources]
    for each in (file, *given):
        if not each.is_file():
            message = f"{each}: no such file. Nothing was checked."
            raise CheckpointError(message)
    sidecar = sidecar_beside(file)
    if sidecar is None:
        message = (
            f"{provenance_path(file)} does not exist: nothing is known of where "
            f"{file.name} came from. `convert inspect` shows what is in it."
        )
        raise CheckpointError(message)
    shelf = Shelf(file, given)
    hops = tuple(_hops(file, sidecar, shelf))
    return Explanation(file, hops, tuple(_strays(hops, shelf)))


def _hops(file: Path | None, sidecar: Sidecar | None, shelf: Shelf) -> Iterator[Hop]:
    chain: set[str] = set()
    # A port that replaced its own source, bit for bit, is its own beginning.
    while sidecar is not None and sidecar.target_sha256 not in chain:
        chain.add(sidecar.target_sha256)
        found = shelf.find(sidecar, chain)
        yield _hop(file, sidecar, found, shelf)
        file, sidecar = found.file, found.sidecar


def _hop(file: Path | None, sidecar: Sidecar, found: Found, shelf: Shelf) -> Hop:
    problems: list[str] = []
    remade = 0
    if file is not None:
        problems += _file_problems(file, sidecar, shelf)
    if found.file is not None:
        remade, more = _replayed(found.file, sidecar)
        problems += more
    elif found.sidecar is not None:
        problems += _link_problems(found.sidecar, sidecar)
    problems += [_broken(sidecar, path, shelf) for path in found.wrong]
    return Hop(sidecar, file, found.file, remade, tuple(problems))


def _file_problems(file: Path, sidecar: Sidecar, shelf: Shelf) -> Iterator[str]:
    if shelf.digest(file) != sidecar.target_sha256:
        yield (
            f"{file}: its sha256 is {shelf.digest(file)}, its sidecar says "
            f"{sidecar.target_sha256}"
        )
    try:
        found = {key: tensor_digest(value) for key, value in _tensors(file)}
    except CheckpointError as error:
        yield str(error)
        return
    yield from _unlike(found, sidecar.target_digests(), str(file), str(sidecar.path))


def _replayed(source: Path, sidecar: Sidecar) -> tuple[int, list[str]]:
    """Make every tensor again that came from the source; name what differs."""
    moves = {m.source: m for m in sidecar.moves if m.source is not None}
    created = [move for move in sidecar.moves if move.source is None]
    by_basis = _by_basis(created)
    found, wrong, remade = {}, [], 0
    for key, value in _tensors(source):
        found[key] = tensor_digest(value)
        move = moves.get(key)
        if move is None or move.target is None:
            continue
        made = _remade(move, value)
        same = made is not None and tensor_digest(made) == move.target_sha256
        remade += same
        wrong += [] if same else [f"{key} -> {move.target}"]
        derived = by_basis.pop(move.target, [])
        wrong += [str(m.target) for m in derived if not _is_moment(m, made)]
    wrong += [str(m.target) for left in by_basis.values() for m in left]
    filled = [move for move in created if move.action not in MOMENTS]
    wrong += [str(m.target) for m in filled if _filled(m) != m.target_sha256]
    says = str(sidecar.path)
    problems = list(_unlike(found, sidecar.source_digests(), str(source), says))
    if wrong:
        problems.append(
            f"{says}: not what its rules make of {source}: {_listed(wrong)}"
        )
    return remade, problems


def _by_basis(created: Sequence[Move]) -> dict[str | None, list[Move]]:
    """Key of filters in the target -> what holds a moment of them, as it says."""
    found: dict[str | None, list[Move]] = {}
    for move in created:
        if move.action in MOMENTS:
            found.setdefault(basis_of(str(move.target)), []).append(move)
    return found


def _remade(move: Move, value: Array) -> Array | None:
    """What the rule makes; None where the rule cannot be carried out."""
    try:
        value = turned(value, move.action, move.axes)
    except MappingError:
        return None
    if value.dtype.name != move.dtype:
        if not (move.dtype in _DTYPES and np.can_cast(value.dtype, move.dtype, "safe")):
            return None
        value = value.astype(move.dtype)
    return value if tuple(value.shape) == move.shape else None


def _is_moment(move: Move, weight: Array | None) -> bool:
    """Whether a tensor is that moment of filters; of what are no filters, none is."""
    if weight is None or weight.ndim != 4 or weight.dtype.kind != "f":
        return False
    if weight[:1].size < 2:
        return False
    return tensor_digest(moment(move.action, weight)) == move.target_sha256


def _filled(move: Move) -> str | None:
    if move.dtype not in _DTYPES or prod(move.shape) > _MOST_ZEROS:
        return None
    filled = np.full(move.shape, move.action is Action.ONES, move.dtype)
    return tensor_digest(filled)


def _link_problems(upstream: Sidecar, sidecar: Sidecar) -> Iterator[str]:
    """Both sidecars speak of one file; they must say the same of every tensor."""
    made, taken = upstream.target_digests(), sidecar.source_digests()
    yield from _unlike(made, taken, str(upstream.path), str(sidecar.path))


def _unlike(
    found: Mapping[str, str | None],
    said: Mapping[str, str | None],
    where: str,
    says: str,
) -> Iterator[str]:
    both = [key for key in found if key in said]
    groups = {
        "other digests": [key for key in both if found[key] != said[key]],
        "tensors that are not in it": [key for key in said if key not in found],
        "no word of tensors": [key for key in found if key not in said],
    }
    for what, keys in groups.items():
        if keys:
            yield f"{where}: {says} has {what}: {_listed(keys)}"


def _broken(sidecar: Sidecar, path: Path, shelf: Shelf) -> str:
    return (
        f"{path}: not the file that {sidecar.target_file!a} was made from: its sha256 "
        f"is {shelf.digest(path)}, expected {sidecar.source_sha256}. The link is broken"
    )


def _strays(hops: Sequence[Hop], shelf: Shelf) -> Iterator[str]:
    links = {hop.sidecar.target_sha256 for hop in hops}
    links |= {hop.sidecar.source_sha256 for hop in hops}
    sidecars = {hop.sidecar.path for hop in hops}
    for path in shelf.given:
        if is_sidecar(path):
            if path not in sidecars:
                yield f"{path}: of no file of this chain"
        elif shelf.digest(path) not in links:
            yield (
                f"{path}: no link of this chain: its sha256 is {shelf.digest(path)}, "
                f"expected {hops[-1].sidecar.source_sha256}"
            )


def _tensors(file: Path) -> Iterator[tuple[str, Array]]:
    return open_checkpoint(file).tensors


def _listed(keys: Sequence[str]) -> str:
    return f"{len(keys)} ({', '.join(keys)})"
