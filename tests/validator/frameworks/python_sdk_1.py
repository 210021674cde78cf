"""A server on the official Python SDK, version 1, as its documentation shows it."""

# mypy: ignore-errors
# Runs in an environment of its own: what it imports is not installed here.

import sys

from mcp.server.fastmcp import FastMCP

server = FastMCP("python-sdk-1", host="0.0.0.0", port=int(sys.argv[1]))  # noqa: S104 - as in a container


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


server.run(transport="streamable-http")
