"""The emulator of AWS: its environment, its start, its end.

MiniStack runs in an environment of its own, because it pins botocore; on the loopback interface only; with no
credentials, no Docker and none of the caller's environment; in a folder that is removed with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.processes import Command, Process, ProcessError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ENVIRONMENT = Path(".venv-ministack")
REQUIREMENTS = Path("requirements-ministack.txt")
STAMP = ".requirements"
LOCK = Path(".cache/ministack.lock")
SCRIPT = Path(__file__).with_name("emulator_process.py")

REGION = "us-east-1"
ACCOUNT = "123456789012"
"""MiniStack takes the account from the access key."""
SECRET = "none"  # noqa: S105 - the emulator checks none
START_SECONDS = 30.0
STOP_SECONDS = 3.0


class EmulatorError(Exception):
    """The emulator cannot be made, started or reached; the message is for the person at the terminal."""


@dataclass
class Emulator:
    """A running emulator, and its clients."""

    process: Process
    port: int
    _clients: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        """Where its APIs are."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service; made once, safe to be shared by threads."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._new_client(service)
            return self._clients[service]

    def _new_client(self, service: str) -> Any:
        import boto3  # noqa: PLC0415 - a third of a second that the help does not need
        from botocore.config import Config  # noqa: PLC0415

        session = boto3.session.Session(
            aws_access_key_id=ACCOUNT, aws_secret_access_key=SECRET, region_name=REGION
        )
        config = Config(
            retries={"total_max_attempts": 1},
            connect_timeout=5,
            read_timeout=60,
            max_pool_connections=64,
            s3={"addressing_style": "path"},
            inject_host_prefix=False,
            ignore_configured_endpoint_urls=True,
            proxies={},
        )
        return session.client(service, endpoint_url=self.url, config=config)


def make_environment(root: Path, tell: Callable[[str], None]) -> Path:
    """Return the Python of the emulator's environment, which is made first where it is missing or has other pins.

    Raises `EmulatorError`.
    """
    environment = root / ENVIRONMENT
    python = environment / "bin" / "python"
    try:
        wanted = hashlib.sha256((root / REQUIREMENTS).read_bytes()).hexdigest()
        with _alone(root / LOCK):
            if _stamp(environment) == wanted and python.exists():
                return python
            tell(f"making {ENVIRONMENT} (once; some 140 MB)")
            _install(environment, python, root / REQUIREMENTS)
            (environment / STAMP).write_text(wanted)
    except OSError as error:
        raise EmulatorError(f"{error.filename or environment}: {error.strerror}") from error
    return python


def _stamp(environment: Path) -> str | None:
    try:
        return (environment / STAMP).read_text()
    except OSError:
        return None


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process at a time make the environment."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _install(environment: Path, python: Path, requirements: Path) -> None:
    shutil.rmtree(environment, ignore_errors=True)
    for command in (
        [sys.executable, "-m", "venv", str(environment)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(requirements)],
    ):  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(environment, ignore_errors=True)
            last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
            raise EmulatorError(
                f"the emulator could not be installed into {ENVIRONMENT} ({last}); "
                f"is the package index reachable? what is needed stands in {REQUIREMENTS}"
            )


def start(python: Path, folder: Path, port: int = 0, settings: Mapping[str, str] | None = None) -> Emulator:
    """Start the emulator and wait until it answers; its files and its log are put into a folder.

    `port` 0 lets the system choose; `settings` are variables of MiniStack's own. Raises `EmulatorError`.
    """
    _check_loopback()
    ready, log = folder / "ready.json", folder / "emulator.log"
    scratch = folder / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    command = Command(
        [str(python), "-I", str(SCRIPT), str(port), str(ready)],
        cwd=scratch,
        log=log,
        log_bytes=8 << 20,
        remove=str(folder),
        env={
            "PATH": os.defpath,
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            "BIND_HOST": "127.0.0.1",
            # No container is ever started: a socket that is not there.
            "DOCKER_HOST": f"unix://{scratch}/no-docker.sock",
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "S3_DATA_DIR": str(scratch / "s3"),
            "STATE_DIR": str(scratch / "state"),
            **(settings or {}),
        },
    )
    try:
        process = Process(command)
    except ProcessError as error:
        raise EmulatorError(f"the emulator could not be started: {error}") from error
    try:
        return Emulator(process, _port(process, ready, log))
    except BaseException:
        process.close()
        raise


def _check_loopback() -> None:
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), timeout=2).close()
    except OSError as error:
        raise EmulatorError(
            f"this machine cannot talk to itself at 127.0.0.1 ({error.strerror or error})"
        ) from error


def _port(process: Process, ready: Path, log: Path) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError, KeyError):
            return int(json.loads(ready.read_text())["port"])
        if process.wait(0.02) is not None:
            break
    ended = f"ended ({process.exit})" if process.exit else f"gave no sign in {START_SECONDS:.0f} s"
    raise EmulatorError(f"the emulator {ended}: {_last_line(log)}")


def _last_line(log: Path) -> str:
    with contextlib.suppress(OSError):
        lines = log.read_text(errors="replace").strip().splitlines()
        if lines:
            return lines[-1]
    return "it left no message"


def stop(emulator: Emulator) -> None:
    """End the emulator, which keeps nothing that it would have to save."""
    emulator.process.stop(0)
    emulator.process.wait(STOP_SECONDS)
    emulator.process.close()
