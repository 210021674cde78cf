"""What a run costs, measured in a process of its own: time to load, memory, and whom it asks."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import validator
from tests.validator.hostile_cases import SIZE, TIME, Case, honestly, tool, tools
from tests.validator.scripted_server import Honest, ScriptedServer

ROOT = Path(validator.__file__).parents[1]
ORDINARY_MEGABYTES, HOSTILE_MEGABYTES = 64, 100

# Not getrusage: its peak begins with that of the process that made this one.
MEASURE = r"""
import json, pathlib, re, sys
from validator.handler import handler
verdict = handler({"endpoint": sys.argv[1]}, None)
status = pathlib.Path("/proc/self/status").read_text()
peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024
print(json.dumps({"peak": peak, "failed": verdict["failed"]}))
"""


def measured(url: str, seconds: float = 4) -> dict[str, Any]:
    """Judge in a fresh process without compiled files, as a cold start has it; tell its peak of memory."""
    environment = {**os.environ, "TIME_LIMIT_SECONDS": str(seconds), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-B", "-c", MEASURE, url]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def test_an_ordinary_server_is_cheap() -> None:
    """A server of 50 tools takes 64 MB; how long loading takes is among the figures."""
    described = tool(description="Does something useful with numbers. " * 40)
    honest = tools(*({**described, "name": f"tool_{number}"} for number in range(50)))
    with ScriptedServer(honest) as server:
        figures = measured(server.url)
    assert figures["failed"] is None
    assert figures["peak"] < ORDINARY_MEGABYTES


@pytest.mark.soak
@pytest.mark.parametrize("case", [*SIZE, *TIME], ids=lambda case: case.name)
def test_a_hostile_server_is_bounded(case: Case) -> None:
    """With the bounds that the Lambda has, no behaviour takes more than 100 MB."""
    with ScriptedServer(case.honest, case.spoil()) as server:
        figures = measured(server.url, seconds=2)
    assert figures["peak"] < HOSTILE_MEGABYTES


@pytest.mark.soak
def test_the_largest_honest_server_is_bounded() -> None:
    """500 tools in almost 4 MiB, on two eras, stay within the memory that a hostile server has too."""
    properties = {f"parameter_{number}": {"type": "string", "description": "x" * 60} for number in range(60)}
    large = tool(inputSchema={"type": "object", "properties": properties})
    honest = tools(*({**large, "name": f"tool_{number}"} for number in range(500)))
    with ScriptedServer(honest, honestly()) as server:
        figures = measured(server.url, seconds=60)  # its memory is what counts, on a busy machine too
    assert ("limits.tools" if figures["failed"] else None) == figures["failed"]
    assert figures["peak"] < HOSTILE_MEGABYTES


NAMESPACE = """
import json, socket, threading
from tests.validator.hostile_cases import REDIRECTS, TOOLS
from tests.validator.scripted_server import ScriptedServer
from validator.endpoint import parse_endpoint
from validator.handler import judge
from validator.limits import Limits

reached = []
def listen(address):
    listener = socket.create_server((address, 80))
    def accept():
        while True:
            listener.accept()
            reached.append(address)
    threading.Thread(target=accept, daemon=True).start()

for address in ("169.254.169.254", "169.254.170.2", "127.0.0.2"):
    listen(address)
socket.create_connection(("169.254.169.254", 80)).close()
judged = 0
for case in [*REDIRECTS, *TOOLS]:
    with ScriptedServer(case.honest, case.spoil()) as server:
        judge(parse_endpoint(server.url), Limits(total_seconds=3), {})
        judged += 1
print(json.dumps({"reached": reached, "judged": judged}))
"""


@pytest.mark.slow
def test_nobody_listens_in_vain_at_the_metadata_addresses() -> None:
    """In a network of its own, with listeners at the metadata addresses, only the test itself reaches one."""
    script = textwrap.dedent(
        """
        ip link set lo up
        ip address add 169.254.169.254/32 dev lo
        ip address add 169.254.170.2/32 dev lo
        exec "$0" -c "$1"
        """
    )
    unshare = ["unshare", "--net", "--map-root-user"]
    if (
        subprocess.run(
            [*unshare, "sh", "-c", "ip link set lo up"], capture_output=True, check=False
        ).returncode
        != 0
    ):
        pytest.skip("this machine lets nobody make a network of their own")
    done = subprocess.run(
        [*unshare, "sh", "-c", script, sys.executable, NAMESPACE],
        capture_output=True, text=True, check=True, cwd=ROOT, timeout=300,
    )  # fmt: skip
    outcome = json.loads(done.stdout)
    assert ["169.254.169.254"] == outcome["reached"]
    assert outcome["judged"] > 60


@pytest.mark.soak
def test_fuzzing_finds_nothing() -> None:
    """The laws of the readers hold for new data, for as long as FUZZ_SECONDS says (20 s unless set)."""
    command = [sys.executable, "-m", "tests.validator.fuzz", os.environ.get("FUZZ_SECONDS", "20")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (0, "") == (done.returncode, done.stderr)


def test_honest_is_the_default() -> None:
    """The measured server is verified at all."""
    with ScriptedServer(Honest()) as server:
        assert measured(server.url)["failed"] is None
