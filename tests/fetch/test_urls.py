from __future__ import annotations

import pytest

from ppim_port.fetch.outcome import Refused
from ppim_port.fetch.urls import check_url, direct_url, next_hop, shown

SHARE = "https://x-my.sharepoint.com/:u:/g/personal/a_b/Ef_w"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"{SHARE}?e=XPws5X", f"{SHARE}?e=XPws5X&download=1"),
        (SHARE, f"{SHARE}?download=1"),
        (f"{SHARE}?e=a&download=1", f"{SHARE}?e=a&download=1"),
        (f"{SHARE}?download=0&e=a", f"{SHARE}?e=a&download=1"),
        (f"{SHARE}?e=%2Fa%20b", f"{SHARE}?e=%2Fa%20b&download=1"),
    ],
)
def test_sharepoint_share_link_asks_for_the_bytes(url: str, expected: str) -> None:
    assert direct_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/net.pth?e=1",
        "https://evilsharepoint.com/net.pth",
        "https://sharepoint.com.example.com/net.pth",
        "https://example.com/?u=https%3A%2F%2Fa.sharepoint.com",
    ],
)
def test_other_addresses_are_left_as_they_are(url: str) -> None:
    assert direct_url(url) == url


def test_https_is_accepted() -> None:
    check_url("https://example.com/net.pth", allow_http=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_http_to_this_machine_is_accepted_only_when_asked_for(host: str) -> None:
    check_url(f"http://{host}:8000/net.pth", allow_http=True)
    with pytest.raises(Refused, match="not https"):
        check_url(f"http://{host}:8000/net.pth", allow_http=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/net.pth",
        "http://127.0.0.1.example.com/net.pth",
        "file:///etc/passwd",
        "ftp://127.0.0.1/net.pth",
        "https:///net.pth",
        "net.pth",
        "https://[::1/net.pth",
    ],
)
def test_everything_else_is_refused_even_where_http_is_allowed(url: str) -> None:
    with pytest.raises(Refused, match=r"not https|not an address"):
        check_url(url, allow_http=True)


def test_relative_redirect_stays_on_its_server() -> None:
    target = next_hop("https://a.org/x/y?e=1", "../z", allow_http=False)
    assert target == "https://a.org/z"


@pytest.mark.parametrize("allow_http", [False, True])
@pytest.mark.parametrize("target", ["http://a.org/y", "http://127.0.0.1/y"])
def test_redirect_from_https_to_http_is_refused(target: str, allow_http: bool) -> None:
    with pytest.raises(Refused, match=r"https://a\.org/x redirects"):
        next_hop("https://a.org/x", target, allow_http=allow_http)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "https://[", "data:,x"])
def test_redirect_to_no_web_address_is_refused(target: str) -> None:
    with pytest.raises(Refused, match="redirects to a place that is refused"):
        next_hop("https://a.org/x", target, allow_http=False)


def test_tokens_of_a_redirect_are_not_shown() -> None:
    assert shown("https://a.org/x?tempauth=secret#y") == "https://a.org/x"
