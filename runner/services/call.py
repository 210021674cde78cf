"""What every local service is told of the Task that calls it, and how it fails one."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from runner.executions import Stop
from states_language.interpreter import TaskFailed


@dataclass(frozen=True)
class Call:
    """One call of a Task."""

    parameters: dict[str, Any]
    execution_arn: str
    deadline: float
    """When the state's own time is over, or the execution's, by `time.monotonic()`."""
    stop: Stop = field(default_factory=Stop)
    """Tells when the execution is to end."""

    @property
    def seconds_left(self) -> float:
        """What is left of that time."""
        return max(0.0, self.deadline - time.monotonic())


def failed(prefix: str, error: Any) -> TaskFailed:
    """Return how a Task fails for an error of boto3's: `Ecs` and `ClusterNotFoundException` become `Ecs.Clu…`.

    Codes without "Exception" get it, as the Java SDK's classes have it; one that cannot reach the service, or
    refuses the parameters, is the SDK's own.
    """
    response = getattr(error, "response", None)
    if response is None:
        return TaskFailed(f"{prefix}.SdkClientException", str(error))
    code = response["Error"]["Code"].rpartition("#")[2]
    name = code if code.endswith("Exception") else f"{code}Exception"
    return TaskFailed(f"{prefix}.{name}", response["Error"].get("Message", ""))
