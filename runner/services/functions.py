"""Lambda here: the deployed package, unpacked, its handler called in a process of its own for each invocation.

The package, its handler, timeout and memory are those that the emulator's Lambda was given. Every invocation is a
cold start; the Python is this machine's.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sys
import threading
import time
import urllib.request
import uuid
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.processes import Command, Process, ProcessError
from runner.services.call import failed
from runner.services.log_streams import LogStreams, times_of
from states_language.interpreter import TaskFailed, Took

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.emulator import Emulator
    from runner.processes import Exit
    from runner.services.call import Call

SCRIPT = Path(__file__).with_name("function_process.py")
RESPONSE_BYTES = 6 << 20
"""What a function may answer. Evidence: documentation (Lambda quotas)."""


@dataclass(frozen=True)
class Function:
    """A version of a function, unpacked."""

    arn: str
    folder: Path
    configuration: Mapping[str, Any]


@dataclass
class Functions:
    """Invokes functions. Safe to be asked from any thread."""

    emulator: Emulator
    logs: LogStreams
    folder: Path
    addresses: Callable[[], Mapping[str, int]]
    """The local port behind each address that this machine does not have."""
    _known: dict[str, Function] = field(default_factory=dict)
    _running: set[Process] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def close(self) -> None:
        """End every invocation."""
        for process in list(self._running):
            process.close()

    def invoke(self, call: Call) -> Any:
        """Answer `lambda:invoke`."""
        function = self._function(call.parameters["FunctionName"])
        timeout = function.configuration["Timeout"]
        request_id = str(uuid.uuid4())
        folder = self.folder / request_id
        folder.mkdir(parents=True)
        request = self._request(function, call, request_id, time.time() + timeout)
        (folder / "request.json").write_text(json.dumps(request))
        began = time.monotonic()
        try:
            self._say(request, f"START RequestId: {request_id} Version: {request['functionVersion']}")
            following = self.logs.follow(request["logGroup"], request["logStream"], folder / "function.log")
            with contextlib.closing(following):
                process = self._start(function, folder)
                self._running.add(process)
                try:
                    ended = process.wait(min(timeout, call.seconds_left))
                    seconds = time.monotonic() - began
                finally:
                    process.close()
                    self._running.discard(process)
            self._report(request, seconds)
            if ended is None and seconds < timeout:
                return Took(float("inf"))
            return self._answer(function, folder, ended, request_id)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _report(self, request: Mapping[str, Any], seconds: float) -> None:
        """Say how long it took, as Lambda does. Evidence: documentation ("Using the Lambda CloudWatch logs")."""
        request_id, milliseconds = request["requestId"], seconds * 1000
        self._say(request, f"END RequestId: {request_id}")
        billed = f"Billed Duration: {ceil(milliseconds)} ms\tMemory Size: {request['memory']} MB"
        self._say(request, f"REPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms\t{billed}")
        self.logs.flush()

    def _say(self, request: Mapping[str, Any], line: str) -> None:
        self.logs.put(request["logGroup"], request["logStream"], int(time.time() * 1000), line)

    def _answer(self, function: Function, folder: Path, ended: Exit | None, request_id: str) -> Any:
        """Return what the handler gave, or fail as Lambda does."""
        cause = _what_went_wrong(folder, ended, function.configuration["Timeout"], request_id)
        if cause is not None:
            # Evidence for the names: documentation (Lambda error handling in Step Functions), users' reports.
            raise TaskFailed(cause["errorType"], json.dumps(cause))
        payload = json.loads((folder / "response.json").read_bytes())["payload"]
        return {
            "ExecutedVersion": function.configuration["Version"],
            "Payload": payload,
            "SdkHttpMetadata": {"HttpStatusCode": 200},
            "SdkResponseMetadata": {"RequestId": request_id},
            "StatusCode": 200,
        }

    def _function(self, name: str) -> Function:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the help needs no botocore

        with self._lock:
            if name in self._known:
                return self._known[name]
            try:
                found = self.emulator.client("lambda").get_function(FunctionName=name)
            except (ClientError, BotoCoreError) as error:
                raise failed("Lambda", error) from error
            # The address names `localhost`, which need not be this machine's 127.0.0.1.
            path = found["Code"]["Location"].partition("/_ministack/")[2]
            with urllib.request.urlopen(f"{self.emulator.url}/_ministack/{path}", timeout=10) as answer:  # noqa: S310 - an own http address
                content = answer.read()
            folder = self.folder / f"code-{len(self._known)}"
            with zipfile.ZipFile(io.BytesIO(content)) as package:
                package.extractall(folder)
            function = self._known[name] = Function(name, folder, found["Configuration"])
            return function

    def _request(self, function: Function, call: Call, request_id: str, deadline: float) -> dict[str, Any]:
        configuration = function.configuration
        return {
            "handler": configuration["Handler"],
            "payload": call.parameters.get("Payload", {}),
            "deadline": deadline,
            "functionName": configuration["FunctionName"],
            "functionVersion": configuration["Version"],
            "functionArn": function.arn,
            "memory": configuration["MemorySize"],
            "requestId": request_id,
            "logGroup": configuration.get("LoggingConfig", {}).get("LogGroup", ""),
            # Evidence for the form: documentation (Lambda Developer Guide, "Configuring CloudWatch log groups").
            "logStream": f"{datetime.now(UTC):%Y/%m/%d}/{configuration['FunctionName']}[{configuration['Version']}][{uuid.uuid4().hex}]",
            "addresses": dict(self.addresses()),
        }

    def _start(self, function: Function, folder: Path) -> Process:
        configuration = function.configuration
        (folder / "tmp").mkdir()
        env = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "HOME": str(folder / "tmp"),
            "TMPDIR": str(folder / "tmp"),
            "AWS_LAMBDA_FUNCTION_NAME": configuration["FunctionName"],
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration["MemorySize"]),
            "LAMBDA_TASK_ROOT": str(function.folder),
            **configuration.get("Environment", {}).get("Variables", {}),
        }
        argv = [
            sys.executable,
            "-I",
            "-S",
            str(SCRIPT),
            str(folder / "request.json"),
            str(folder / "response.json"),
        ]
        log = folder / "function.log"
        memory = configuration["MemorySize"]
        command = Command(argv, function.folder, log, env, memory, times=str(times_of(log)))
        try:
            return Process(command)
        except ProcessError as error:
            raise TaskFailed("Lambda.ServiceException", str(error)) from error


def _what_went_wrong(
    folder: Path, ended: Exit | None, timeout: int, request_id: str
) -> dict[str, Any] | None:
    """Return an invocation's error as Lambda words it; None where there is none."""
    prefix = f"RequestId: {request_id} Error:"
    if ended is None:
        return {
            "errorType": "Sandbox.Timedout",
            "errorMessage": f"{prefix} Task timed out after {timeout}.00 seconds",
        }
    response = folder / "response.json"
    if not response.exists():
        how = f"signal: {ended}" if ended.signal else f"exit status {ended.code}"
        return {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"{prefix} Runtime exited with error: {how}",
        }
    if response.stat().st_size > RESPONSE_BYTES:
        return {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": "Response payload size exceeded maximum allowed payload size"}  # fmt: skip
    error: dict[str, Any] | None = json.loads(response.read_bytes()).get("error")
    return error
