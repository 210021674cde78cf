"""Starts an execution once, even where an answer is lost, and stops one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer.account import error_code, is_out_of_reach
from deployer.console import EXIT_ERROR, Refused
from operations.outcome import missing, parsed

if TYPE_CHECKING:
    from deployer.account import Account

REASON = "Stopped by an operator."


def start(account: Account, alias_arn: str, name: str, text: str, *, is_ours: bool) -> str:
    """Start an execution with a name and an input, and return its ARN. Raises `Refused`.

    `is_ours`: the name was drawn for this start, so that an execution that has it already is this one, whose answer
    was lost.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    client = account.client("stepfunctions")
    try:
        arn: str = client.start_execution(stateMachineArn=alias_arn, name=name, input=text)["executionArn"]
    except ClientError as error:
        if error_code(error) != "ExecutionAlreadyExists":
            raise
        was_repeated = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0
        return _there_already(account, alias_arn, name, text, is_ours=is_ours or was_repeated)
    except Exception as error:
        if is_out_of_reach(error):
            raise Refused(
                f"it is not known whether {name} was started: AWS was out of reach ({error_code(error)})\n"
                f"`python build.py execution {name}` tells; to start it again, add --name {name}: it starts once",
                EXIT_ERROR,
            ) from error
        raise
    return arn


def _there_already(account: Account, alias_arn: str, name: str, text: str, *, is_ours: bool) -> str:
    machine = ":".join(alias_arn.split(":")[:7])
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
    described = account.client("stepfunctions").describe_execution(executionArn=arn)
    if is_ours and parsed(described.get("input")) == parsed(text):
        return arn
    raise Refused(
        f"there is an execution {name} already: it {_stands(described['status'])}; nothing was started\n"
        f"`python build.py execution {name}` shows it; another name starts another one",
        EXIT_ERROR,
    )


def _stands(status: str) -> str:
    return "runs, on another input" if status == "RUNNING" else f"ended as {status}"


def stop(account: Account, arn: str, reason: str = "") -> bool:
    """Stop an execution; returns whether it was running. What it leaves is swept. Raises `Refused`."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    client = account.client("stepfunctions")
    try:
        if client.describe_execution(executionArn=arn)["status"] != "RUNNING":
            return False
        client.stop_execution(executionArn=arn, error="StoppedByOperator", cause=reason or REASON)
    except ClientError as error:
        if error_code(error) in {"ExecutionDoesNotExist", "InvalidArn"}:
            raise Refused(missing(arn), EXIT_ERROR) from error
        raise
    return True
