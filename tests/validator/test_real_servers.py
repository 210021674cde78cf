"""Real servers of many makers: all that are honest are verified, with the tools that the official client lists."""

import time

import pytest

from tests.validator import oracles
from tests.validator.real_servers import RealServer, load
from validator.endpoint import parse_endpoint
from validator.handler import judge
from validator.limits import Limits

pytestmark = pytest.mark.slow

# The Inspector declares more capabilities than a client must, and is shown one tool more; and it lists nothing
# of mcp-lite, without an error (docs/validator/agreement.md).
INSPECTOR_DIFFERS = {"server-everything": 14, "mcp-lite": 0}
NEEDS_CREDENTIALS = {"atlassian"}
SLOW_BY_THEMSELVES = {
    "firecrawl": "waits a second for capabilities in each request",
    "git-fastmcp-proxy": "starts a process each time",
}


@pytest.fixture(scope="module")
def official() -> None:
    """Install the official tools."""
    oracles.install()


@pytest.mark.parametrize("server", load(), ids=lambda server: server.name)
def test_real_server(server: RealServer, official: None) -> None:  # noqa: ARG001 - installs the tools
    """The verdict, the count of tools and the official tools agree, and an ordinary server takes under a second."""
    server.install()
    with server.running() as port:
        judge(parse_endpoint(f"http://127.0.0.1:{port}"), Limits(total_seconds=60), {})
        began = time.monotonic()
        verdict = judge(parse_endpoint(f"http://127.0.0.1:{port}"), Limits(total_seconds=60), {})
        seconds = time.monotonic() - began
        opinion = oracles.ask(f"http://localhost:{port}{verdict['endpoint']['path'] or '/mcp'}")
    if server.name in NEEDS_CREDENTIALS:
        assert ("needs_policy", "auth.required") == (verdict["outcome"], verdict["failed"])
        return
    assert ("verified", None, verdict["message"]) == (
        verdict["outcome"],
        verdict["failed"],
        verdict["message"],
    )
    assert (opinion.client, opinion.client_legacy) == (verdict["toolCount"],) * 2
    assert opinion.inspector == INSPECTOR_DIFFERS.get(server.name, verdict["toolCount"])
    assert ("pass", "pass") == opinion.conformance
    assert seconds < 1 or server.name in SLOW_BY_THEMSELVES


def test_there_are_enough_servers() -> None:
    """At least 25 servers, of at least 20 makers and 10 ways to speak MCP."""
    servers = load()
    assert len(servers) >= 25
    assert len({server.maker for server in servers}) >= 20
    assert len({server.framework for server in servers}) >= 10
