"""A gate before the emulator: it lets calls through, and holds the one that a test wants to interrupt."""

from __future__ import annotations

import http.client
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 60


@dataclass
class Gate:
    """Where the calls go through, and which one is held."""

    target: str
    url: str = ""
    held: str = ""
    """The operation that is held: `DeleteStack`, `UpdateStateMachineAlias`, `PUT` for an upload."""
    does_reach: bool = True
    """Whether the held call reaches AWS before it is held, or never does."""
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """Operations that are answered here: status and body."""
    calls: list[str] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def hold(self, operation: str, *, reaches: bool = True) -> None:
        """Hold the next call of an operation."""
        self.arrived.clear()
        self.opened.clear()
        self.does_reach, self.held = reaches, operation

    def wait(self) -> None:
        """Wait until the call is here that is held."""
        assert self.arrived.wait(SECONDS), f"{self.held} was not called: {self.calls}"

    def release(self) -> None:
        """Let all calls through again."""
        self.held = ""
        self.opened.set()

    def passes(self, operation: str) -> bool:
        """Hold the call where it is the one; tell whether it is to be forwarded after that."""
        self.calls.append(operation)
        return operation != self.held or self.does_reach

    def stop_at(self, operation: str) -> None:
        """Hold what was forwarded, or was not, until the test says so."""
        if operation == self.held:
            self.arrived.set()
            self.opened.wait(SECONDS)


def operation_of(method: str, headers: Any, body: bytes) -> str:
    """Return what a request asks for, in any of AWS's protocols."""
    target: str = headers.get("X-Amz-Target", "")
    if target:
        return target.rpartition(".")[2]
    if headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        return parse_qs(body.decode()).get("Action", [method])[0]
    return method


@contextmanager
def gate_before(target: str) -> Iterator[Gate]:
    """Open a gate before an emulator."""
    gate = Gate(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            if self.headers.get("Expect", "").lower() == "100-continue":
                self.send_response_only(100)
                self.end_headers()
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            operation = operation_of(self.command, self.headers, body)
            if operation in gate.answers:
                self.answer(*gate.answers[operation], {"content-type": "text/xml"})
                return
            answer = self.ask(body) if gate.passes(operation) else (500, b"", {})
            gate.stop_at(operation)
            self.answer(*answer)

        def ask(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
            place = urlsplit(gate.target)
            connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=SECONDS)
            headers = {
                key: value
                for key, value in self.headers.items()
                if key.lower() not in ("expect", "connection")
            }
            connection.request(self.command, self.path, body, headers)
            found = connection.getresponse()
            content = found.read()
            connection.close()
            return found.status, content, dict(found.getheaders())

        def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            try:
                self.send_response_only(status)
                for key, value in headers.items():
                    if key.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(key, value)
                is_head = self.command == "HEAD"
                length = (
                    headers.get("content-length", headers.get("Content-Length", "0"))
                    if is_head
                    else str(len(body))
                )
                self.send_header("Content-Length", length)
                self.end_headers()
                if not is_head:
                    self.wfile.write(body)
            except OSError:  # whoever asked was ended by the test
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = forward  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Say nothing of connections that a killed process leaves."""

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        gate.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield gate
        finally:
            gate.release()
            server.shutdown()
