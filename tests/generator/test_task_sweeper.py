"""The committed sweeper and its part of the template hold, judged without the code that made them."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from botocore.validate import ParamValidator

from generator import faults, task_sweeper
from states_language.document import Choice, State, StateMachine, Task
from tests.generator.test_validation_pipeline import _api_value, _operation, _pascal, _raised

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "asl/task-sweeper.asl.json").read_text("utf-8")
MACHINE = StateMachine.of(json.loads(TEXT))
STATES: list[State] = list(MACHINE.walk())
TASKS = [state for state in STATES if isinstance(state, Task)]
SCHEMA = json.loads((ROOT / "asl/task-sweeper.input.schema.json").read_text("utf-8"))
RESOURCES = json.loads((ROOT / "templates/validation-pipeline.template.json").read_text("utf-8"))["Resources"]
SERVICES = {"sfn": "stepfunctions", "ecs": "ecs", "dynamodb": "dynamodb"}


def of_type(kind: str) -> dict[str, Any]:
    """Return the resources of a type, by logical ID."""
    return {name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == kind}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_parameters_fit_the_api(task: Task) -> None:
    """Each call's parameters are members of the request shape, of its types, and none that is required is missing."""
    service, action = task.resource.split(":")[-2:]
    shape = _operation(SERVICES[service], action[0].upper() + action[1:]).input_shape
    named = _pascal if ":aws-sdk:" in task.resource else _raised
    sent = _api_value(task.parameters, shape, named, path=str(task.pointer))
    assert "" == ParamValidator().validate(sent, shape).generate_report()


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_task_has_a_timeout_and_catches_all_that_can_be_caught(task: Task) -> None:
    """A call that hangs ends, and whatever it raises, an answer that is too large among it, is one item's failure."""
    assert task.fields["TimeoutSeconds"] > 0
    caught = {error for catcher in task.catchers for error in catcher.errors}
    assert {"States.ALL", "States.DataLimitExceeded"} <= caught


def test_names_are_told_apart() -> None:
    """A state's name is its own in the whole document, inner scopes among it."""
    assert [] == [name for name, count in Counter(state.name for state in STATES).items() if count > 1]


def test_every_transition_leads_to_a_state_of_its_scope() -> None:
    """And every state can be reached."""

    def check(scope: StateMachine) -> None:
        targets = {each.target for state in scope.states.values() for each in state.transitions()}
        assert {*scope.states} == targets | {scope.start_at}
        for state in scope.states.values():
            for inner in state.scopes:
                check(inner)

    check(MACHINE)


def test_every_choice_has_a_default() -> None:
    """`States.NoChoiceMatched` would end the whole sweep."""
    assert [] == [state.name for state in STATES if isinstance(state, Choice) and state.default is None]


def test_it_calls_no_function() -> None:
    """It must work where a function cannot be invoked: only integrations that are Step Functions' own."""
    assert {"ecs", "sfn", "dynamodb"} == {task.resource.split(":")[-2] for task in TASKS}


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"detail": {}},
        {"detail": {"executionArn": "arn:aws:states:eu-central-1:123456789012:execution:pipeline:one"}},
    ],
)
def test_schema_accepts_events_of_executions_and_schedules(event: Any) -> None:
    """What EventBridge sends, and what a person may start a sweep with."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(event)


def test_each_fault_that_it_records_is_in_the_table() -> None:
    """And only they."""
    results = [
        parameters.get("Result", parameters)
        for state in STATES
        if isinstance(parameters := state.fields.get("Parameters"), dict)
        and "Fault" in parameters.get("Result", parameters)
    ]
    assert {(each["Error"], each["Fault"], each["Outcome"]) for each in results} == {
        (fault.error, fault.fault, fault.outcome) for fault in faults.table(task_sweeper.NAME).values()
    }


def test_partition_is_written_in_nowhere() -> None:
    """The document runs in GovCloud and China too."""
    assert {"${Partition}"} == set(re.findall(r"arn:([^:\"]+):", TEXT))


# ---------------------------------------------------------------- the template


def test_its_role_may_describe_only_the_pipelines_executions() -> None:
    """An execution's description holds its input; those of other state machines are none of its business."""
    statements = RESOURCES["SweeperPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    described = [each["Resource"] for each in statements if "states:DescribeExecution" in each["Action"]]
    (resources,) = described
    assert all("execution:${Pipeline.Name}:*" in json.dumps(each) for each in resources)


def test_its_role_may_start_nothing() -> None:
    """It ends things: it may neither run a task, nor pass a role, nor build, nor start an execution."""
    statements = RESOURCES["SweeperPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    actions = {action for each in statements for action in each["Action"]}
    assert set() == actions & {
        "ecs:RunTask",
        "ecs:RegisterTaskDefinition",
        "iam:PassRole",
        "codebuild:StartBuild",
        "states:StartExecution",
        "lambda:InvokeFunction",
    }


def test_executions_that_end_badly_start_a_sweep_and_so_does_the_schedule() -> None:
    """Both rules lead to the sweeper, and what cannot be delivered to the queue."""
    rules = of_type("AWS::Events::Rule")
    patterns = [each["EventPattern"] for each in rules.values() if "EventPattern" in each]
    assert [
        {
            "source": ["aws.states"],
            "detail-type": ["Step Functions Execution Status Change"],
            "detail": {
                "stateMachineArn": [{"Ref": "Pipeline"}, {"prefix": {"Fn::Sub": "${Pipeline}:"}}],
                "status": ["FAILED", "TIMED_OUT", "ABORTED"],
            },
        }
    ] == patterns
    assert ["rate(30 minutes)"] == [
        each["ScheduleExpression"] for each in rules.values() if "ScheduleExpression" in each
    ]
    for rule in rules.values():
        (target,) = rule["Targets"]
        assert {"Ref": "Sweeper"} == target["Arn"]
        assert {"Arn": {"Fn::GetAtt": ["UndeliveredEvents", "Arn"]}} == target["DeadLetterConfig"]


def test_only_the_rules_may_write_into_the_queue() -> None:
    """It is encrypted, and names the rules."""
    assert RESOURCES["UndeliveredEvents"]["Properties"]["SqsManagedSseEnabled"] is True
    allowed = [
        each
        for each in RESOURCES["UndeliveredEventsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        if each["Effect"] == "Allow"
    ]
    (statement,) = allowed
    assert {"Service": "events.amazonaws.com"} == statement["Principal"]
    rules = [{"Fn::GetAtt": [name, "Arn"]} for name in of_type("AWS::Events::Rule")]
    assert sorted(map(str, rules)) == sorted(map(str, statement["Condition"]["ArnEquals"]["aws:SourceArn"]))


def test_a_sweep_that_fails_raises_an_alarm() -> None:
    """Failed, timed out, aborted, and never started."""
    alarms = of_type("AWS::CloudWatch::Alarm")
    watched = {
        each["MetricName"]
        for each in alarms.values()
        if {"Ref": "Sweeper"} in [dimension["Value"] for dimension in each.get("Dimensions", [])]
    }
    assert {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"} == watched
    assert "ApproximateNumberOfMessagesVisible" in {each["MetricName"] for each in alarms.values()}
