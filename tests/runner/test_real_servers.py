"""Servers of many makers, from PyPI and npm, through the whole pipeline: each gets its verdict.

They are installed, pinned, into `.cache/servers`, which takes some minutes and 1.5 GB once; install scripts of npm
are not run. A server without credentials of its own is enough: none of their tools is called.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.pipeline import Outcome, Request
from runner.services.stand_ins import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.session import Session

ROOT = Path(__file__).parent.parent.parent
CACHE = ROOT / ".cache/servers"
SCRIPTS = Path(__file__).parent / "servers"
BOTH, LEGACY = ["modern", "legacy"], ["legacy"]
pytestmark = [pytest.mark.slow]


@dataclass(frozen=True)
class Server:
    """A server, how it is installed and started, and what its verdict must say."""

    maker: str
    registry: str
    packages: str
    command: str
    """`{bin}` is the folder of its programs, `{scripts}` that of this project's own."""
    eras: list[str] | None
    """How it speaks; None where it must be rejected."""
    failed: str | None = None
    """The check that rejects it."""


SERVERS = [
    Server("Model Context Protocol", "pypi", "mcp==2.3.0", "{bin}/python {scripts}/sdk_server.py {port}", BOTH),
    Server("Prefect", "pypi", "fastmcp==4.0.11", "{bin}/python {scripts}/fastmcp_server.py {port}", BOTH),
    Server("Rudra Ravi", "pypi", "wikipedia-mcp==2.0.1", "{bin}/wikipedia-mcp --transport http --host 0.0.0.0 --port {port}", BOTH),
    Server("Nick Clyde", "pypi", "duckduckgo-mcp-server==0.7.0", "{bin}/duckduckgo-mcp-server --transport streamable-http --host 0.0.0.0 --port {port}", BOTH),
    Server("MotherDuck", "pypi", "mcp-server-motherduck==1.1.0", "{bin}/mcp-server-motherduck --transport http --host 0.0.0.0 --port {port} --read-write", BOTH),
    Server("Haris Musa", "pypi", "excel-mcp-server==2.2.2", "{bin}/excel-mcp-server streamable-http --host 0.0.0.0 --port {port} --allow-unauthenticated", BOTH),
    Server("Model Context Protocol", "npm", "@modelcontextprotocol/server-everything@2026.8.31", "{bin}/mcp-server-everything streamableHttp", LEGACY),
    Server("Upstash", "npm", "@upstash/context7-mcp@4.1.1", "{bin}/context7-mcp --transport http --port {port}", BOTH),
    Server("Microsoft", "npm", "@playwright/mcp@0.0.83", "{bin}/playwright-mcp --host 0.0.0.0 --port {port} --headless --allowed-hosts *", LEGACY),
    Server("Ant Group", "npm", "@antv/mcp-server-chart@0.9.10", "{bin}/mcp-server-chart -t streamable -h 0.0.0.0 -p {port}", LEGACY),
    Server("Brave", "npm", "@brave/brave-search-mcp-server@2.1.4", "{bin}/brave-search-mcp-server --transport http --host 0.0.0.0 --port {port} --brave-api-key none", LEGACY),
    Server("Casey Hand", "npm", "@cyanheads/git-mcp-server@2.15.3", "env MCP_TRANSPORT_TYPE=http MCP_HTTP_HOST=0.0.0.0 MCP_HTTP_PORT={port} {bin}/git-mcp-server", LEGACY),
    Server("MongoDB", "npm", "mongodb-mcp-server@3.0.4", "env MDB_MCP_TRANSPORT=http MDB_MCP_HTTP_HOST=0.0.0.0 MDB_MCP_HTTP_PORT={port} MDB_MCP_DANGEROUS_HOST_BINDING=true {bin}/mongodb-mcp-server", BOTH),
    Server("hustcc", "npm", "mcp-mermaid@0.4.1", "{bin}/mcp-mermaid -t streamable -H 0.0.0.0 -p {port}", LEGACY),
    Server("Microsoft, guarding its host", "npm", "@playwright/mcp@0.0.83", "{bin}/playwright-mcp --host 0.0.0.0 --port {port} --headless", None, "endpoint.status"),
    Server("Model Context Protocol, the older transport", "npm", "@modelcontextprotocol/server-everything@2026.8.31", "{bin}/mcp-server-everything sse", None, "endpoint.transport"),
]  # fmt: skip


def installed(server: Server) -> Path:
    """Install a server into the cache, where it is not there yet; return the folder of its programs."""
    folder = CACHE / server.packages.replace("/", "_").replace("@", "_").replace("=", "_")
    done = folder / "done"
    programs = folder / ("bin" if server.registry == "pypi" else "node_modules/.bin")
    if done.exists():
        return programs
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if server.registry == "pypi":
        _run([sys.executable, "-m", "venv", str(folder)], folder)
        _run([str(programs / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", server.packages], folder)  # fmt: skip
    else:
        (folder / "package.json").write_text("{}")
        _run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", server.packages], folder)
    done.touch()
    return programs


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{command[0]} could not install it here: {(done.stderr or done.stdout).strip()[-300:]}")


def request(server: Server) -> Request:
    """Ask for an execution on a server."""
    programs = installed(server)
    command = server.command.replace("{bin}", str(programs)).replace("{scripts}", str(SCRIPTS))
    name = "".join(letter for letter in server.maker if letter.isalnum())
    given = {"serverId": f"real/{name}", "repositoryName": name, "originalRepositoryName": f"real/{name}"}
    return Request(given, Source(command=tuple(shlex.split(command))))


@pytest.fixture(params=SERVERS, ids=lambda server: f"{server.maker}: {server.packages}")
def judged(
    request_of: Any, request: pytest.FixtureRequest, session: Session
) -> Iterator[tuple[Server, Outcome]]:
    """Run one server through the pipeline."""
    server: Server = request.param
    ((_, outcome),) = session.run([request_of(server)], 1)
    if isinstance(outcome, BaseException):
        raise outcome
    yield server, outcome
    session.pipeline.forget(outcome)


@pytest.fixture
def request_of() -> Any:
    """Return what asks for an execution on a server."""
    return request


def test_a_real_server_gets_its_verdict(judged: tuple[Server, Outcome]) -> None:
    """Verified with the right eras, or rejected by the right check; and nothing of it is left."""
    server, outcome = judged
    assert outcome.record is not None
    if server.eras is None:
        assert ("server", server.failed) == (outcome.fault, outcome.verdict["failed"])
    else:
        assert (None, "verified", server.eras) == (outcome.execution.error, outcome.record["outcome"], outcome.verdict["eras"])  # fmt: skip
        assert outcome.verdict["toolCount"] > 0
    assert not [task for task in outcome.tasks if task.is_alive]


def test_there_are_enough_makers() -> None:
    """Ten at least, from both registries, and some that speak both ways."""
    assert len({server.maker for server in SERVERS if server.eras}) >= 10
    assert {"pypi", "npm"} == {server.registry for server in SERVERS}
    assert any(server.eras == BOTH for server in SERVERS)
