"""One invocation of a Lambda function written in Python. A script of its own: `function_process.py REQUEST RESPONSE`.

It imports the package as Lambda does, from its folder, calls the handler, and writes what came of it. `addresses`
in the request maps an address that this machine does not have to a local port, for connections to it.
"""

import importlib
import json
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any


class Context:
    """What a handler is told of its invocation."""

    def __init__(self, request: dict[str, Any]):
        self._deadline = request["deadline"]
        self.function_name = request["functionName"]
        self.function_version = request["functionVersion"]
        self.invoked_function_arn = request["functionArn"]
        self.memory_limit_in_mb = str(request["memory"])
        self.aws_request_id = request["requestId"]
        self.log_group_name = request["logGroup"]
        self.log_stream_name = request["logStream"]

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the function is ended."""
        return max(0, int((self._deadline - time.time()) * 1000))


def lead(addresses: dict[str, int]) -> None:
    """Let connections to an address of the map reach the local port behind it."""
    connect = socket.socket.connect

    def led(self: socket.socket, place: Any) -> None:
        if isinstance(place, tuple) and place[0] in addresses:
            place = ("127.0.0.1", addresses[place[0]])
        connect(self, place)

    socket.socket.connect = led  # type: ignore[assignment, method-assign]  # this process is ours alone


def main() -> None:
    """Invoke the handler, and write its result or its error."""
    request = json.loads(Path(sys.argv[1]).read_bytes())
    sys.path.insert(0, str(Path.cwd()))
    if request["addresses"]:
        lead(request["addresses"])
    try:
        module, _, name = request["handler"].rpartition(".")
        handler = getattr(importlib.import_module(module), name)
        answer = {"payload": handler(request["payload"], Context(request))}
        text = json.dumps(answer)
    except Exception as error:  # noqa: BLE001 - as Lambda does: every error of the function becomes its answer
        trace = traceback.format_exc()
        sys.stderr.write(trace)
        text = json.dumps(
            {
                "error": {
                    "errorMessage": str(error),
                    "errorType": type(error).__name__,
                    "stackTrace": trace.splitlines(),
                }
            }
        )
    partial = Path(f"{sys.argv[2]}.partial")
    partial.write_text(text)
    partial.replace(sys.argv[2])


if __name__ == "__main__":
    main()
