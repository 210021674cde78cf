"""The endpoint that a local run serves: the emulator's, and what only the run itself can answer.

`server` takes the requests and hands each on to the emulator, byte for byte, unless one of the services here answers
it; `protocol` reads and writes what those are asked, by botocore's models. `state_machines` answers for Step Functions
from our own interpreter, `builds` for CodeBuild and `tasks` for ECS from the processes that run here, `log_events` for
what the emulator's CloudWatch Logs lacks (`filter_patterns`). `aftermath` sees to what follows an execution's end.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from runner.gateway.aftermath import Aftermath
from runner.gateway.builds import Builds
from runner.gateway.log_events import LogEvents
from runner.gateway.server import Gateway
from runner.gateway.state_machines import StateMachines
from runner.gateway.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.pipeline import Pipeline
    from runner.repositories import Repositories


@contextlib.contextmanager
def open_gateway(pipeline: Pipeline, repositories: Repositories, port: int) -> Iterator[Gateway]:
    """Serve a pipeline's APIs; `port` 0 lets the system choose. Raises `EmulatorError` where it is taken."""
    machines = StateMachines(pipeline, repositories)
    services = (machines, Builds(pipeline), Tasks(pipeline), LogEvents(pipeline))
    pipeline.is_served = True
    pipeline.states = machines.call
    pipeline.on_end = Aftermath(pipeline, machines.start).of
    with Gateway(pipeline.emulator, services, port).serving() as gateway:
        yield gateway
