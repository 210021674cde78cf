"""Phrases of ASL that every document here uses: retries, catches, and the tests of a Choice."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

CALL_SECONDS = 10
"""What one call to ECS, Step Functions or DynamoDB may take."""
LOST_TASK_SECONDS = 5
"""How long a task whose start was not answered gets to appear in ListTasks, which is eventually consistent."""

# The names under which an aws-sdk integration of ECS reports throttling and faults of the service. ECS models no
# throttling error: it arrives as EcsException, or disguised as InvalidParameterException.
ECS_TRANSIENT = [
    "Ecs.EcsException",
    "Ecs.ServerException",
    "Ecs.InvalidParameterException",
    "Ecs.SdkClientException",
]

EXECUTION_TAG = "toolshed:execution-arn"
SERVER_TAG = "toolshed:server-id"
"""The tags that lead from a task, and from a task definition, back to its execution and its server."""


def execution_hash(arn: str, redrive_count: str) -> str:
    """Return who an execution is to ECS, by the paths to its ARN and its redrive count.

    The same for every retry, so that no second task starts, and another one for each redrive, so that the old,
    stopped task does not come back. 64 hexadecimal digits: ClientToken takes no more.
    """
    return f"States.Hash(States.Format('{{}}#{{}}', {arn}, {redrive_count}), 'SHA-256')"


def retry(errors: list[str], *, attempts: int) -> Json:
    """Retry with waits that double, and that do not come back all at once."""
    return {
        "ErrorEquals": errors,
        "IntervalSeconds": 1,
        "MaxAttempts": attempts,
        "BackoffRate": 2,
        "JitterStrategy": "FULL",
    }


def catch_all(then: str) -> list[Json]:
    """Go on elsewhere whatever a call raised, with the error under `$.Caught`."""
    return [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.Caught", "Next": then}]


def all_of(*tests: Json) -> Json:
    """Hold where each test does; they are tried in this order, and the first that fails ends it."""
    flat = [inner for test in tests for inner in (test["And"] if list(test) == ["And"] else [test])]
    return {"And": flat}


def unless(*tests: Json) -> Json:
    """Hold where one of the tests does not."""
    return {"Not": all_of(*tests)}


def present(path: str) -> Json:
    """Hold where there is something."""
    return {"Variable": path, "IsPresent": True}


def text(path: str) -> Json:
    """Hold where there is text."""
    return all_of(present(path), {"Variable": path, "IsString": True})


def not_empty(path: str) -> Json:
    """Hold where a text has characters."""
    return {"Not": {"Variable": path, "StringEquals": ""}}


def never(path: str, *patterns: str) -> Json:
    """Hold where a text matches none of the patterns."""
    return {"Not": {"Or": [{"Variable": path, "StringMatches": pattern} for pattern in patterns]}}


def equal(path: str, value: str) -> tuple[Json, Json]:
    """Hold where there is this text."""
    return present(path), {"Variable": path, "StringEquals": value}


def record_verdict(  # noqa: PLR0913 - the fields of a record that its two writers know differently
    *,
    server_id: str,
    execution: str,
    redrive_count: str,
    started_at: str,
    result: str,
    then: str,
    catch: list[Json],
    replaces: str | None = None,
) -> Json:
    """Write the verdict of an execution, once, whatever is retried; only a redrive may replace it.

    `replaces` leads to the redrive count below which a verdict is replaced, where that is not its own.

    `then` is the state that follows, `catch` what follows a failure; the rest are paths: `result` leads to Outcome, Verified, Fault, Error,
    Cause and Verdict.
    """
    redrives = {"N.$": f"States.Format('{{}}', {redrive_count})"}
    limit = {"N.$": f"States.Format('{{}}', {replaces or redrive_count})"}
    return {
        "Type": "Task",
        "Comment": "Once for each execution, whatever is retried; only a redrive may replace it.",
        "Resource": "arn:${Partition}:states:::dynamodb:putItem",
        "Parameters": {
            "TableName": "${VerdictTableName}",
            "Item": {
                "serverId": {"S.$": server_id},
                "executionArn": {"S.$": execution},
                "redriveCount": redrives,
                "startedAt": {"S.$": started_at},
                "recordedAt": {"S.$": "$$.State.EnteredTime"},
                "outcome": {"S.$": f"{result}.Outcome"},
                "verified": {"BOOL.$": f"{result}.Verified"},
                "fault": {"S.$": f"{result}.Fault"},
                "error": {"S.$": f"{result}.Error"},
                "cause": {"S.$": f"{result}.Cause"},
                "verdict": {"S.$": f"States.JsonToString({result}.Verdict)"},
            },
            "ConditionExpression": "attribute_not_exists(executionArn) OR redriveCount < :redriveCount",
            "ExpressionAttributeValues": {":redriveCount": limit},
        },
        "TimeoutSeconds": CALL_SECONDS,
        "Retry": [
            {"ErrorEquals": ["DynamoDB.ConditionalCheckFailedException"], "MaxAttempts": 0},
            retry(["States.ALL"], attempts=4),
        ],
        "ResultPath": None,
        "Catch": [
            # It is recorded already: by a call whose answer was lost, or by the other of its two writers.
            {
                "ErrorEquals": ["DynamoDB.ConditionalCheckFailedException"],
                "ResultPath": None,
                "Next": then,
            },
            *catch,
        ],
        "Next": then,
    }
