"""One HTTP exchange with a stranger, from connecting to the message that was waited for.

Nothing here raises for what a server does: an exchange records it, and the checks judge the record.
`http.client` reads the status line, the headers and the chunks; what it reads from is bounded in time
and bytes, so that neither a slow stream nor an endless one gets past it.
"""

import http.client
import io
import socket
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, cast
from urllib.parse import urlsplit

from validator import VERSION
from validator.decoding import Decoded, decode
from validator.endpoint import Endpoint
from validator.event_stream import EventStream
from validator.limits import Budget, BytesExceeded

JSON = "application/json"
EVENT_STREAM = "text/event-stream"
PORTION = 64 * 1024

EraName = Literal["modern", "legacy"]
"""How a server speaks: statelessly (2026-07-28 and later), or with an `initialize` handshake."""

FaultKind = Literal[
    "unreachable",  # no connection came about
    "silent",  # connected, and no answer came in time
    "closed",  # connected, and closed before an answer
    "not_http",  # what came is no HTTP
    "time",  # an answer began and did not end in time
    "bytes",  # more came than may come
    "truncated",  # the body ended before it was whole
    "encoding",  # the body's content encoding is unknown or broken
]


@dataclass(frozen=True)
class Fault:
    """What cut an exchange short."""

    kind: FaultKind
    found: str


@dataclass(frozen=True)
class Request:
    """What is sent. `expects` is the JSON-RPC id whose answer is waited for; without it no body is read.

    `at` names the request where findings are told; `era` and `rpc_method` are what it says in MCP's terms.
    """

    at: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    expects: int | None = None
    seconds: float = 8.0
    era: EraName | None = None
    rpc_method: str | None = None


@dataclass(frozen=True)
class Exchange:
    """What a server did with a request. `message` is there once a whole message has come."""

    request: Request
    path: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    message: Decoded | None = None
    fault: Fault | None = None
    foreign_requests: int = 0
    """JSON-RPC requests that the server sent on the stream before it answered."""
    first_event: str | None = None

    @property
    def at(self) -> str:
        """Where in the conversation this was."""
        return self.request.at

    @property
    def media_type(self) -> str:
        """The answer's media type, lower case, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def ok(self) -> bool:
        """Whether the status says success."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def overran(self) -> bool:
        """Whether the answer went past a bound that no era excuses: that is hostile, whatever was asked."""
        kinds = {problem.kind for problem in self.message.problems} if self.message else set()
        return bool(kinds & {"depth", "values"}) or (self.fault is not None and self.fault.kind == "bytes")

    @property
    def envelope(self) -> dict[str, Any] | None:
        """The message, if it is sound and an object."""
        if self.message is None or not self.message.sound or not isinstance(self.message.value, dict):
            return None
        return self.message.value

    @property
    def result(self) -> dict[str, Any] | None:
        """The JSON-RPC result, if it is an object."""
        result = (self.envelope or {}).get("result")
        return result if isinstance(result, dict) else None

    @property
    def error_code(self) -> int | None:
        """The code of the JSON-RPC error, if there is one."""
        error = (self.envelope or {}).get("error")
        code = error.get("code") if isinstance(error, dict) else None
        return code if isinstance(code, int) else None


def send(endpoint: Endpoint, request: Request, budget: Budget) -> Exchange:
    """Send a request, follow at most a few redirects within the same origin, and record what came.

    Only 307 and 308 are followed: they keep the method. A `Location` elsewhere is never asked.
    """
    exchange = _send_once(endpoint, request, request.path, budget)
    for _ in range(budget.limits.redirects):
        path = _same_origin_path(endpoint, request, exchange)
        if path is None:
            break
        exchange = _send_once(endpoint, request, path, budget)
    return exchange


def _same_origin_path(endpoint: Endpoint, request: Request, exchange: Exchange) -> str | None:
    if exchange.status not in {307, 308} or exchange.fault is not None:
        return None
    try:
        target = urlsplit(exchange.headers.get("location", ""))
    except ValueError:
        return None
    own = {endpoint.host, request.headers.get("Host", endpoint.host)}
    if (target.scheme or target.netloc) and (target.scheme != "http" or target.netloc not in own):
        return None
    path = target.path + (f"?{target.query}" if target.query else "")
    usable = path.startswith("/") and path.isascii() and path.isprintable() and " " not in path
    return path if usable and path != exchange.path else None


def _send_once(endpoint: Endpoint, request: Request, path: str, budget: Budget) -> Exchange:
    exchange = Exchange(request, path)
    deadline = min(budget.clock() + request.seconds, budget.deadline)
    if budget.remaining() <= 0:
        return replace(exchange, fault=Fault("time", "the run's time was over"))
    family = socket.AF_INET6 if ":" in endpoint.address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        wire = _Wire(connection, deadline, budget)
        try:
            connection.settimeout(max(0.001, deadline - budget.clock()))
            connection.connect((endpoint.address, endpoint.port))
        except OSError as error:
            return replace(exchange, fault=Fault("unreachable", _reason(error)))
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(_request_bytes(endpoint, request, path))
        except OSError as error:
            # A server may answer, and close, before it has read the whole request: look for the answer.
            if not isinstance(error, (BrokenPipeError, ConnectionResetError)):
                return replace(exchange, fault=Fault("silent", _reason(error)))
        return _receive(exchange, wire, budget)


def _reason(error: OSError) -> str:
    return (
        "no answer in time" if isinstance(error, TimeoutError) else (error.strerror or type(error).__name__)
    )


def _request_bytes(endpoint: Endpoint, request: Request, path: str) -> bytes:
    headers = {
        "Host": endpoint.host,
        "User-Agent": f"toolshed-validator/{VERSION}",
        "Connection": "close",
        "Accept-Encoding": "identity",
        **request.headers,
    }
    if request.body:
        headers["Content-Length"] = str(len(request.body))
    lines = [f"{request.method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body


class _Wire(io.RawIOBase):
    """A connection's incoming bytes, each read bounded by one deadline and by the run's bytes."""

    def __init__(self, connection: socket.socket, deadline: float, budget: Budget) -> None:
        self._connection = connection
        self._deadline = deadline
        self._budget = budget
        self._header_bytes_left: int | None = budget.limits.header_bytes
        self.received = 0

    def headers_are_read(self) -> None:
        """From here on only the run's bytes count: the body has a bound of its own."""
        self._header_bytes_left = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes; raise `TimeoutError` at the deadline and `BytesExceeded` past the bounds."""
        left = self._deadline - self._budget.clock()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        count = self._connection.recv_into(buffer)
        self.received += count
        self._budget.spend(count)
        if self._header_bytes_left is not None:
            self._header_bytes_left -= count
            if self._header_bytes_left < 0:
                raise BytesExceeded
        return count


class _Socket(Protocol):
    """What `http.client.HTTPResponse` takes as a socket."""

    def makefile(self, mode: str) -> io.BufferedReader: ...


@dataclass(frozen=True)
class _WireSocket:
    wire: _Wire

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002 - http.client passes "rb"
        return io.BufferedReader(self.wire, 8192)


def _receive(exchange: Exchange, wire: _Wire, budget: Budget) -> Exchange:
    """Read the answer's head, then what of its body is wanted."""
    socket_like: _Socket = _WireSocket(wire)
    response = http.client.HTTPResponse(cast("socket.socket", socket_like), method=exchange.request.method)
    try:
        response.begin()
    except BytesExceeded:
        return replace(exchange, fault=Fault("bytes", "headers without end"))
    except TimeoutError:
        return replace(exchange, fault=_late(wire, budget))
    except (http.client.RemoteDisconnected, ConnectionError):
        return replace(exchange, fault=Fault("closed", "the connection was closed without an answer"))
    except (http.client.HTTPException, ValueError) as error:
        return replace(exchange, fault=Fault("not_http", f"{type(error).__name__}: {error}"))
    except OSError as error:
        return replace(exchange, fault=Fault("closed", _reason(error)))
    wire.headers_are_read()
    headers = {name.lower(): value for name, value in reversed(response.getheaders())}
    exchange = replace(exchange, status=response.status, headers=headers)
    if exchange.request.expects is None and exchange.request.method != "GET":
        return exchange
    try:
        return _read_message(exchange, response, budget)
    except BytesExceeded:
        return replace(
            exchange,
            fault=Fault(
                "bytes",
                f"more than {budget.limits.body_bytes} bytes in a body, or {budget.limits.run_bytes} in all",
            ),
        )
    except TimeoutError:
        return replace(exchange, fault=Fault("time", "the body did not end in time"))
    except zlib.error as error:
        return replace(exchange, fault=Fault("encoding", f"broken compression: {error}"))
    except _EncodingError as error:
        return replace(exchange, fault=Fault("encoding", f"the unknown content encoding {error}"))
    except (http.client.HTTPException, OSError):
        return replace(exchange, fault=Fault("truncated", "the body ended before it was whole"))


def _late(wire: _Wire, budget: Budget) -> Fault:
    """Tell a server that says nothing from one that was cut short, by its own time or by the run's."""
    if wire.received:
        return Fault("time", "no whole answer in time")
    if budget.bytes_read and budget.remaining() <= 0:
        return Fault("time", "the run's time was over before the answer")
    return Fault("silent", "no answer in time")


def _read_message(exchange: Exchange, response: http.client.HTTPResponse, budget: Budget) -> Exchange:
    body = _body(response, exchange.headers, budget)
    if exchange.media_type == EVENT_STREAM:
        return _read_events(exchange, body, budget)
    data = b"".join(body)
    if not data.strip():
        return exchange
    return replace(exchange, message=decode(data, budget.limits))


def _read_events(exchange: Exchange, body: Iterator[bytes], budget: Budget) -> Exchange:
    """Read events until the one that answers the request; what else the server sends is passed over."""
    stream = EventStream()
    for portion in body:
        for event in stream.feed(portion):
            if exchange.request.expects is None:
                return replace(exchange, first_event=event.type)
            if event.type != "message" or not event.data.strip():
                continue
            message = decode(event.data, budget.limits)
            value = message.value
            if not message.sound or not isinstance(value, dict) or "method" not in value:
                return replace(exchange, message=message)
            if "id" in value:
                exchange = replace(exchange, foreign_requests=exchange.foreign_requests + 1)
    return exchange


class _EncodingError(ValueError):
    """A content encoding that nobody asked for and that cannot be undone here."""


def _body(response: http.client.HTTPResponse, headers: Mapping[str, str], budget: Budget) -> Iterator[bytes]:
    """Return the body in portions, decompressed, never more than a body may have.

    Raises `BytesExceeded` before reading what is announced to be too long, and while reading what is.
    """
    encoding = headers.get("content-encoding", "identity").strip().lower() or "identity"
    limit = budget.limits.body_bytes
    if response.length is not None and response.length > limit:
        raise BytesExceeded
    portions = _raw_portions(response)
    if encoding in {"gzip", "x-gzip", "deflate"}:
        portions = _decompressed(portions, budget)
    elif encoding != "identity":
        raise _EncodingError(encoding)
    total = 0
    for portion in portions:
        total += len(portion)
        if total > limit:
            raise BytesExceeded
        yield portion


def _raw_portions(response: http.client.HTTPResponse) -> Iterator[bytes]:
    # http.client counts the length down only in newer versions when read1 is used: it is counted here.
    left = response.length
    while left is None or left > 0:
        portion = response.read1(PORTION if left is None else min(PORTION, left))
        if not portion:
            if left:
                raise http.client.IncompleteRead(b"", left)
            return
        if left is not None:
            left -= len(portion)
        yield portion


def _decompressed(portions: Iterator[bytes], budget: Budget) -> Iterator[bytes]:
    undo = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # tells gzip and zlib apart by their headers
    for portion in portions:
        pending = portion
        out = b""
        # A full portion may leave more behind, even when all input was taken.
        while not undo.eof and (pending or len(out) == PORTION):
            out = undo.decompress(pending, PORTION)
            pending = undo.unconsumed_tail
            budget.spend(len(out))
            yield out
    if not undo.eof:
        raise zlib.error("the compressed body is not whole")
