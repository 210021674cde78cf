"""A server on the official Python SDK, version 2, as its documentation shows it."""

# mypy: ignore-errors
# Runs in an environment of its own: what it imports is not installed here.

import sys

from mcp.server import MCPServer

server = MCPServer("python-sdk")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def greet(name: str) -> str:
    """Greet somebody."""
    return f"Hello, {name}"


server.run(transport="streamable-http", host="0.0.0.0", port=int(sys.argv[1]))  # noqa: S104 - as in a container
