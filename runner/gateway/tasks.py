"""ECS: a task is as alive as its process. Whatever else ECS has is the emulator's."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from runner.gateway.protocol import ApiError
from runner.services.call import Call
from runner.services.shapes import from_api, to_api
from states_language.interpreter import TaskFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.pipeline import Pipeline

ANSWERED = ("RunTask", "DescribeTasks", "ListTasks", "StopTask")
SECONDS = 60


@dataclass
class Tasks:
    """Answers for ECS. Safe to be asked from any thread."""

    pipeline: Pipeline
    service: str = "ecs"

    @property
    def operations(self) -> Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        """What is answered here."""
        return {name: partial(self.answer, name) for name in ANSWERED}

    def answer(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        """Answer as the pipeline's own calls are, in the API's names."""
        client = self.pipeline.emulator.client("ecs")
        model = client.meta.service_model.operation_model(operation)
        # The emulator knows of no task there, and says just that.
        if not client.describe_clusters(clusters=[given.get("cluster", "default")])["clusters"]:
            raise ApiError("ClusterNotFoundException", "Cluster not found.")
        call = Call(from_api(model.input_shape, given), "", time.monotonic() + SECONDS)
        try:
            answer = self.pipeline.tasks.call(operation, call)
        except TaskFailed as error:
            raise ApiError(error.error.partition(".")[2], error.cause or "") from error
        found: dict[str, Any] = to_api(model.output_shape, answer)
        return found
