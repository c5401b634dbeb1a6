"""How one try at one source can fail: worth another try, or not.

These never leave the package; a caller of `fetch` sees FetchError or DigestError.
"""

from __future__ import annotations


class SourceFailure(Exception):
    """A source did not yield its file; the text is the reason."""


class Refused(SourceFailure):
    """Asking again would give the same answer: go on to the next source."""


class Transient(SourceFailure):
    """Another try may succeed.

    Attributes:
        wait: Seconds to wait first; None leaves it to the back-off.
        discard: Whether the bytes on disk are of no use to that try.
    """

    def __init__(
        self, reason: str, *, wait: float | None = None, discard: bool = False
    ) -> None:
        super().__init__(reason)
        self.wait = wait
        self.discard = discard
