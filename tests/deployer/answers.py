"""Answers of CloudFormation, one after another, each validated by botocore's model, each for the request that it belongs to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.stub import ANY, Stubber

FAKE = "x"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
STACK = "stack"
STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/stack/1"
ARN = "arn:aws:cloudformation:us-east-1:123456789012:changeSet/local/1"
TOKEN = "mine"  # noqa: S105 - it is no secret
KIND = "AWS::ECS::Cluster"


def event(number: int, logical_id: str, status: str, reason: str = "", **more: Any) -> dict[str, Any]:
    """Return an event as it is listed; its number gives its ID and its time."""
    return {
        "StackId": STACK_ID,
        "StackName": STACK,
        "EventId": f"event-{number}",
        "LogicalResourceId": logical_id,
        "ResourceType": "AWS::CloudFormation::Stack" if logical_id == STACK else KIND,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
        "Timestamp": BEGIN + timedelta(seconds=number),
        "ClientRequestToken": TOKEN,
        **more,
    }


class Answers:
    """A client of CloudFormation whose answers are given beforehand."""

    def __init__(self) -> None:
        self.client = boto3.client(
            "cloudformation",
            region_name="us-east-1",
            aws_access_key_id=FAKE,
            aws_secret_access_key=FAKE,
            config=Config(retries={"total_max_attempts": 1}),
        )
        self.stubber = Stubber(self.client)
        self.stubber.activate()

    def answer(self, operation: str, response: dict[str, Any], **expected: Any) -> None:
        """Answer the next request, which must be this one."""
        self.stubber.add_response(operation, response, expected or None)

    def refuse(self, operation: str, code: str, message: str = "no", status: int = 400) -> None:
        """Refuse the next request."""
        self.stubber.add_client_error(operation, code, message, status)

    def stack(self, status: str | None, outputs: dict[str, str] | None = None, **more: Any) -> None:
        """Answer that the stack has a status, or that there is none."""
        if status is None:
            self.refuse("describe_stacks", "ValidationError", "Stack with id stack does not exist")
            return
        listed = [{"OutputKey": key, "OutputValue": value} for key, value in (outputs or {}).items()]
        found = {
            "StackName": STACK,
            "StackId": STACK_ID,
            "StackStatus": status,
            "CreationTime": BEGIN,
            "Outputs": listed,
            **more,
        }
        self.answer("describe_stacks", {"Stacks": [found]}, StackName=ANY)

    def described(
        self,
        status: str = "CREATE_COMPLETE",
        reason: str = "",
        changes: tuple[dict[str, Any], ...] = (),
        **more: Any,
    ) -> None:
        """Answer how a change set is, with a page of its changes."""
        self.answer(
            "describe_change_set",
            {
                "Status": status,
                "StatusReason": reason,
                "StackName": STACK,
                "StackId": STACK_ID,
                "ChangeSetId": ARN,
                "ChangeSetName": "local",
                "Changes": [{"Type": "Resource", "ResourceChange": each} for each in changes],
                **more,
            },
        )

    def events(self, *newest_first: dict[str, Any], following: str = "") -> None:
        """Answer with a page of events."""
        answer: dict[str, Any] = {"StackEvents": list(newest_first)}
        if following:
            answer["NextToken"] = following
        self.answer("describe_stack_events", answer)

    def assert_all_asked(self) -> None:
        """Fail where an answer was not asked for."""
        self.stubber.assert_no_pending_responses()
        self.stubber.deactivate()
