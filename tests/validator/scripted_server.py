"""A server that does what a test tells it: honest by default, in either era, and spoilt where a test wants it."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

SERVER_INFO = {"name": "scripted", "version": "1.0"}
TOOL = {
    "name": "add",
    "description": "Adds two numbers.",
    "inputSchema": {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}},
}


@dataclass(frozen=True)
class Received:
    """A request as the server got it."""

    method: str
    path: str
    headers: Mapping[str, str]
    message: Any

    @property
    def rpc(self) -> str:
        """The JSON-RPC method, or the HTTP one where there is none."""
        return self.message.get("method", self.method) if isinstance(self.message, dict) else self.method

    @property
    def id(self) -> Any:
        """The JSON-RPC id."""
        return self.message.get("id") if isinstance(self.message, dict) else None

    @property
    def modern(self) -> bool:
        """Whether it was asked the way that 2026-07-28 has."""
        return "mcp-method" in self.headers


@dataclass(frozen=True)
class Reply:
    """An answer: a message, or a body that is not one; `raw` takes the place of the whole HTTP answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    message: Any = None
    body: Iterable[bytes] | None = None
    length: int | None = None
    raw: Iterable[bytes] | None = None

    def portions(self) -> Iterator[bytes]:
        """Return the bytes of the answer, as they are sent."""
        if self.raw is not None:
            yield from self.raw
            return
        body = self.body
        headers = dict(self.headers)
        if body is None:
            data = b"" if self.message is None else json.dumps(self.message).encode()
            body, headers = (
                [data],
                {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers},
            )
        elif self.length is not None:
            headers = {"Content-Length": str(self.length), **headers}
        lines = [f"HTTP/1.1 {self.status} Whatever", *(f"{name}: {value}" for name, value in headers.items())]
        yield "\r\n".join([*lines, "", ""]).encode("latin-1")
        yield from body


Behaviour = Callable[[Received, Reply], Reply]


@dataclass(frozen=True)
class Honest:
    """What an honest server answers."""

    eras: tuple[str, ...] = ("modern", "legacy")
    tools: tuple[Any, ...] = (TOOL,)
    path: str = "/mcp"
    session: str | None = None
    capabilities: Mapping[str, Any] = field(default_factory=lambda: {"tools": {}})
    version: str = "2025-11-25"

    def reply(self, received: Received) -> Reply:
        """Return the answer to a request."""
        if received.path.partition("?")[0] != self.path:
            return Reply(404, {"Content-Type": "text/plain"}, body=[b"not found"], length=9)
        if received.method != "POST":
            return Reply(405, {"Content-Type": "text/plain"}, body=[b""], length=0)
        if received.modern and "modern" not in self.eras:
            return self._error(received, 400, -32000, "Bad Request: no session")
        if not received.modern and "legacy" not in self.eras:
            return self._error(received, 400, -32020, "Header mismatch: MCP-Protocol-Version is missing")
        if received.id is None:
            return Reply(202, {"Content-Length": "0"}, body=[b""])
        result = self._result(received)
        if result is None:
            return self._error(received, 404 if received.modern else 200, -32601, "Method not found")
        headers = {"Mcp-Session-Id": self.session} if self.session and received.rpc == "initialize" else {}
        return Reply(200, headers, {"jsonrpc": "2.0", "id": received.id, "result": result})

    def _error(self, received: Received, status: int, code: int, message: str) -> Reply:
        return Reply(
            status, {}, {"jsonrpc": "2.0", "id": received.id, "error": {"code": code, "message": message}}
        )

    def _result(self, received: Received) -> dict[str, Any] | None:
        modern = {
            "resultType": "complete",
            "ttlMs": 0,
            "cacheScope": "public",
            "_meta": {"io.modelcontextprotocol/serverInfo": SERVER_INFO},
        }
        common = modern if received.modern else {}
        if received.rpc == "server/discover" and received.modern:
            return {**common, "supportedVersions": ["2026-07-28"], "capabilities": dict(self.capabilities)}
        if received.rpc == "initialize" and not received.modern:
            return {
                "protocolVersion": self.version,
                "capabilities": dict(self.capabilities),
                "serverInfo": SERVER_INFO,
            }
        if received.rpc == "tools/list":
            return {**common, "tools": list(self.tools)}
        if received.rpc in {"resources/list", "prompts/list"}:
            return {**common, received.rpc.partition("/")[0]: []}
        return None


def as_events(reply: Reply, *, before: bytes = b"") -> Reply:
    """Return the same answer as a stream of events."""
    data = b"event: message\r\ndata: " + json.dumps(reply.message).encode() + b"\r\n\r\n"
    headers = {**reply.headers, "Content-Type": "text/event-stream"}
    return replace(reply, headers=headers, message=None, body=[before, data])


class ScriptedServer:
    """A listening server on a free port of the loopback, for one `with` block.

    `spoil` gets each request and the honest answer, and returns the answer that is sent. Until it has started,
    after so many seconds, connections are refused.
    """

    def __init__(
        self, honest: Honest | None = None, spoil: Behaviour | None = None, *, starts_after: float = 0
    ) -> None:
        self.honest = honest or Honest()
        self.spoil = spoil or (lambda _, reply: reply)
        self.received: list[Received] = []
        self.stopping = threading.Event()
        self._starts_after = starts_after
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", 0))
        if not starts_after:
            self._listener.listen(64)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        if self._starts_after:  # bound and not listening: the port refuses
            time.sleep(self._starts_after)
            self._listener.listen(64)
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            received = _read_request(connection)
            if received is None:
                return
            self.received.append(received)
            for portion in self.spoil(received, self.honest.reply(received)).portions():
                if self.stopping.is_set():
                    return
                connection.sendall(portion)


def _read_request(connection: socket.socket) -> Received | None:
    with connection.makefile("rb") as stream:
        first = stream.readline().decode("latin-1").split()
        if len(first) != 3:
            return None
        headers = {}
        for line in iter(stream.readline, b"\r\n"):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
        return Received(first[0], first[1], headers, json.loads(body) if body else None)
