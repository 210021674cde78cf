"""A server on FastMCP: `fastmcp_server.py PORT`."""

from __future__ import annotations

import sys

from fastmcp import FastMCP  # type: ignore[import-not-found]  # in an environment of its own

server = FastMCP("fastmcp-server")


@server.tool  # type: ignore[untyped-decorator]
def add(left: int, right: int) -> int:
    """Add two numbers."""
    return left + right


if __name__ == "__main__":
    server.run(transport="http", host="0.0.0.0", port=int(sys.argv[1]))  # noqa: S104 - what a container needs
