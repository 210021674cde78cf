"""A server on minimcp, as its documentation shows it."""

# mypy: ignore-errors
# Runs in an environment of its own: what it imports is not installed here.

import sys

import uvicorn
from minimcp import HTTPTransport, MiniMCP

server = MiniMCP(name="minimcp", version="1.0.0")
transport = HTTPTransport(server)


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


uvicorn.run(transport.as_starlette("/mcp"), host="0.0.0.0", port=int(sys.argv[1]))  # noqa: S104 - as in a container
