from __future__ import annotations

import pytest

from ppim_port.errors import UsageError
from ppim_port.fetch import Download

URL = "https://a.org/x"


@pytest.mark.parametrize(
    "filename",
    [
        "",
        ".",
        "..",
        "../net.pth",
        "a/b.pth",
        "a\\b.pth",
        "/net.pth",
        ".hidden",
        "c:net.pth",
        "net.pth\n",
        "net.pth.",
        "net.pth.part",
        "net.JSON",
        "net.lock",
        "lock",
        "n" * 151,
    ],
)
def test_file_name_that_could_leave_the_cache_is_refused(filename: str) -> None:
    with pytest.raises(UsageError, match="cannot be a file name in the cache"):
        Download("official", URL, filename, None)


@pytest.mark.parametrize("name", ["rednet26-official.pth", "RedNet26_pretrained.x+1"])
def test_plain_file_name_is_accepted(name: str) -> None:
    assert Download("official", URL, name, "0" * 64).filename == name


@pytest.mark.parametrize("digest", ["", "0" * 63, "A" * 64, "g" * 64, "0" * 64 + "\n"])
def test_malformed_digest_is_refused(digest: str) -> None:
    with pytest.raises(UsageError, match="Expected 64 lower-case hex digits"):
        Download("official", URL, "net.pth", digest)
