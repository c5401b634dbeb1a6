"""A web server on this machine that misbehaves exactly as it is told."""

from __future__ import annotations

import hashlib
import random
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY = random.Random(0).randbytes(300_000)
OTHER_BODY = random.Random(1).randbytes(300_000)
CUT = 200_000  # several transfer chunks, so that a cut leaves bytes on the disk


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; every field but the first departs from a well-behaved server."""

    body: bytes = BODY
    status: int = 200
    etag: str | None = '"v1"'
    modified: str | None = None
    ranges: bool = True
    content_range: str | None = None  # sent instead of the true one
    length: int | None = None  # sent instead of the true one
    no_length: bool = False
    cut_at: int | None = None  # close the connection after so many bytes
    stall_at: int | None = None  # fall silent after so many bytes
    headers: dict[str, str] = field(default_factory=dict)


class Server(ThreadingHTTPServer):
    """Answers by path; the last answer of a path repeats."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.release = threading.Event()
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._answers: dict[str, list[Answer]] = {}
        self._guard = threading.Lock()

    def serve(self, path: str, *answers: Answer) -> str:
        """Script the answers of `path`; return its address."""
        self._answers[path] = list(answers)
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def next_answer(self, path: str, headers: dict[str, str]) -> Answer:
        with self._guard:
            self.asked.append((path, headers))
            queue = self._answers.get(path) or [Answer(b"", status=404)]
            return queue.pop(0) if len(queue) > 1 else queue[0]

    def ranges_asked(self) -> list[str | None]:
        return [headers.get("Range") for _, headers in self.asked]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.close_connection = True
        answer = self.server.next_answer(self.path, dict(self.headers))
        start = self._start(answer)
        rest = answer.body[start:]
        self.send_response(206 if start else answer.status)
        self._send_heads(answer, start, rest)
        self._send_body(answer, rest)

    def _start(self, answer: Answer) -> int:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        if asked is None or not answer.ranges or answer.status != 200:
            return 0
        return int(asked[1]) if condition in (answer.etag, answer.modified) else 0

    def _send_heads(self, answer: Answer, start: int, rest: bytes) -> None:
        if start:
            true = f"bytes {start}-{len(answer.body) - 1}/{len(answer.body)}"
            self.send_header("Content-Range", answer.content_range or true)
        if answer.etag:
            self.send_header("ETag", answer.etag)
        if answer.modified:
            self.send_header("Last-Modified", answer.modified)
        if not answer.no_length:
            length = len(rest) if answer.length is None else answer.length
            self.send_header("Content-Length", str(length))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        # Unannounced, the close would race with the client's next use of the socket.
        self.send_header("Connection", "close")
        self.end_headers()

    def _send_body(self, answer: Answer, rest: bytes) -> None:
        if answer.stall_at is not None:
            self.wfile.write(rest[: answer.stall_at])
            self.server.release.wait(20)
            return
        self.wfile.write(rest[: answer.cut_at])

    def log_message(self, *args: object) -> None:
        """Silence."""
