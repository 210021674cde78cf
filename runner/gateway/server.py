"""The endpoint: takes every request, answers some, and hands the others on to the emulator."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Protocol

from runner.emulator import EmulatorError
from runner.gateway import protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from runner.emulator import Emulator

HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
"""What belongs to one connection. Evidence: RFC 9110, section 7.6.1."""
FROM_BROWSERS = ("Origin", "Sec-Fetch-Site")
"""What a browser sends on a page's behalf, and no client of AWS does."""
CHUNK = 1 << 16
EMULATOR_SECONDS = 300
IDLE_SECONDS = 600


class Service(Protocol):
    """Answers some operations of a service of AWS."""

    service: str
    """Its name, as boto3 has it."""

    @property
    def operations(self) -> Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        """What is answered; each may raise `ApiError`."""


@dataclass
class Gateway:
    """An endpoint that is served."""

    emulator: Emulator
    services: Sequence[Service]
    port: int = 0
    _open: set[socket.socket] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._by_prefix = {
            self.emulator.client(each.service).meta.service_model.metadata["targetPrefix"]: each
            for each in self.services
        }

    @property
    def url(self) -> str:
        """Where the APIs are."""
        return f"http://127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def serving(self) -> Iterator[Gateway]:
        """Serve on the loopback interface. Raises `EmulatorError` where the port is taken."""
        gateway = self

        class Handler(_Handler):
            def __init__(self, *given: Any):
                self.gateway = gateway
                self.upstream: http.client.HTTPConnection | None = None
                super().__init__(*given)

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

        try:
            server = Server(("127.0.0.1", self.port), Handler)
        except OSError as error:
            raise EmulatorError(f"port {self.port} cannot be served ({error.strerror or error})") from error
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            self._hang_up()

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> protocol.Answer | None:
        """Answer a request; None where it is the emulator's to answer."""
        asked = protocol.Asked.of(path, headers)
        service = self._by_prefix.get(asked.prefix) if asked is not None else None
        operation = service.operations.get(asked.operation) if service and asked else None
        if asked is None or service is None or operation is None:
            return None
        model = self.emulator.client(service.service).meta.service_model.operation_model(asked.operation)
        try:
            return protocol.written(asked, model, operation(protocol.read(asked, model, body)))
        except protocol.ApiError as error:
            return protocol.refused(asked, model, error)
        except Exception as error:  # noqa: BLE001 - a defect of ours is told to whoever asked, as AWS tells its own
            told = protocol.ApiError("InternalFailure", f"{type(error).__name__}: {error}")
            return protocol.refused(asked, model, told, 500)

    def opened(self, connection: socket.socket) -> None:
        """Take note of a connection."""
        with self._lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._lock:
            self._open.discard(connection)

    def _hang_up(self) -> None:
        """End the connections that clients keep open."""
        with self._lock:
            left = list(self._open)
        for connection in left:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """One client's connection, and the one to the emulator that belongs to it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    gateway: Gateway
    upstream: http.client.HTTPConnection | None

    def setup(self) -> None:
        """Begin a connection."""
        super().setup()
        self.gateway.opened(self.connection)

    def finish(self) -> None:
        """End a connection."""
        self.gateway.closed(self.connection)
        if self.upstream is not None:
            self.upstream.close()
        with contextlib.suppress(OSError):
            super().finish()

    def log_message(self, *_given: Any) -> None:
        """Say nothing."""

    def handle_one_request(self) -> None:
        """Handle a request; a client that is gone wants no answer."""
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def serve(self) -> None:
        """Answer a request, or hand it on."""
        body = self._body()
        answer = self._refused() or self.gateway.answer(self.path, self.headers, body)  # type: ignore[arg-type] # a message is a mapping
        if answer is None:
            self._forward(body)
            return
        self.send_response_only(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = serve  # noqa: N815 - http.server's names

    def _refused(self) -> protocol.Answer | None:
        """Refuse a page that somebody looks at on this machine: what it could ask for runs commands here."""
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        is_own = host in {"127.0.0.1", "localhost"} or host.endswith(".localhost")
        if is_own and not any(name in self.headers for name in FROM_BROWSERS):
            return None
        message = f"a local run answers AWS's clients on this machine, no pages and no other names than its own ({host})"
        return protocol.Answer(403, {"Content-Type": "text/plain", "Connection": "close"}, message.encode())

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = bytearray()
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return bytes(found)

    def _forward(self, body: bytes) -> None:
        response = self._asked(body)
        self.send_response_only(response.status, response.reason)
        names = {name.lower() for name, _ in response.getheaders()}
        for name, value in response.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        has_body = self.command != "HEAD" and response.status >= 200 and response.status not in {204, 304}
        is_chunked = has_body and "content-length" not in names
        if is_chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while has_body and (data := response.read1(CHUNK)):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if is_chunked else data)
            self.wfile.flush()
        response.read()
        if is_chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _asked(self, body: bytes) -> http.client.HTTPResponse:
        """Send the request on; a connection that the emulator has closed meanwhile is made anew."""
        if self.upstream is not None:
            with contextlib.suppress(http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                return self._sent(self.upstream, body)
            self.upstream.close()
        self.upstream = http.client.HTTPConnection(
            "127.0.0.1", self.gateway.emulator.port, timeout=EMULATOR_SECONDS
        )
        return self._sent(self.upstream, body)

    def _sent(self, upstream: http.client.HTTPConnection, body: bytes) -> http.client.HTTPResponse:
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in HOP_BY_HOP | {"content-length", "expect"}:
                upstream.putheader(name, value)
        if body or "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            upstream.putheader("Content-Length", str(len(body)))
        upstream.endheaders(body or None)
        return upstream.getresponse()
