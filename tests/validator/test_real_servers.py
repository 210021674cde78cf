"""Real servers of many makers: all that are honest are verified, with the tools that the official client lists."""

import shutil
import time

import pytest

from tests.validator import oracles
from tests.validator.real_servers import RealServer, load
from validator.endpoint import parse_endpoint
from validator.handler import judge
from validator.limits import Limits

pytestmark = pytest.mark.servers

# The Inspector declares more capabilities than a client must, and is shown one tool more.
INSPECTOR_DIFFERS = {"server-everything": 14}
NEEDS_CREDENTIALS = {"atlassian"}
SLOW_BY_THEMSELVES = {
    "fastmcp-typescript": "waits up to a second for capabilities that no client has to declare",
    "firecrawl": "is made with the same framework",
    "git-fastmcp-proxy": "starts a process for each session",
    "filesystem-supergateway": "starts a process for each request",
}


@pytest.fixture(scope="module")
def official() -> None:
    """Install the official tools."""
    oracles.install()


@pytest.mark.parametrize("server", load(), ids=lambda server: server.name)
def test_real_server(server: RealServer, official: None) -> None:  # noqa: ARG001 - installs the tools
    """The verdict, the count of tools and the official tools agree, and an ordinary server takes under a second."""
    if server.registry == "npm" and shutil.which("npm") is None:
        pytest.skip("npm is not on this machine")
    server.install()
    with server.running() as port:
        # The first time it may still be starting; of the others the best counts, on a busy machine.
        verdict = judge(parse_endpoint(f"http://127.0.0.1:{port}"), Limits(total_seconds=60), {})
        seconds = min(_seconds(port) for _ in range(3))
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


def _seconds(port: int) -> float:
    began = time.monotonic()
    judge(parse_endpoint(f"http://127.0.0.1:{port}"), Limits(total_seconds=60), {})
    return time.monotonic() - began


def test_there_are_enough_servers() -> None:
    """At least 25 servers, of at least 20 makers and 10 ways to speak MCP."""
    servers = load()
    assert len(servers) >= 25
    assert len({server.maker for server in servers}) >= 20
    assert len({server.framework for server in servers}) >= 10
