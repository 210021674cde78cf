"""What a Task's Resource calls."""

from __future__ import annotations

import pytest

from states_language import integrations
from states_language.integrations import Pattern, Target, optimized, parse_resource
from states_language.types import ListType, StructureType, Unknown


@pytest.mark.parametrize(
    ("resource", "target", "partition", "name", "pattern"),
    [
        ("arn:aws:states:::ecs:runTask", Target.OPTIMIZED, "aws", "ecs:runTask", Pattern.REQUEST_RESPONSE),
        ("arn:${Partition}:states:::ecs:runTask.sync", Target.OPTIMIZED, "${Partition}", "ecs:runTask.sync", Pattern.SYNC),
        ("arn:${AWS::Partition}:states:::states:startExecution.sync:2", Target.OPTIMIZED, "${AWS..Partition}", "states:startExecution.sync:2", Pattern.SYNC_2),
        ("arn:aws-us-gov:states:::aws-sdk:ecs:runTask", Target.SDK, "aws-us-gov", "aws-sdk:ecs:runTask", Pattern.REQUEST_RESPONSE),
        ("arn:aws:states:::aws-sdk:sqs:sendMessage.waitForTaskToken", Target.SDK, "aws", "aws-sdk:sqs:sendMessage.waitForTaskToken", Pattern.TASK_TOKEN),
        ("arn:aws:lambda:eu-west-1:123456789012:function:name:7", Target.LAMBDA_FUNCTION, "aws", None, Pattern.REQUEST_RESPONSE),
        ("arn:aws:states:eu-west-1:123456789012:activity:name", Target.ACTIVITY, "aws", None, Pattern.REQUEST_RESPONSE),
        ("${FunctionArn}", Target.UNKNOWN, "", None, Pattern.REQUEST_RESPONSE),
        ("", Target.UNKNOWN, "", None, Pattern.REQUEST_RESPONSE),
    ],
)  # fmt: skip
def test_a_resource_is_read_in_every_partition(
    resource: str, target: Target, partition: str, name: str | None, pattern: Pattern
) -> None:
    """A Resource gives its target, its integration and its pattern, whatever the partition."""
    found = parse_resource(resource)
    assert (target, partition, name or resource, pattern) == (
        found.target,
        found.partition,
        found.name,
        found.pattern,
    )


def test_every_row_of_the_table_has_its_types() -> None:
    """Each optimized action has a request, and an answer for each pattern that is documented."""
    missing = []
    for service, actions in optimized().items():
        for action, row in actions.items():
            for pattern in row.patterns:
                suffix = f".{pattern}" if pattern else ""
                found = parse_resource(f"arn:aws:states:::{service}:{action}{suffix}")
                kinds = [integrations.request_type(found)]
                if pattern is not Pattern.TASK_TOKEN and row.row.get(pattern or "result") != "unknown":
                    kinds.append(integrations.result_type(found))
                missing += [found.name for kind in kinds if isinstance(kind, Unknown)]
    assert [] == missing


@pytest.mark.parametrize(
    ("resource", "members"),
    [
        ("arn:aws:states:::lambda:invoke", {"Payload", "StatusCode", "ExecutedVersion"}),
        ("arn:aws:states:::ecs:runTask.sync", {"TaskArn", "Containers"}),
        ("arn:aws:states:::ecs:runTask", {"Tasks", "Failures"}),
        ("arn:aws:states:::codebuild:startBuild.sync", {"Build"}),
        ("arn:aws:states:::states:startExecution.sync:2", {"Output", "ExecutionArn"}),
        ("arn:aws:states:::aws-sdk:ecs:registerTaskDefinition", {"TaskDefinition", "Tags"}),
    ],
)
def test_answers_have_their_envelope(resource: str, members: set[str]) -> None:
    """An answer's top-level members are those of its pattern."""
    kind = integrations.result_type(parse_resource(resource))
    assert isinstance(kind, StructureType)
    assert set() == members - set(kind.members)


def test_an_event_takes_any_detail() -> None:
    """The optimized integration sends an object as JSON text, where the API takes a text."""
    kind = integrations.request_type(parse_resource("arn:aws:states:::events:putEvents"))
    assert isinstance(kind, StructureType)
    entries = kind.members["Entries"].type
    assert isinstance(entries, ListType)
    assert isinstance(entries.item, StructureType)
    assert isinstance(entries.item.members["Detail"].type, Unknown)
    assert not isinstance(entries.item.members["Source"].type, Unknown)


def test_sync_2_reads_the_output_as_json() -> None:
    """`.sync:2` answers with the other execution's output parsed, `.sync` with a string."""
    kinds = []
    for suffix in ("sync", "sync:2"):
        kind = integrations.result_type(parse_resource(f"arn:aws:states:::states:startExecution.{suffix}"))
        assert isinstance(kind, StructureType)
        kinds.append(isinstance(kind.members["Output"].type, Unknown))
    assert [False, True] == kinds
