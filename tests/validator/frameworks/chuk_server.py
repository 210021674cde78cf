"""A server on chuk-mcp-server, as its documentation shows it."""

# mypy: ignore-errors
# Runs in an environment of its own: what it imports is not installed here.

import sys

from chuk_mcp_server import ChukMCPServer

server = ChukMCPServer("chuk")


@server.tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


server.run(host="0.0.0.0", port=int(sys.argv[1]))  # noqa: S104 - as in a container
