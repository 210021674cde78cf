"""What processes print, put into the emulator's CloudWatch Logs."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from runner.emulator import Emulator

LINES = 1000
"""The lines of one log that are kept."""


def publish(emulator: Emulator, group: str, stream: str, log: Path) -> None:
    """Put a log's first lines into a stream of its own. A group that is not there keeps nothing."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the help needs no botocore

    try:
        lines = log.read_text("utf-8", errors="replace").splitlines()[:LINES]
    except OSError:
        return
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": line[:8000]} for line in lines if line]
    logs = emulator.client("logs")
    with contextlib.suppress(ClientError, BotoCoreError):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        if events:
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
