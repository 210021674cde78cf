"""A deployed pipeline: the stack's outputs, and the ARNs that follow from them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deployer.account import error_code
from deployer.console import EXIT_ERROR, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deployer.account import Account

EXECUTION_ARN = re.compile(r"arn:[\w-]+:states:[\w-]+:\d{12}:execution:[^:]+:[^:]+")
EXECUTION_NAME = re.compile(r"[\w.@+=!'()-]{1,80}", re.ASCII)
"""Names that can be typed, and mean nothing to a shell or a URL; AWS takes more. Evidence: documentation (StartExecution)."""
MOST_VERSIONS, MANY_VERSIONS = 1000, 800
"""Of one state machine, and of one answer. Evidence: documentation (Step Functions quotas)."""


@dataclass(frozen=True)
class Deployed:
    """A stack, as DescribeStacks answers it."""

    name: str
    stack: Mapping[str, Any] = field(repr=False)

    @property
    def outputs(self) -> Mapping[str, str]:
        """The outputs by name."""
        return {each["OutputKey"]: each["OutputValue"] for each in self.stack.get("Outputs", ())}

    @property
    def parameters(self) -> Mapping[str, str]:
        """The parameters by name."""
        return {
            each["ParameterKey"]: each.get("ParameterValue", "") for each in self.stack.get("Parameters", ())
        }

    def output(self, key: str) -> str:
        """Return an output. Raises `Refused` where the stack has none of that name."""
        try:
            return self.outputs[key]
        except KeyError:
            status = self.stack.get("StackStatus", "in no state")
            raise Refused(
                f"the stack {self.name} has no output {key}; it is {status}\n"
                "is it the pipeline's stack, and is its deployment over? `python build.py status` tells",
                EXIT_ERROR,
            ) from None

    @property
    def alias_arn(self) -> str:
        """Where executions are started."""
        return self.output("PipelineArn")

    @property
    def machine_arn(self) -> str:
        """The state machine, without its alias."""
        return ":".join(self.alias_arn.split(":")[:7])

    def execution_arn(self, name: str) -> str:
        """Return the ARN that an execution of some name has."""
        return f"{self.machine_arn.replace(':stateMachine:', ':execution:')}:{name}"


def versions(account: Account, machine_arn: str) -> list[str]:
    """Return the ARNs of a state machine's published versions, the latest first."""
    # This call has no paginator in botocore's models.
    client, found, given = account.client("stepfunctions"), list[str](), dict[str, str]()
    while True:
        page = client.list_state_machine_versions(
            stateMachineArn=machine_arn, maxResults=MOST_VERSIONS, **given
        )
        found += [each["stateMachineVersionArn"] for each in page["stateMachineVersions"]]
        if not page.get("nextToken"):
            return found
        given = {"nextToken": page["nextToken"]}


def find(account: Account, stack: str) -> Deployed:
    """Return a stack. Raises `Refused` where there is none."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    try:
        found = account.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if error_code(error) != "ValidationError" or "does not exist" not in str(error):
            raise
        found = []
    if not found:
        raise Refused(
            f"there is no stack {stack} in {account.region}\n"
            "name it with --stack-name, its region with --region; `python build.py deploy` makes one",
            EXIT_ERROR,
        )
    return Deployed(stack, found[0])
