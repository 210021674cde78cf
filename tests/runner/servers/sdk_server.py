"""A server on the official SDK for Python: `sdk_server.py PORT`. Speaks both ways of the protocol."""

from __future__ import annotations

import sys

from mcp.server import MCPServer  # type: ignore[import-not-found]  # in an environment of its own
from mcp.server.transport_security import TransportSecuritySettings  # type: ignore[import-not-found]  # in an environment of its own

server = MCPServer("sdk-server")


@server.tool()  # type: ignore[untyped-decorator]
def add(left: int, right: int) -> int:
    """Add two numbers."""
    return left + right


if __name__ == "__main__":
    server.run(
        transport="streamable-http",
        host="0.0.0.0",  # noqa: S104 - what a container needs
        port=int(sys.argv[1]),
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
