"""An MCP server that misbehaves as it is told: `scripted.py BEHAVIOUR PORT`. Run as a task by the tests."""

from __future__ import annotations

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BEHAVIOUR, PORT = sys.argv[1], int(sys.argv[2])
TOOL = {"name": "a", "description": "A tool.", "inputSchema": {"type": "object"}}


class Handler(BaseHTTPRequestHandler):
    """Speaks the older handshake, as far as the behaviour goes."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer, or not."""
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method = message.get("method")
        if BEHAVIOUR == "silent":
            time.sleep(600)
        if BEHAVIOUR == "html":
            self.send(200, b"<html>hello</html>", "text/html")
        elif method == "initialize":
            self.answer(message, {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "s", "version": "1"}})  # fmt: skip
            if BEHAVIOUR == "exits-after-handshake":
                self.wfile.flush()
                os._exit(0)
        elif method == "tools/list":
            self.tools(message)
        elif "id" not in message:
            self.send(202, b"", "application/json")
        else:
            error = {"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": "unknown"}}
            self.send(200, json.dumps(error).encode(), "application/json")

    def tools(self, message: dict[str, Any]) -> None:
        """List tools, each behaviour in its way."""
        if BEHAVIOUR == "endless-body":
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(1 << 30))
            self.end_headers()
            while True:
                self.wfile.write(b" " * 65536)
        if BEHAVIOUR == "memory":
            held = [bytearray(1 << 20) for _ in range(600)]
            for block in held:
                block[::4096] = b"x" * len(block[::4096])
            time.sleep(30)
        pages: dict[str, dict[str, Any]] = {
            "endless-pages": {"tools": [TOOL], "nextCursor": str(time.time())},
            "no-schema": {"tools": [{"name": "a"}]},
        }
        self.answer(message, pages.get(BEHAVIOUR, {"tools": [TOOL]}))

    def answer(self, message: dict[str, Any], result: dict[str, Any]) -> None:
        """Answer a request with a result."""
        body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()
        self.send(200, body, "application/json")

    def send(self, status: int, body: bytes, kind: str) -> None:
        """Send a whole response."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve, or crash, or never begin."""
    if BEHAVIOUR == "crashes":
        sys.exit("Traceback: no such module")
    if BEHAVIOUR == "never-listens":
        time.sleep(600)
    address = "127.0.0.1" if BEHAVIOUR == "loopback-only" else "0.0.0.0"  # noqa: S104 - what a container needs
    ThreadingHTTPServer((address, PORT), Handler).serve_forever()


if __name__ == "__main__":
    main()
