"""Rules about addresses, as pure functions: what may be asked, where a hop may lead.

https only, at every hop, because a first download has no digest to catch a changed
byte. Plain http is for a server on this very machine, and only when asked for.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urljoin, urlsplit, urlunsplit

from ppim_port.fetch.outcome import Refused


def direct_url(url: str) -> str:
    """The address that yields bytes where `url` is a share link.

    A SharePoint share link opens a viewer page; with ``download=1`` in its query the
    same link yields the file. Every other address is returned as it is.
    """
    parts = urlsplit(url)
    if not f".{parts.hostname or ''}".endswith(".sharepoint.com"):
        return url
    kept = [
        pair
        for pair in parts.query.split("&")
        if pair and pair.partition("=")[0] != "download"
    ]
    return urlunsplit(parts._replace(query="&".join([*kept, "download=1"])))


def shown(url: str) -> str:
    """`url` without its query: a redirect's query may hold a short-lived token."""
    return urlunsplit(urlsplit(url)._replace(query="", fragment=""))


def check_url(url: str, *, allow_http: bool) -> None:
    """Refuse an address that is neither https nor allowed http to this machine.

    Raises:
        Refused: The address is not one to ask.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        text = f"{url!r} is not an address: {error}"
        raise Refused(text) from error
    if parts.scheme == "https" and host:
        return
    if parts.scheme == "http" and allow_http and _is_this_machine(host):
        return
    text = f"{shown(url)} is not https; expected https at every hop"
    raise Refused(text)


def next_hop(current: str, location: str, *, allow_http: bool) -> str:
    """The address that a redirect from `current` to `location` leads to.

    Raises:
        Refused: It leads away from https, or to no address at all.
    """
    try:
        target = urljoin(current, location)
        check_url(target, allow_http=allow_http)
        downgraded = current.startswith("https:") and not target.startswith("https:")
    except (ValueError, Refused) as error:
        text = f"{shown(current)} redirects to a place that is refused: {error}"
        raise Refused(text) from error
    if downgraded:
        text = f"{shown(current)} redirects from https to {shown(target)}: refused"
        raise Refused(text)
    return target


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
