"""A small MCP server that speaks both ways of the protocol, on the standard library alone.

It offers one tool, `greet`. The stateless revision 2026-07-28 is spoken with clients that ask for it, the older
handshake with the others. Listens on every address of its container, on $PORT, or on 8000.
"""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODERN = "2026-07-28"
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26")
SERVER_INFO = {"name": "greeter", "version": "1.0.0"}
GREET = {
    "name": "greet",
    "title": "Greet somebody",
    "description": "Return a greeting for a person.",
    "inputSchema": {
        "type": "object",
        "properties": {"name": {"type": "string", "description": "Whom to greet.", "maxLength": 100}},
        "required": ["name"],
        "additionalProperties": False,
    },
    "annotations": {"readOnlyHint": True, "openWorldHint": False},
}
INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, HEADER_MISMATCH = -32600, -32601, -32602, -32020
MAX_BODY = 1 << 20


class RpcError(Exception):
    """An error of JSON-RPC, and the HTTP status that it travels with."""

    def __init__(self, code: int, message: str, status: int = 200):
        super().__init__(message)
        self.code = code
        self.status = status


def initialize(params: dict[str, Any]) -> dict[str, Any]:
    """Answer the older handshake, in the client's revision where it is known."""
    asked = params.get("protocolVersion")
    return {
        "protocolVersion": asked if asked in LEGACY else LEGACY[0],
        "capabilities": {"tools": {}},
        "serverInfo": SERVER_INFO,
    }


def discover(_params: dict[str, Any]) -> dict[str, Any]:
    """Say which revisions there are, and what is offered."""
    return {
        "supportedVersions": [MODERN, *LEGACY],
        "capabilities": {"tools": {}},
        "serverInfo": SERVER_INFO,
        "_meta": {"io.modelcontextprotocol/serverInfo": SERVER_INFO},
        "ttlMs": 60_000,
        "cacheScope": "public",
    }


def list_tools(_params: dict[str, Any]) -> dict[str, Any]:
    """List the one tool."""
    return {"tools": [GREET], "ttlMs": 60_000, "cacheScope": "public"}


def call_tool(params: dict[str, Any]) -> dict[str, Any]:
    """Greet."""
    name = (params.get("arguments") or {}).get("name")
    if params.get("name") != "greet" or not isinstance(name, str):
        raise RpcError(INVALID_PARAMS, "greet takes a name")
    return {"content": [{"type": "text", "text": f"Hello, {name}!"}]}


METHODS = {
    "initialize": initialize,
    "server/discover": discover,
    "ping": lambda _params: {},
    "tools/list": list_tools,
    "tools/call": call_tool,
}


class Handler(BaseHTTPRequestHandler):
    """Takes one JSON-RPC message with each POST to /mcp."""

    protocol_version = "HTTP/1.1"
    server_version = "greeter"

    def do_POST(self) -> None:
        """Answer a message."""
        length = int(self.headers.get("Content-Length") or 0)
        if self.path != "/mcp" or not 0 < length <= MAX_BODY:
            self._send(404 if self.path != "/mcp" else 413, None)
            return
        try:
            message = json.loads(self.rfile.read(length))
        except ValueError:
            self._send(400, {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "not JSON"}})
            return
        if not isinstance(message, dict) or message.get("id") is None:
            self._send(202, None)
            return
        status, answer = self._answer(message)
        self._send(status, {"jsonrpc": "2.0", "id": message["id"], **answer})

    def do_GET(self) -> None:
        """Offer no stream of the server's own."""
        self._send(405, None)

    def _answer(self, message: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        params = message.get("params") or {}
        is_modern = "io.modelcontextprotocol/protocolVersion" in (params.get("_meta") or {})
        try:
            result = self._called(message.get("method", ""), params, is_modern=is_modern)
        except RpcError as error:
            return error.status, {"error": {"code": error.code, "message": str(error)}}
        return 200, {"result": {"resultType": "complete", **result} if is_modern else result}

    def _called(self, name: str, params: dict[str, Any], *, is_modern: bool) -> dict[str, Any]:
        if is_modern and self.headers.get("Mcp-Method", name) != name:
            raise RpcError(HEADER_MISMATCH, "Mcp-Method names another method", 400)
        method = METHODS.get(name)
        if method is None or (is_modern and name in {"initialize", "ping"}):
            raise RpcError(METHOD_NOT_FOUND, "unknown method", 404 if is_modern else 200)
        return method(params)

    def _send(self, status: int, body: dict[str, Any] | None) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if data:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, template: str, *values: Any) -> None:
        """Log to standard output, where the container's log is taken from."""
        print(template % values, flush=True)  # noqa: T201 - a server's log


class Server(ThreadingHTTPServer):
    """Serves each client in a thread."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell an error of the server's own; a client that went away is none."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def main() -> None:
    """Serve until the container is stopped."""
    port = int(os.environ.get("PORT", "8000"))
    server = Server(("0.0.0.0", port), Handler)  # noqa: S104 - in a container, nobody reaches less
    print(f"greeter listens on {port}", flush=True)  # noqa: T201
    server.serve_forever()


if __name__ == "__main__":
    main()
