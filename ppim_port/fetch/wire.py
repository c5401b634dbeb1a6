"""One answer from a server: redirects followed by hand, every hop checked first.

Network failures are turned into `Transient` or `Refused` here, so that any OSError
seen elsewhere is the local disk's. Loaded only when a download starts. Proxies,
``REQUESTS_CA_BUNDLE`` and ``.netrc`` are honoured, as requests does by default.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests

from ppim_port.fetch.outcome import Refused, Transient
from ppim_port.fetch.urls import check_url, next_hop, shown
from ppim_port.version import __version__

_MAX_HOPS = 10
_POINTLESS = (
    requests.exceptions.SSLError,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidProxyURL,
)


@contextmanager
def new_session() -> Iterator[requests.Session]:
    """A session that asks for bytes as they are stored.

    It keeps cookies from hop to hop: SharePoint hands out the right to download in
    one.
    """
    with requests.Session() as session:
        session.headers["Accept-Encoding"] = "identity"
        session.headers["User-Agent"] = f"ppim-port/{__version__}"
        yield session


@contextmanager
def answer_of(
    session: requests.Session,
    url: str,
    *,
    headers: dict[str, str],
    timeout: float,
    allow_http: bool,
) -> Iterator[requests.Response]:
    """The first answer that is no redirect, its body not yet read.

    Args:
        session: An open session.
        url: Where to ask.
        headers: Extra request headers.
        timeout: Seconds to wait for a connection, and for each next byte.
        allow_http: Whether http to this machine is allowed.

    Raises:
        Refused: A hop is not allowed, or the request can never succeed.
        Transient: The connection failed.
    """
    check_url(url, allow_http=allow_http)
    for _ in range(_MAX_HOPS + 1):
        with network_failures(timeout):
            response = session.get(
                url,
                headers=headers,
                timeout=timeout,
                stream=True,
                allow_redirects=False,
            )
        with response:
            target = session.get_redirect_target(response)
            if target is None:
                yield response
                return
        url = next_hop(url, target, allow_http=allow_http)
    text = f"more than {_MAX_HOPS} redirects, the last to {shown(url)}"
    raise Refused(text)


@contextmanager
def network_failures(timeout: float) -> Iterator[None]:
    """Turn what requests raises into the two outcomes."""
    try:
        yield
    except _POINTLESS as error:
        raise Refused(_reason(error)) from error
    except requests.RequestException as error:
        stalled = isinstance(error, requests.Timeout) or "timed out" in str(error)
        text = f"no bytes for {timeout:g} s" if stalled else _reason(error)
        raise Transient(text) from error


def _reason(error: requests.RequestException) -> str:
    return f"{type(error).__name__}: {error}"
