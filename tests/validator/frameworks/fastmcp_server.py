"""A server on FastMCP, as its documentation shows it, with a tool, a resource and a prompt."""

# mypy: ignore-errors
# Runs in an environment of its own: what it imports is not installed here.

import sys

from fastmcp import FastMCP

server = FastMCP("fastmcp")


@server.tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.resource("data://config")
def config() -> str:
    """Give the configuration."""
    return "{}"


@server.prompt
def ask(topic: str) -> str:
    """Ask about a topic."""
    return f"What is {topic}?"


server.run(transport="http", host="0.0.0.0", port=int(sys.argv[1]))  # noqa: S104 - as in a container
