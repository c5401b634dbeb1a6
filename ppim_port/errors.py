"""Every error that this project raises on purpose, and the exit code it earns.

    PpimError
    ├── UsageError (2)              the request itself is wrong
    │   ├── UnknownNameError        no such model, recipe, layer, with suggestions
    │   ├── MissingPackageError     an optional package is not installed
    │   ├── OutputExistsError       would overwrite; nothing was written
    │   └── OutputError             a place that cannot be written to
    ├── InputError (3)              something that we were given is bad
    │   ├── ManifestError           weights.json
    │   ├── CheckpointError         a weights file that cannot be read or written
    │   │   ├── CorruptCheckpointError   truncated, inconsistent, wrong checksum
    │   │   └── UnsafeCheckpointError    asks for code, or for absurd resources
    │   ├── MappingError            keys, shapes, dtypes that do not fit
    │   ├── InputSizeError          images of a size that the net cannot take
    │   ├── DatasetError            folders, lists, labels
    │   │   └── ImageError          one picture that cannot be decoded
    │   ├── LedgerError             a run's ledger: other settings, damaged, no disk
    │   └── FetchError              no source could be downloaded
    │       └── DigestError         downloaded, and not what was promised
    └── VerificationError (1)       the answer is "no": the port is not right

The programs turn them into one message and an exit code; 0 is success. An error's
text says what, where, expected, got, what state was left and what to do next.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class PpimError(Exception):
    """Base of all errors raised on purpose; `exit_code` is the programs' status."""

    exit_code = 1


class UsageError(PpimError):
    """The request is wrong: options that clash, names that do not exist."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that is not in a closed list, with the nearest ones that are."""

    def __init__(self, name: str, known: Iterable[str], *, kind: str) -> None:
        self.name = name
        self.known = sorted(known)
        near = get_close_matches(name, self.known, n=3, cutoff=0.5)
        hint = f"Did you mean {' or '.join(near)}? " if near else ""
        super().__init__(
            f"Unknown {kind} {name!r}. {hint}Known: {', '.join(self.known)}."
        )


class MissingPackageError(UsageError):
    """An optional package is absent; the text holds the command that adds it."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package} is not installed: run  pip install {package}  "
            f"(the extra ppim-port[{extra}] brings it too)"
        )


class OutputExistsError(UsageError):
    """The output exists and overwriting was not asked for; nothing was written."""


class OutputError(UsageError):
    """A report or sidecar cannot be written where it was asked for."""


class InputError(PpimError):
    """Something that we were given is bad: a file, a folder, a download."""

    exit_code = 3


class ManifestError(InputError):
    """weights.json is not what its schema says."""


class CheckpointError(InputError):
    """A weights file that cannot be read or written."""


class CorruptCheckpointError(CheckpointError):
    """A weights file that is truncated, inconsistent, or fails its checksum."""


class UnsafeCheckpointError(CheckpointError):
    """A weights file that asks for code to run or for absurd resources."""


class MappingError(InputError):
    """Keys, shapes or dtypes that do not fit the target net."""


class InputSizeError(InputError, ValueError):
    """Images of a size that the net cannot take; the text names sizes that work."""


class DatasetError(InputError):
    """A folder, list or label that cannot be used as it is."""


class ImageError(DatasetError):
    """One picture that cannot be decoded; it is named and never replaced."""


class LedgerError(InputError):
    """A run's ledger that cannot be resumed, believed or written."""


class FetchError(InputError):
    """No source of a file could be downloaded."""


class DigestError(FetchError):
    """A file is not the one that was promised or recorded."""


class VerificationError(PpimError):
    """The answer is no: two nets that should agree do not."""

    exit_code = 1
