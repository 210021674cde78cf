"""What the ARN of a state machine, a version or an alias leads to, as the emulator holds it."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from states_language.document import StateMachine

if TYPE_CHECKING:
    from datetime import datetime

    from runner.emulator import Emulator


@dataclass(frozen=True)
class Workflow:
    """A definition that can be executed, and how it was asked for."""

    machine_arn: str
    """Without a version or an alias."""
    version_arn: str | None
    alias_arn: str | None
    role_arn: str
    definition: str
    updated: datetime

    @property
    def name(self) -> str:
        """The state machine's name."""
        return self.machine_arn.rpartition(":")[2]

    @property
    def machine(self) -> StateMachine:
        """The definition, read."""
        return _read(self.definition)

    def execution_arn(self, name: str) -> str:
        """Return the ARN that an execution of some name has."""
        return f"{self.machine_arn.replace(':stateMachine:', ':execution:')}:{name}"


@lru_cache(maxsize=16)
def _read(definition: str) -> StateMachine:
    return StateMachine.of(json.loads(definition))


def resolve(emulator: Emulator, arn: str) -> Workflow:
    """Return what an ARN leads to now; an alias with two versions draws one by their weights.

    Raises boto3's `ClientError` where nothing has this ARN.
    """
    states = emulator.client("stepfunctions")
    parts = arn.split(":")
    machine_arn, qualifier = ":".join(parts[:7]), parts[7] if len(parts) > 7 else ""
    alias_arn = arn if qualifier and not qualifier.isdigit() else None
    version_arn = arn if qualifier.isdigit() else None
    if alias_arn is not None:
        routes = states.describe_state_machine_alias(stateMachineAliasArn=arn)["routingConfiguration"]
        version_arn = _drawn(routes)
    described = states.describe_state_machine(stateMachineArn=version_arn or machine_arn)
    return Workflow(
        machine_arn,
        version_arn,
        alias_arn,
        described["roleArn"],
        described["definition"],
        described.get("updateDate") or described["creationDate"],
    )


def _drawn(routes: list[dict[str, Any]]) -> str:
    versions: list[str] = [each["stateMachineVersionArn"] for each in routes]
    (drawn,) = random.choices(versions, [each["weight"] for each in routes])  # noqa: S311 - no secret
    return drawn
