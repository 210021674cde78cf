"""A local run that serves AWS's APIs, for tests that talk to them with boto3 as an operator's commands do."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner import session as sessions
from runner.faults_injected import HANGS, InjectedFault
from runner.repositories import Repositories, Repository
from runner.services.stand_ins import Source
from runner.stack import STACK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.session import Session

SCRIPTED = Path(__file__).parent / "servers/scripted.py"

HONEST, REJECTED, UNBUILDABLE = "local/honest", "local/rejected", "local/unbuildable"
FAULTY, HANGING = "local/faulty", "local/hanging"
VERDICTS: Mapping[str, str | None] = {
    HONEST: None,
    REJECTED: "Rejected",
    UNBUILDABLE: "ImageNotBuilt",
    FAULTY: "RunFailed",
}
"""The error that an execution on each repository ends with; None where its server is verified. HANGING does not end
by itself within a minute: its server runs, and the validator does not answer."""


@dataclass(frozen=True)
class Served:
    """The endpoint, and the session behind it."""

    url: str
    session: Session
    stack: str = STACK

    @property
    def outputs(self) -> Mapping[str, str]:
        """The stack's outputs."""
        return self.session.pipeline.stack.outputs

    @property
    def keywords(self) -> dict[str, str]:
        """What boto3's `client` takes to reach it; the account is the access key."""
        return {
            "endpoint_url": self.url,
            "region_name": "us-east-1",
            "aws_access_key_id": "123456789012",
            "aws_secret_access_key": "none",
        }

    @property
    def environment(self) -> dict[str, str]:
        """What a process of its own takes to reach it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "123456789012",
            "AWS_SECRET_ACCESS_KEY": "none",
        }

    def client(self, service: str) -> Any:
        """Return a client of the endpoint's own, as an operator's would be."""
        import boto3  # noqa: PLC0415

        return boto3.client(service, **self.keywords)

    def start(self, repository: str, **given: str) -> str:
        """Start an execution through the alias; returns its ARN."""
        wanted = {
            "serverId": repository,
            "repositoryName": repository.replace("/", "-"),
            "originalRepositoryName": repository,
        }
        answer = self.client("stepfunctions").start_execution(
            stateMachineArn=self.outputs["PipelineArn"], input=json.dumps(wanted), **given
        )
        arn: str = answer["executionArn"]
        return arn

    def ended(self, arn: str, seconds: float = 60) -> dict[str, Any]:
        """Wait for an execution's end; returns its description."""
        states = self.client("stepfunctions")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            described: dict[str, Any] = states.describe_execution(executionArn=arn)
            if described["status"] != "RUNNING":
                return described
            time.sleep(0.1)
        raise AssertionError(f"{arn} runs on after {seconds} s")


@contextlib.contextmanager
def serving(root: Path, folder: Path) -> Iterator[Served]:
    """Open a session with a source for each name above, and serve it."""
    honest = Source(root / "samples/greeter")
    unbuildable = folder / "unbuildable"
    unbuildable.mkdir()
    rejected = Source(command=(sys.executable, str(SCRIPTED), "html", "{port}"))
    denied = InjectedFault("RunMCPServerContainer", "Ecs.AccessDeniedException", float("inf"))
    hangs = InjectedFault("ValidateMCPServer", HANGS, float("inf"))
    named = {
        REJECTED: Repository(rejected),
        UNBUILDABLE: Repository(Source(unbuildable)),
        FAULTY: Repository(honest, [denied]),
        HANGING: Repository(honest, [hangs]),
    }
    with (
        sessions.opened(sessions.Settings(root)) as session,
        session.serving(Repositories(Repository(honest), named)) as gateway,
    ):
        yield Served(gateway.url, session)
