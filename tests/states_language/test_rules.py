"""Where a rule's verdict depends on more than its page's example shows."""

from __future__ import annotations

from typing import Any

import pytest

from states_language.checker import check

SDK = "arn:aws:states:::aws-sdk:"
OPTIMIZED = "arn:aws:states:::"
LAMBDA = {"Type": "Task", "Resource": f"{OPTIMIZED}lambda:invoke", "Parameters": {"FunctionName": "f"}}


def document(*states: dict[str, Any], **top: Any) -> dict[str, Any]:
    """Return a document whose states, named S0, S1 …, follow one another, but where they say otherwise."""
    named: dict[str, Any] = {}
    for place, state in enumerate(states):
        onward = {"End": True} if place == len(states) - 1 else {"Next": f"S{place + 1}"}
        ends = state["Type"] in ("Choice", "Succeed", "Fail") or "Next" in state or "End" in state
        named[f"S{place}"] = {**state, **({} if ends else onward)}
    return {"StartAt": "S0", "States": named, **top}


def found(checked: dict[str, Any], schema: dict[str, Any] | None = None) -> set[tuple[str, str]]:
    """Return the codes and severities of what is found, notes apart."""
    return {
        (entry.code, entry.severity.value) for entry in check(checked, schema) if entry.severity != "note"
    }


def call(service: str, parameters: Any, **more: Any) -> dict[str, Any]:
    """Return a Task that calls a service."""
    return {"Type": "Task", "Resource": service, "Parameters": parameters, **more}


@pytest.mark.parametrize(
    ("resource", "parameters", "expected"),
    [
        # How loosely a value may fit
        (f"{SDK}dynamodb:putItem", {"TableName": "t", "Item": {"a": "bare"}}, {("mistyped-parameter", "warning")}),
        (f"{SDK}dynamodb:scan", {"TableName": "t", "Limit": "5"}, {("mistyped-parameter", "warning")}),
        (f"{SDK}dynamodb:scan", {"TableName": "t", "Limit": "many"}, {("mistyped-parameter", "error")}),
        (f"{SDK}dynamodb:scan", {"TableName": 5}, {("mistyped-parameter", "warning")}),
        (f"{SDK}dynamodb:scan", {"TableName": {"a": 1}}, {("mistyped-parameter", "warning")}),
        (f"{SDK}dynamodb:scan", {"TableName": "${Table}", "Limit": "${Limit}"}, set()),
        (f"{SDK}dynamodb:scan", {"TableName": None}, set()),
        (f"{SDK}dynamodb:scan", {"TableName": "t", "ConsistentRead": "true"}, {("mistyped-parameter", "warning")}),
        (f"{SDK}dynamodb:scan", {"TableName": "t", "ConsistentRead": "yes"}, {("mistyped-parameter", "error")}),
        (f"{SDK}sfn:startExecution", {"StateMachineArn": "a", "Input": {"b.$": "$"}}, {("mistyped-parameter", "warning")}),
        # What any JSON may be given to
        (f"{OPTIMIZED}states:startExecution", {"StateMachineArn": "a", "Input": {"b.$": "$"}}, set()),
        (f"{OPTIMIZED}events:putEvents", {"Entries": [{"Detail": {"b.$": "$"}}]}, set()),
        (f"{OPTIMIZED}sqs:sendMessage", {"QueueUrl": "q", "MessageBody": {"b.$": "$"}}, set()),
        # Names
        (f"{SDK}rds:startDBInstance", {"DbInstanceIdentifier": "d"}, set()),
        (f"{SDK}dynamodb:putItem", {"TableName": "t", "Item": {"a": {"Bool": True}}}, set()),
        (f"{SDK}dynamodb:putItem", {"TableName": "t", "Item": {"a": {"BOOL": True}}}, {("wrong-case-parameter", "error")}),
        (f"{OPTIMIZED}dynamodb:putItem", {"TableName": "t", "Item": {"a": {"BOOL": True}}}, set()),
        (f"{SDK}s3:copyObject", {"DestinationBucket": "b", "DestinationKey": "k", "CopySource": "s"}, set()),
        (f"{SDK}ec2:runInstances", {"MinCount": 1, "MaxCount": 1, "ClientToken": "t", "DryRun": True}, {("unknown-parameter", "error")}),
        # Services and actions
        (f"{SDK}nosuchservice:call", {}, {("unknown-service", "warning")}),
        (f"{SDK}events:putEvents", {"Entries": []}, {("unknown-service", "error")}),
        (f"{OPTIMIZED}s3:getObject", {"Bucket": "b", "Key": "k"}, {("unknown-service", "error")}),
        (f"{OPTIMIZED}dynamodb:scan", {"TableName": "t"}, {("unknown-action", "error")}),
        (f"{OPTIMIZED}lambda:invoke.sync", {"FunctionName": "f"}, {("unsupported-pattern", "error")}),
        (f"{OPTIMIZED}lambda:invoke.later", {"FunctionName": "f"}, {("unsupported-pattern", "error")}),
        ("arn:${Partition}:states:::ecs:runTask.sync", {"TaskDefinition": "d"}, set()),
        ("${Function}", {"anything": 1}, set()),
        # Paths as text
        (f"{OPTIMIZED}lambda:invoke", {"FunctionName": "f", "Payload": "$"}, {("missing-path-suffix", "error")}),
        (f"{OPTIMIZED}lambda:invoke", {"FunctionName": "f", "Payload": "$.a + 1"}, set()),
        (f"{OPTIMIZED}lambda:invoke", {"FunctionName": "f:$LATEST", "Payload": "$5.00"}, set()),
        (f"{SDK}eventbridge:putTargets", {"Rule": "r", "Targets": [{"Id": "i", "Arn": "a", "InputPath": "$.detail"}]}, set()),
        # Enumerations
        (f"{OPTIMIZED}ecs:runTask", {"TaskDefinition": "d", "LaunchType": "MOON"}, {("unknown-enum-value", "warning")}),
        (f"{OPTIMIZED}ecs:runTask", {"TaskDefinition": "d", "LaunchType": "fargate"}, {("unknown-enum-value", "error")}),
    ],
)  # fmt: skip
def test_a_call_is_judged_by_its_shape(
    resource: str, parameters: Any, expected: set[tuple[str, str]]
) -> None:
    """Each parameter gets the severity that its fault deserves."""
    assert expected == found(document(call(resource, parameters)))


@pytest.mark.parametrize(
    ("resource", "name", "expected"),
    [
        (f"{SDK}dynamodb:getItem", "DynamoDb.ResourceNotFoundException", set()),
        (f"{SDK}dynamodb:getItem", "DynamoDb.DynamoDbException", set()),
        (f"{SDK}dynamodb:getItem", "DynamoDb.SomethingNewException", set()),
        (f"{SDK}dynamodb:getItem", "DynamoDB.ResourceNotFoundException", {("unknown-error-name", "error")}),
        (f"{SDK}dynamodb:getItem", "DynamoDb.ResourceNotFoundExceptions", {("unknown-error-name", "error")}),
        (f"{SDK}dynamodb:getItem", "DynamoDb.RequestLimitExceeded", {("unknown-error-name", "warning")}),
        (f"{SDK}dynamodb:getItem", "MyError", {("error-never-raised", "warning")}),
        (f"{OPTIMIZED}dynamodb:getItem", "DynamoDB.ProvisionedThroughputExceededException", set()),
        (f"{OPTIMIZED}dynamodb:getItem", "DynamoDb.ProvisionedThroughputExceededException", {("error-never-raised", "warning")}),
        (f"{OPTIMIZED}dynamodb:getItem", "DYNAMODB.ThrottlingException", {("unknown-error-name", "error")}),
        (f"{OPTIMIZED}lambda:invoke", "MyError", set()),
        (f"{OPTIMIZED}lambda:invoke", "java.lang.Exception", set()),
        (f"{OPTIMIZED}lambda:invoke", "Lambda.TooManyRequestException", {("unknown-error-name", "error")}),
        (f"{OPTIMIZED}lambda:invoke", "States.Timeout", set()),
        (f"{OPTIMIZED}lambda:invoke", "States.TimeOut", {("unknown-error-name", "error")}),
        (f"{OPTIMIZED}lambda:invoke", "States.BranchFailed", {("error-never-raised", "warning")}),
        (f"{OPTIMIZED}lambda:invoke", "States.Runtime", {("uncatchable-error", "warning")}),
    ],
)  # fmt: skip
def test_an_error_name_is_judged_by_its_integration(
    resource: str, name: str, expected: set[tuple[str, str]]
) -> None:
    """What a Retry names must be an error that this integration writes so."""
    required = {"FunctionName": "f"} if "lambda" in resource else {"TableName": "t", "Key": {}}
    assert expected == found(document(call(resource, required, Retry=[{"ErrorEquals": [name]}])))


GIVE = {"Type": "Pass", "Parameters": {"x": 1}}
SET = {"Type": "Pass", "Result": 1, "ResultPath": "$.late"}
READ = {"Type": "Pass", "Parameters": {"y.$": "$.late"}, "ResultPath": "$.read"}


def test_a_choice_between_makes_an_error_a_warning() -> None:
    """A field that one way lacks is an error, unless a Choice may know which way was taken."""
    fork = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.x", "NumericEquals": 1, "Next": "S2"}],
        "Default": "S3",
    }
    again = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.x", "NumericEquals": 1, "Next": "S4"}],
        "Default": "S5",
    }
    at_once = document(GIVE, fork, SET, READ, {"Type": "Succeed"})
    guarded = document(GIVE, fork, SET, again, READ, {"Type": "Succeed"})
    code = "field-not-on-every-path"
    assert [{(code, "error")}, {(code, "warning")}] == [found(at_once), found(guarded)]


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([READ, SET], {("field-set-later", "warning")}),
        ([GIVE, READ, SET], {("field-set-later", "error")}),
        ([GIVE, {"Type": "Pass", "Result": 1, "ResultPath": "$.read"}, READ], {("unresolved-path", "error")}),
        ([{"Type": "Pass", "Parameters": {"y.$": "$name"}}], {("unset-variable", "warning")}),
        ([{"Type": "Pass", "Assign": {"name": 1}}, {"Type": "Pass", "Parameters": {"y.$": "$nme"}}], {("unset-variable", "error")}),
        ([{"Type": "Pass", "Result": "x" * 300_000}], {("payload-may-exceed-limit", "error")}),
        ([{"Type": "Pass", "Parameters": {"y.$": "$.a", "y": 1}}], {("duplicate-key", "error")}),
    ],
)  # fmt: skip
def test_certainty_decides_the_severity(states: list[dict[str, Any]], expected: set[tuple[str, str]]) -> None:
    """What only the input could mend is a warning; what nothing can is an error."""
    assert expected == found(document(*states))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"Output": "{% $states.input.x %}"}, set()),
        ({"Output": "{% $states.inptu %}"}, {("unresolved-path", "error")}),
        ({"Output": "{% $stats.input %}"}, {("unset-variable", "error")}),
        ({"Output": "{% $sum([1, 2) %}"}, {("invalid-expression", "error")}),
        ({"Output": "{% $x := ')]}' & $states.input %}"}, set()),
        ({"Output": "$states.input"}, {("missing-path-suffix", "warning")}),
        ({"Output": {"a": "$states.input"}}, {("missing-path-suffix", "warning")}),
        ({"Output": {"a.$": "$.x"}}, {("spurious-path-suffix", "warning")}),
        ({"OutputPath": "$.x"}, {("unknown-field", "error")}),
        ({"QueryLanguage": "JSONPath"}, {("conflicting-fields", "error")}),
    ],
)
def test_jsonata_is_judged_by_its_form(fields: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    """Form, variables and plain paths are judged; what an expression computes is not."""
    assert expected == found(document({"Type": "Pass", **fields}, QueryLanguage="JSONata"))


def test_the_token_is_advised_in_the_documents_language() -> None:
    """JSONata knows no field that ends in `.$`."""
    run = {"Type": "Task", "Resource": f"{SDK}ecs:runTask", "Arguments": {"TaskDefinition": "d"}}
    (finding,) = check(document(run, QueryLanguage="JSONata"))
    assert finding.help.startswith('Write "ClientToken": "{% $uuid() %}", or')


def test_a_scope_without_states_is_said_to_have_none() -> None:
    """No sentence ends in the middle."""
    (finding,) = check({"StartAt": "A", "States": {}})
    assert "There are no states here." == finding.help


RUN = call(f"{SDK}ecs:runTask", {"TaskDefinition": "d", "ClientToken": "t"}, ResultPath="$.run")
STOP = call(f"{SDK}ecs:stopTask", {"Task.$": "$.run.Tasks[0].TaskArn"}, ResultPath=None)
GUARD = {
    "Type": "Choice",
    "Choices": [{"Variable": "$.run.Tasks[0]", "IsPresent": True, "Next": "S2"}],
    "Default": "End",
}
NOT_THERE = {
    "Type": "Choice",
    "Choices": [{"Not": {"Variable": "$.run.Tasks[0]", "IsPresent": True}, "Next": "End"}],
    "Default": "S2",
}
OTHER = {
    "Type": "Choice",
    "Choices": [{"Variable": "$.wanted", "BooleanEquals": True, "Next": "S2"}],
    "Default": "End",
}
CATCH = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "S3"}]
STOPS = {
    "Type": "Parallel",
    "Branches": [{"StartAt": "In", "States": {"In": {**STOP, "End": True}}}],
    "ResultPath": None,
}


@pytest.mark.parametrize(
    ("choice", "work", "stop", "expected"),
    [
        (GUARD, {**LAMBDA, "ResultPath": "$.w", "Catch": CATCH}, STOP, False),
        (NOT_THERE, {**LAMBDA, "ResultPath": "$.w", "Catch": CATCH}, STOP, False),
        (GUARD, {**LAMBDA, "ResultPath": "$.w", "Catch": CATCH}, STOPS, False),
        (GUARD, {**LAMBDA, "ResultPath": "$.w"}, STOP, True),
        (OTHER, {**LAMBDA, "ResultPath": "$.w", "Catch": CATCH}, STOP, True),
        (GUARD, {**LAMBDA, "ResultPath": "$.w", "Catch": CATCH, "Next": "End"}, STOP, True),
        (GUARD, {**LAMBDA, "ResultPath": "$.w", "Catch": CATCH}, {"Type": "Pass"}, False),
    ],
    ids=["guarded", "guarded by Not", "stopped in a branch", "no Catch", "another test", "past the stop", "never stopped"],
)  # fmt: skip
def test_what_is_started_is_stopped_on_every_way(
    choice: dict[str, Any], work: dict[str, Any], stop: dict[str, Any], expected: bool
) -> None:
    """Ways out past the stop are told, but not those on which a Choice showed that nothing runs."""
    checked = document(RUN, choice, work, stop)
    checked["States"]["End"] = {"Type": "Succeed"}
    assert expected == ("resource-not-stopped" in {code for code, _ in found(checked)})


def test_an_optional_member_of_the_input_is_told() -> None:
    """Under a contract a field that need not be there is read at one's own risk."""
    schema = {"type": "object", "properties": {"late": {"type": "string"}}}
    codes = [(entry.code, entry.severity.value) for entry in check(document(READ), schema)]
    assert [("member-may-be-absent", "warning")] == codes
