"""A server on zeromcp, as its documentation shows it."""

# mypy: ignore-errors
# Runs in an environment of its own: what it imports is not installed here.

import sys
import time

from zeromcp import McpServer

server = McpServer("zeromcp")


@server.tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


server.serve("0.0.0.0", int(sys.argv[1]))  # noqa: S104 - as in a container
while True:
    time.sleep(1)
