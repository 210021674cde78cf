"""The AWS command line from PyPI, in an environment of its own, which is made when it is first needed."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT, REQUIREMENTS = ".venv-awscli", "requirements-awscli.txt"
INSTALL_SECONDS = 600


def installed(root: Path) -> Path:
    """Return the program `aws`; it is installed first where it is missing, or of other pins."""
    environment, requirements = root / ENVIRONMENT, root / REQUIREMENTS
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    stamp, program = environment / ".requirements", environment / "bin" / "aws"
    (root / ".cache").mkdir(exist_ok=True)
    with (root / ".cache/awscli.lock").open("w") as lock:
        # One process at a time makes it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (program.exists() and stamp.exists() and stamp.read_text() == wanted):
            shutil.rmtree(environment, ignore_errors=True)
            pip = [
                str(environment / "bin/python"),
                "-m",
                "pip",
                "install",
                "-q",
                "--disable-pip-version-check",
            ]
            for command in (
                [sys.executable, "-m", "venv", str(environment)],
                [*pip, "--require-hashes", "-r", str(requirements)],
            ):
                subprocess.run(command, check=True, timeout=INSTALL_SECONDS, capture_output=True)
            stamp.write_text(wanted)
    return program
