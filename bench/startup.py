"""How long commands take from their start to their first request to AWS: `python bench/startup.py [COMMAND …]`.

A server on this machine stands in for AWS, and notes when it is first asked. What is measured is Python's start, the
imports, the documents' check, and the client; not the network.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:Pipeline:one"
COMMANDS = {
    "deploy": ["deploy", "--yes", "--allow-uncommitted", "--bucket", "b"],
    "publish": ["publish", "--allow-uncommitted", "--bucket", "b"],
    "events": ["events"],
    "start": ["start", "--repository", "owner/name", "--server-id", "one"],
    "execution": ["execution", EXECUTION],
    "executions": ["executions"],
    "logs": ["logs", EXECUTION],
    "status": ["status"],
}
ALONE = "botocore alone"
CLIENT = """
import sys, botocore.session
session = botocore.session.get_session()
session.create_client("cloudformation", endpoint_url=sys.argv[-1]).describe_stacks()
"""
"""What any Python program takes that asks AWS something through botocore."""


@dataclass(frozen=True)
class Start:
    """How long a command took to its first request: seconds of CPU and of wall time, as medians."""

    name: str
    cpu: float
    wall: float


def measure(names: list[str] | None = None, *, runs: int) -> list[Start]:
    """Start each command so often, and in turns."""
    programs = {
        name: [str(ROOT / "build.py"), *COMMANDS[name], "--endpoint-url"] for name in names or COMMANDS
    } | {ALONE: ["-c", CLIENT]}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for _ in range(runs):
        for name, taken in found.items():
            taken.append(first_request(programs[name]))
    return [
        Start(name, *(statistics.median(column) for column in zip(*taken, strict=True)))
        for name, taken in found.items()
    ]


def first_request(program: list[str]) -> tuple[float, float]:
    """Return the seconds that a processor worked up to a program's first request, and those that went by.

    The address to ask is the program's last argument.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.devnull,
            "AWS_ACCESS_KEY_ID": "123456789012",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",  # what botocore itself reads
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        begin = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *program, url],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            connection, _ = server.accept()
            taken = time.perf_counter() - begin
            connection.close()
        finally:
            process.kill()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = status
    return usage.ru_utime + usage.ru_stime, taken


if __name__ == "__main__":
    for start in measure(sys.argv[1:], runs=9):
        print(f"{start.name:14} {start.cpu * 1000:6.0f} ms CPU {start.wall * 1000:6.0f} ms")
