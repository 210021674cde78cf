"""What a build finds on its PATH as docker, aws, git and timeout: it asks the runner, and does what that answers.

A script of its own, started as `python -I -S stand_in.py PROGRAM ARGUMENTS…`.
"""

import json
import os
import socket
import sys
from pathlib import Path


def main() -> int:
    """Send the call to the runner; print its answer, and end with its exit code."""
    request = {
        "build": os.environ.get("TOOLSHED_BUILD", ""),
        "argv": sys.argv[1:],
        "cwd": str(Path.cwd()),
        "input": "" if "--password-stdin" not in sys.argv else sys.stdin.read(65536),
    }
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(os.environ["TOOLSHED_STAND_INS"])
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as answer:
                response = json.loads(answer.readline())
    except (OSError, KeyError, ValueError) as error:
        sys.stderr.write(f"{sys.argv[1]}: the local build is over ({error})\n")
        return 125
    sys.stdout.write(response["output"])
    sys.stderr.write(response["error"])
    return int(response["code"])


if __name__ == "__main__":
    sys.exit(main())
