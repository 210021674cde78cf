"""Install and run real servers, each in a folder of its own, for the slow tests."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
PROGRAMS = HERE / "frameworks"
CACHE = Path(os.environ.get("SERVER_CACHE") or HERE.parents[1] / ".cache" / "servers")
INSTALL_SECONDS = 600


@dataclass(frozen=True)
class RealServer:
    """A server as `real_servers.yaml` describes it."""

    name: str
    maker: str
    framework: str
    registry: str
    packages: tuple[str, ...]
    command: tuple[str, ...]
    environment: dict[str, str]
    files: dict[str, str]
    program: str | None

    @property
    def home(self) -> Path:
        """The folder that it is installed in, one for each set of packages."""
        mark = hashlib.sha256(json.dumps([self.registry, *self.packages]).encode()).hexdigest()[:8]
        return CACHE / f"{self.name}-{mark}"

    def _filled(self, text: str, port: int) -> str:
        python = self.registry == "pypi"
        binaries = self.home / "venv" / "bin" if python else self.home / "node_modules" / ".bin"
        values = {
            "port": port,
            "bin": binaries,
            "home": self.home,
            "programs": PROGRAMS,
            "python": self.home / "venv" / "bin" / "python",
            "node": shutil.which("node") or "node",
        }
        for key, value in values.items():
            text = text.replace(f"{{{key}}}", str(value))
        return text

    def install(self) -> None:
        """Install it once; what is there whole is left alone."""
        done = self.home / "installed"
        if not done.exists():
            shutil.rmtree(self.home, ignore_errors=True)
            self.home.mkdir(parents=True)
            for command in self._install_commands():
                subprocess.run(
                    command, cwd=self.home, check=True, capture_output=True, timeout=INSTALL_SECONDS
                )
            done.touch()
        if self.program:
            shutil.copy(PROGRAMS / self.program, self.home)
        for name, text in self.files.items():
            (self.home / name).write_text(text, encoding="utf-8")

    def _install_commands(self) -> Iterator[list[str]]:
        if self.registry == "pypi":
            yield [sys.executable, "-m", "venv", "venv"]
            yield [
                "venv/bin/python",
                "-m",
                "pip",
                "install",
                "-q",
                "--disable-pip-version-check",
                *self.packages,
            ]
        else:
            yield ["npm", "install", "--no-audit", "--no-fund", "--silent", *self.packages]

    @contextlib.contextmanager
    def running(self) -> Iterator[int]:
        """Run it on a free port for one `with` block; its output goes to a log in its folder."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        environment = {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
            "HOME": str(self.home),
            "NODE_ENV": "production",
            **{name: self._filled(value, port) for name, value in self.environment.items()},
        }
        with (self.home / "log").open("wb") as log:
            process = subprocess.Popen(
                [self._filled(part, port) for part in self.command],
                cwd=self.home,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                yield port
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                if process.stdin:
                    process.stdin.close()


def load() -> tuple[RealServer, ...]:
    """Return the servers that `real_servers.yaml` lists."""
    with (HERE / "real_servers.yaml").open(encoding="utf-8") as stream:
        listed: list[dict[str, Any]] = yaml.safe_load(stream)["servers"]
    return tuple(
        RealServer(
            name=one["name"],
            maker=one["maker"],
            framework=one["framework"],
            registry=one["registry"],
            packages=tuple(one["packages"]),
            command=tuple(map(str, one["command"])),
            environment={key: str(value) for key, value in one.get("environment", {}).items()},
            files=one.get("files", {}),
            program=one.get("program"),
        )
        for one in listed
    )
