"""Speak MCP: build each request as its era wants it, and send it."""

import json
from dataclasses import dataclass, replace
from typing import Any

from validator import VERSION
from validator.checks.check import LAST_LEGACY_REVISION, MODERN_REVISION
from validator.endpoint import Endpoint
from validator.limits import Budget
from validator.transport import EVENT_STREAM, JSON, EraName, Exchange, Request, send

CLIENT_INFO = {"name": "toolshed-validator", "version": VERSION}


@dataclass(frozen=True)
class Line:
    """How a server is spoken to: where, under which `Host`, in which era and session."""

    endpoint: Endpoint
    budget: Budget
    path: str
    host_header: str
    era: EraName = "modern"
    version: str = MODERN_REVISION
    session: str | None = None

    def ask(
        self, method: str, params: dict[str, Any] | None = None, *, seconds: float | None = None
    ) -> Exchange:
        """Send a JSON-RPC request and wait for its answer."""
        number = self.budget.next_id()
        message: dict[str, Any] = {
            "jsonrpc": "2.0",
            "id": number,
            "method": method,
            "params": {**(params or {})},
        }
        if self.era == "modern":
            message["params"]["_meta"] = {
                "io.modelcontextprotocol/protocolVersion": self.version,
                "io.modelcontextprotocol/clientInfo": CLIENT_INFO,
                "io.modelcontextprotocol/clientCapabilities": {},
            }
        return self._post(method, message, number, seconds)

    def notify(self, method: str) -> Exchange:
        """Send a JSON-RPC notification; its answer's body is not read."""
        return self._post(method, {"jsonrpc": "2.0", "method": method}, None, None)

    def _post(
        self, method: str, message: dict[str, Any], number: int | None, seconds: float | None
    ) -> Exchange:
        headers = {"Host": self.host_header, "Content-Type": JSON, "Accept": f"{JSON}, {EVENT_STREAM}"}
        if self.era == "modern":
            headers |= {"MCP-Protocol-Version": self.version, "Mcp-Method": method}
        elif method != "initialize":
            headers["MCP-Protocol-Version"] = self.version
        if self.session is not None:
            headers["Mcp-Session-Id"] = self.session
        request = Request(
            at=f"POST {self.path} {method}",
            method="POST",
            path=self.path,
            headers=headers,
            body=json.dumps(message).encode("ascii"),
            expects=number,
            seconds=self.budget.limits.request_seconds if seconds is None else seconds,
            era=self.era,
            rpc_method=method,
        )
        return send(self.endpoint, request, self.budget)

    def discover(self) -> Exchange:
        """Ask, the modern way, who the server is: older servers refuse this, or say nothing."""
        modern = replace(self, era="modern", version=MODERN_REVISION, session=None)
        return modern.ask("server/discover", seconds=self.budget.limits.probe_seconds)

    def initialize(self, *, seconds: float | None = None) -> Exchange:
        """Begin a session the way that was usual before 2026-07-28."""
        legacy = replace(self, era="legacy", version=LAST_LEGACY_REVISION, session=None)
        params = {"protocolVersion": LAST_LEGACY_REVISION, "capabilities": {}, "clientInfo": CLIENT_INFO}
        return legacy.ask("initialize", params, seconds=seconds)

    def open_stream(self) -> Exchange:
        """Open a stream of events with GET, as the transport of 2024-11-05 begins, and wait for one event."""
        request = Request(
            at=f"GET {self.path}",
            method="GET",
            path=self.path,
            headers={"Host": self.host_header, "Accept": EVENT_STREAM},
            seconds=min(2.0, self.budget.limits.probe_seconds),
        )
        return send(self.endpoint, request, self.budget)

    def end_session(self) -> None:
        """Give a session back; whether the server takes it does not matter."""
        if self.session is not None:
            headers = {
                "Host": self.host_header,
                "MCP-Protocol-Version": self.version,
                "Mcp-Session-Id": self.session,
            }
            request = Request(
                at=f"DELETE {self.path}", method="DELETE", path=self.path, headers=headers, seconds=1.0
            )
            send(self.endpoint, request, self.budget)
