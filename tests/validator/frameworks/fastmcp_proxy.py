"""FastMCP as a proxy before a server of stdin and stdout."""

# mypy: ignore-errors
# Runs in an environment of its own: what it imports is not installed here.

import sys

from fastmcp.server import create_proxy

configuration = {"mcpServers": {"inner": {"command": sys.argv[2], "args": sys.argv[3:]}}}
create_proxy(configuration, name="proxy").run(transport="http", host="0.0.0.0", port=int(sys.argv[1]))  # noqa: S104 - as in a container
