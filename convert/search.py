"""Finding the file and the sidecar that a port was made from, by digest alone.

Looked at: what the user gives, the folders of those files, the cache, and the installed
package that the sidecar names; no network. A name only says where to look; a file with
the right name and other bytes is told of, not used. Another version of a package is no
such impostor.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from convert.provenance import SUFFIX
from convert.sidecar import Sidecar, is_sidecar, read_sidecar
from ppim_port.checkpoint import sha256_file
from ppim_port.errors import CheckpointError
from ppim_port.fetch.cache import cache_entries
from ppim_port.fetch.installed import installed_file, is_package


@dataclass(frozen=True, slots=True)
class Found:
    """What is at hand of a port's source.

    Attributes:
        file: a file with the digest that was asked for; None if there is none.
        sidecar: the one that says how that file was made; None if there is none.
        wrong: files where it should be, with other bytes.
    """

    file: Path | None
    sidecar: Sidecar | None
    wrong: tuple[Path, ...]


@dataclass(slots=True)
class Shelf:
    """Everything at hand, digested once.

    Attributes:
        start: the file whose chain is followed.
        given: weights files and sidecars that the user names.
    """

    start: Path
    given: Sequence[Path]
    _digests: dict[Path, str] = field(default_factory=dict)

    def digest(self, file: Path) -> str:
        """The sha256 of a file."""
        if file not in self._digests:
            self._digests[file] = sha256_file(file)
        return self._digests[file]

    def find(self, port: Sidecar, chain: Collection[str]) -> Found:
        """What is at hand of the file that `port` was made from.

        Args:
            port: the hop whose source is looked for.
            chain: digests of the chain's files, which are nobody's impostors.
        """
        wanted = port.source_sha256
        sidecar = self._sidecar_of(port, chain)
        wrong = []
        for file in self._places(port, sidecar):
            digest = self.digest(file)
            if digest == wanted:
                return Found(file, sidecar, ())
            if digest not in chain and file not in self.given:
                wrong.append(file)
        return Found(None, sidecar, tuple(dict.fromkeys(wrong)))

    def _sidecar_of(self, port: Sidecar, chain: Collection[str]) -> Sidecar | None:
        """The best of several, as files of the same bytes were made in several ways.

        One that goes round in a circle would end the chain before its beginning.
        """
        found = [s for s in self._sidecars() if s.target_sha256 == port.source_sha256]

        def rank(sidecar: Sidecar) -> tuple[bool, bool, bool]:
            return (
                sidecar.path not in self.given,
                sidecar.source_sha256 in {*chain, port.source_sha256},
                sidecar.target_file != port.source_file,
            )

        return min(found, key=rank, default=None)

    def _places(self, port: Sidecar, sidecar: Sidecar | None) -> Iterator[Path]:
        """Where the file may be."""
        yield from (path for path in self.given if not is_sidecar(path))
        name = port.source_file
        # The name is a stranger's word: it may not lead out of the folders.
        beside = [f / name for f in self._folders() if Path(name).name == name]
        if sidecar is not None:
            own = sidecar.path.name.removesuffix(SUFFIX)
            beside.append(sidecar.path.with_name(own))
        yield from (path for path in beside if self._is_other(path))
        for entry in cache_entries():
            if entry.sha256 == port.source_sha256:
                yield entry.path
        installed = _installed(port)
        if installed is not None and self.digest(installed) == port.source_sha256:
            yield installed

    def _is_other(self, path: Path) -> bool:
        """Not the start: a port that replaced its own source is no impostor of it."""
        return path.is_file() and not path.samefile(self.start)

    def _folders(self) -> list[Path]:
        return list(dict.fromkeys(p.parent for p in (self.start, *self.given)))

    def _sidecars(self) -> Iterator[Sidecar]:
        for path in self.given:
            if is_sidecar(path):
                yield read_sidecar(path)
        for folder in self._folders():
            yield from _readable(sorted(folder.glob(f"*{SUFFIX}")))


def _installed(port: Sidecar) -> Path | None:
    """The file of an installed package that the sidecar names as its source."""
    named = port.url is not None and is_package(port.url)
    return installed_file(port.url) if named and port.url else None


def _readable(paths: Iterable[Path]) -> Iterator[Sidecar]:
    for path in paths:
        try:
            yield read_sidecar(path)
        except CheckpointError:
            continue  # it may be anybody's; what the user names must be sound
