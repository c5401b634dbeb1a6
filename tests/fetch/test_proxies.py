"""Proxies and certificate bundles are the user's, as every other program takes them."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ppim_port.errors import FetchError
from ppim_port.fetch import Download
from tests.fetch.conftest import Get
from tests.fetch.server import BODY, Answer, Server

Build = Callable[..., Download]

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None,
    reason="openssl, which makes a certificate, is absent",
)


@contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Tunnel(ThreadingHTTPServer):
    """A proxy that notes where it is asked to tunnel to, and does."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connect)
        self.asked: list[str] = []


class _Connect(BaseHTTPRequestHandler):
    server: Tunnel

    def do_CONNECT(self) -> None:
        self.server.asked.append(self.path)
        host, _, port = self.path.partition(":")
        with socket.create_connection((host, int(port))) as far:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=pump, args=(far, self.connection))
            back.start()
            pump(self.connection, far)
            back.join()
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Silence."""


def pump(start: socket.socket, end: socket.socket) -> None:
    try:
        while data := start.recv(1 << 16):
            end.sendall(data)
        end.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other side hung up first


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Set a proxy in the environment, where the other tests forbid them all."""

    def use(variable: str, port: int) -> None:
        monkeypatch.delenv("no_proxy")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.setenv(variable, f"http://127.0.0.1:{port}")

    return use


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine that no authority knows, with its key."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    key = path.with_name("key.pem")
    options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        ["openssl", "req", "-x509", *options, *name, "-keyout", key, "-out", path],
        capture_output=True,
        check=True,
    )
    path.write_bytes(path.read_bytes() + key.read_bytes())
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[str]:
    """The address of a file behind https."""
    server = Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve("/file", Answer())
    with running(server) as port:
        yield f"https://127.0.0.1:{port}/file"


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment_is_asked(
    variable: str,
    server: Server,
    get: Get,
    source: Build,
    proxied: Callable[[str, int], None],
) -> None:
    # Nobody listens there: only through the proxy can it be had.
    address = "http://127.0.0.1:9/file"
    server.serve(address, Answer())
    proxied(variable, server.server_address[1])
    assert get(source(address)).path.read_bytes() == BODY
    assert [path for path, _ in server.asked] == [address]


def test_no_proxy_is_respected(
    server: Server, get: Get, source: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.serve("/file", Answer())
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert get(source()).path.read_bytes() == BODY


def test_a_proxy_that_is_not_there_is_an_error_that_names_it(
    get: Get, source: Build, proxied: Callable[[str, int], None]
) -> None:
    proxied("http_proxy", 9)
    with pytest.raises(FetchError, match="ProxyError"):
        get(source("http://127.0.0.1:10/file"))


@needs_openssl
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_certificate_bundle_of_the_environment_is_trusted(
    variable: str,
    secure: str,
    certificate: Path,
    get: Get,
    source: Build,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)  # it goes first
    monkeypatch.setenv(variable, str(certificate))
    assert get(source(secure)).path.read_bytes() == BODY


@needs_openssl
def test_an_unknown_certificate_is_refused_at_once(
    secure: str, get: Get, source: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin of the test above: it shows that it could fail."""
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(FetchError, match="SSLError"):
        get(source(secure))
    assert get.slept == []


@needs_openssl
def test_https_goes_through_a_proxys_tunnel_and_is_still_checked(
    secure: str,
    certificate: Path,
    get: Get,
    source: Build,
    proxied: Callable[[str, int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    tunnel = Tunnel()
    with running(tunnel) as port:
        proxied("https_proxy", port)
        assert get(source(secure)).path.read_bytes() == BODY
    assert tunnel.asked == [secure.split("/")[2]]


@needs_openssl
def test_a_certificate_bundle_that_is_not_there_is_an_error_that_names_it(
    secure: str, get: Get, source: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/absent/bundle.pem")
    with pytest.raises(FetchError, match=r"/absent/bundle\.pem"):
        get(source(secure))
