"""What Step Functions writes into a state machine's log group at level ALL: one JSON object for each event.

Evidence for the form: documentation ("Using CloudWatch Logs to log execution history"), lines recorded from AWS
(LocalStack, `logs/test_logs.snapshot.json`); for the stream's name: lines forwarded from AWS (Datadog's tests).
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.executions import Run
    from runner.services.log_streams import LogStreams
    from states_language.interpreter import Event

GROUPS = {"PipelineArn": "PipelineLogGroupName", "SweeperArn": "SweeperLogGroupName"}
"""The template's outputs that name a state machine, and its log group. The emulator keeps no LoggingConfiguration."""
DATA_BYTES = 248 << 10
"""An input or an output that is larger is cut. Evidence: documentation (the same page)."""


@dataclass
class ExecutionLog:
    """Writes events as they happen."""

    logs: LogStreams
    outputs: Mapping[str, str]
    _serial: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def write(self, run: Run, event: Event) -> None:
        """Write an event of an execution, should its state machine have a log group."""
        group = self.group(run)
        if group:
            stream = f"states/{run.workflow.name}/{run.started:%Y-%m-%d-%H-%M}/{self._serial}"
            self.logs.put(group, stream, _milliseconds(event), line(run.arn, event))

    def group(self, run: Run) -> str:
        """Return the log group of an execution; empty where its state machine has none."""
        groups = {
            ":".join(self.outputs[machine].split(":")[:7]): self.outputs[group]
            for machine, group in GROUPS.items()
            if machine in self.outputs
        }
        return groups.get(run.workflow.machine_arn, "")


def line(execution_arn: str, event: Event) -> str:
    """Return an event as a line of the log."""
    details: Mapping[str, Any] = next(
        (value for name, value in event.items() if name.endswith("EventDetails")), {}
    )
    found = {
        "id": str(event["id"]),
        "type": event["type"],
        "details": _cut(details),
        "previous_event_id": str(event["previousEventId"]),
        "event_timestamp": str(_milliseconds(event)),
        "execution_arn": execution_arn,
        "redrive_count": "0",
    }
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"))


def _milliseconds(event: Event) -> int:
    return round(datetime.fromisoformat(event["timestamp"]).timestamp() * 1000)


def _cut(details: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(details)
    for name in ("input", "output"):
        if len(json.dumps(found.get(name, ""))) > DATA_BYTES:
            found[name] = found[name][: DATA_BYTES // 2]
            found[f"{name}Details"] = {"truncated": True}
    return found
