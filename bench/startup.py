"""How long commands take from their start to their first request to AWS: `python bench/startup.py [COMMAND …]`.

A server on this machine stands in for AWS, and notes when it is first asked. What is measured is Python's start, the
imports, the documents' check, and the client; not the network. Ends with 3 where a command takes longer than it may.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
MOST_MILLISECONDS = 300
"""On a quiet machine."""
RUNS = 9
COMMANDS = {
    "deploy": ["deploy", "--yes", "--allow-uncommitted", "--bucket", "b"],
    "events": ["events"],
    "publish": ["publish", "--allow-uncommitted", "--bucket", "b"],
}


def main(names: list[str]) -> int:
    """Measure, print a table, and return the exit code."""
    print(
        f"{'command':12} {'fastest':>9} {'median':>9} {'processor':>9}   of {RUNS} runs, up to the first request"
    )
    is_slow = False
    for name in names or COMMANDS:
        found = [first_request(COMMANDS[name]) for _ in range(RUNS)]
        times = [taken * 1000 for taken, _ in found]
        # What the machine's other work takes is in the times, and not in this.
        worked = statistics.median(processor for _, processor in found) * 1000
        judged = "   too slow" if min(times) > MOST_MILLISECONDS else ""
        is_slow = is_slow or bool(judged)
        print(f"{name:12} {min(times):6.0f} ms {statistics.median(times):6.0f} ms {worked:6.0f} ms{judged}")
    return 3 if is_slow else 0


def first_request(arguments: list[str]) -> tuple[float, float]:
    """Return the seconds from a command's start to its first request, and those that a processor worked for it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.devnull,
            "AWS_ACCESS_KEY_ID": "123456789012",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        begin = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "build.py"), *arguments, "--endpoint-url", url],
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
    return taken, usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
