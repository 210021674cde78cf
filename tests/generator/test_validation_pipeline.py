"""The committed state machine holds, judged without the code that made it: by botocore's models and by its own graph."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import jsonschema
import pytest
import yaml
from botocore.model import ListShape, OperationModel, Shape, StructureShape
from botocore.validate import ParamValidator

from generator import faults
from states_language.document import Choice, Fail, Pass, State, StateMachine, Task, TransitionKind

ROOT = Path(__file__).parent.parent.parent
DOCUMENT = json.loads((ROOT / "asl/validation-pipeline.asl.json").read_text("utf-8"))
SCHEMA = json.loads((ROOT / "asl/validation-pipeline.input.schema.json").read_text("utf-8"))
MACHINE = StateMachine.of(DOCUMENT)
TASKS = [state for state in MACHINE.states.values() if isinstance(state, Task)]

OPTIMIZED = {
    "codebuild:startBuild.sync": ("codebuild", "StartBuild"),
    "lambda:invoke": ("lambda", "Invoke"),
    "dynamodb:putItem": ("dynamodb", "PutItem"),
}
"""The optimized integrations of this document, and the API that each calls."""


def _called(task: Task) -> tuple[str, str]:
    """Return the botocore service and operation that a Task calls."""
    integration = task.resource.removeprefix("arn:${Partition}:states:::")
    if integration in OPTIMIZED:
        return OPTIMIZED[integration]
    sdk, service, action = integration.split(":")
    assert "aws-sdk" == sdk
    return service, action[0].upper() + action[1:]


@cache
def _operation(service: str, name: str) -> OperationModel:
    return botocore.session.get_session().get_service_model(service).operation_model(name)


def _pascal(member: str) -> str:
    """Name a member as the Java SDK does: leading capitals are lowered together, then the first is raised."""
    lead = re.match(r"[A-Z]+(?=[A-Z][a-z]|$|\d)|[A-Z]", member)
    lowered = lead[0].lower() + member[lead.end() :] if lead else member
    return lowered[0].upper() + lowered[1:]


def _raised(member: str) -> str:
    """Name a member as the optimized integrations do: only the first letter is raised."""
    return member[0].upper() + member[1:]


def _api_value(value: Any, shape: Shape, named: Callable[[str], str], *, path: str) -> Any:
    """Turn a payload into botocore's names; what a path fills in becomes a value of the shape that is wanted."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        members = {named(name): name for name in shape.members}
        result = {}
        for key, inner in value.items():
            name = key.removesuffix(".$")
            assert name in members, f"{path}/{key}: {shape.name} has only {sorted(members)}"
            member = shape.members[members[name]]
            result[members[name]] = (
                _sample(member)
                if key.endswith(".$")
                else _api_value(inner, member, named, path=f"{path}/{key}")
            )
        return result
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [
            _api_value(each, shape.member, named, path=f"{path}/{index}") for index, each in enumerate(value)
        ]
    if shape.type_name == "map" and isinstance(value, Mapping):
        return {
            key.removesuffix(".$"): _sample(shape.value)
            if key.endswith(".$")
            else _api_value(inner, shape.value, named, path=f"{path}/{key}")
            for key, inner in value.items()
        }
    if shape.type_name == "blob" and isinstance(value, Mapping):
        return json.dumps(value)
    enum = getattr(shape, "enum", [])
    assert not (enum and isinstance(value, str) and "${" not in value and value not in enum), (
        f"{path}: {value} not in {enum}"
    )
    return value


def _sample(shape: Shape) -> Any:
    match shape.type_name:
        case "list":
            return []
        case "boolean":
            return True
        case "integer" | "long":
            return 1
        case _:
            return "x"


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_parameters_fit_the_api(task: Task) -> None:
    """Each call's parameters are members of the request shape, of its types, and none that is required is missing."""
    operation = _operation(*_called(task))
    named = _pascal if ":aws-sdk:" in task.resource else _raised
    sent = _api_value(task.parameters, operation.input_shape, named, path=str(task.pointer / "Parameters"))
    assert "" == ParamValidator().validate(sent, operation.input_shape).generate_report()


def _paths(value: Any) -> Iterator[str]:
    """Yield every path into the state's input, in payloads, choices and intrinsics."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(inner, str) and (key == "Variable" or key.endswith((".$", "Path"))):
                if key != "ResultPath":
                    yield from re.findall(r"(?<![\w$])\$(?:\.[A-Za-z]\w*|\[[^\]]*\])+", inner)
            else:
                yield from _paths(inner)
    elif isinstance(value, list):
        for each in value:
            yield from _paths(each)


def _response(task: Task) -> Shape | None:
    return _operation(*_called(task)).output_shape


def _resolve(shape: Shape, steps: list[str], path: str) -> None:
    for step in steps:
        if step.startswith("["):
            assert isinstance(shape, ListShape), f"{path}: {shape.name} is no list"
            shape = shape.member
        elif shape.type_name == "map":
            shape = shape.value
        else:
            assert isinstance(shape, StructureShape), (
                f"{path}: {shape.name} is a {shape.type_name}, and has no '{step}'"
            )
            members = {_pascal(name): name for name in shape.members}
            assert step in members, f"{path}: {shape.name} has no '{step}', only {sorted(members)}"
            shape = shape.members[members[step]]


RESULTS = {
    task.fields["ResultPath"].removeprefix("$."): task
    for task in TASKS
    if isinstance(task.fields.get("ResultPath"), str) and task.resource.split(":::")[1] != "lambda:invoke"
}


@pytest.mark.parametrize("name", sorted(RESULTS))
def test_paths_into_a_response_name_its_fields(name: str) -> None:
    """Each path below a result names a field of the API's response, in the right case, and none goes into a string."""
    read = {
        path
        for state in MACHINE.states.values()
        for path in _paths(state.fields)
        if path.split(".")[1].split("[")[0] == name
    }
    operation = RESULTS[name]
    shape = _response(operation)
    assert shape is not None
    for path in sorted(read):
        _resolve(
            shape,
            re.findall(r"\[[^\]]*\]|\w+", re.sub(r"\[\?\(.*?\)\]", "[0]", path.removeprefix(f"$.{name}"))),
            path,
        )
    assert read, f"nothing reads {name}; then it need not be kept"


def test_every_path_reads_a_field_that_is_set_on_every_way_there() -> None:
    """Whatever edge leads to a state, a failed call's too, the fields that it reads without a guard are there."""
    everywhere = frozenset(
        _first_step(path) for state in MACHINE.states.values() for path in _paths(state.fields)
    )
    known: dict[str, frozenset[str]] = {MACHINE.start_at or "": frozenset({*SCHEMA["properties"]})}
    waiting = [MACHINE.start_at or ""]
    while waiting:
        name = waiting.pop()
        state = MACHINE.states[name]
        for target, fields in _leaves_with(state, known[name]):
            merged = fields & known.get(target, everywhere | fields)
            if merged != known.get(target):
                known[target] = merged
                waiting.append(target)
    missing = {
        (state.name, field)
        for state in MACHINE.states.values()
        if not isinstance(state, Choice) and state.name in known
        for field in {_first_step(path) for path in _paths(state.fields)} - known[state.name]
    }
    # What the last Choice lets through is $.Result itself: the ends read its fields.
    assert {
        ("ValidationFailed", "Error"),
        ("ValidationFailed", "Cause"),
        ("PipelineFailed", "Error"),
        ("PipelineFailed", "Cause"),
    } == missing
    assert set(MACHINE.states) == set(known)


def _first_step(path: str) -> str:
    return re.split(r"[.\[]", path.removeprefix("$."))[0]


def _leaves_with(state: State, fields: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield where an execution goes from a state, and the fields that are set then."""
    after = fields
    result_path = state.fields.get("ResultPath", "$")
    if isinstance(state, Pass) and result_path == "$":
        after = frozenset(key.removesuffix(".$") for key in state.fields["Parameters"])
    elif isinstance(state, Pass | Task) and result_path is not None:
        after = fields | {result_path.removeprefix("$.")}
    for transition in state.transitions():
        if transition.kind is TransitionKind.CATCH:
            catcher = next(each for each in state.catchers if transition.pointer.within(each.pointer))
            yield (
                transition.target,
                fields | ({catcher.result_path.removeprefix("$.")} if catcher.result_path else set()),
            )
        elif isinstance(state, Choice) and transition.kind is TransitionKind.CHOICE:
            rule = next(each for each in state.rules if transition.pointer.within(each.pointer))
            yield transition.target, after
            del rule
        else:
            yield transition.target, after


def _reachable(start: str, *, without: set[str]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in found | without:
            found.add(name)
            waiting += [transition.target for transition in MACHINE.states[name].transitions()]
    return found


def test_no_task_is_left() -> None:
    """From RunTask nothing ends but through StopTask, or through the Choice that asked ECS and saw no task."""
    ends = {state.name for state in MACHINE.states.values() if state.is_terminal}
    assert ends & _reachable("RunMCPServerContainer", without=set())
    assert set() == ends & _reachable(
        "RunMCPServerContainer", without={"StopMCPServerContainer", "CheckLostTask", "NoteTaskMayBeRunning"}
    )
    # The one way past the Choice: ECS itself did not answer. It has a name, so that a person or a sweeper finds it.
    assert {"FindLostTask", "CheckLostTask"} == {
        state.name
        for state in MACHINE.states.values()
        for transition in state.transitions()
        if transition.target == "NoteTaskMayBeRunning"
    }


def test_once_the_task_is_known_every_path_stops_it() -> None:
    """After KeepTask, which holds the ARN, no path ends without StopTask, and none starts a second task."""
    after = _reachable("KeepTask", without={"StopMCPServerContainer"})
    assert {name for name in after if MACHINE.states[name].is_terminal} == set()
    assert "RunMCPServerContainer" not in after


def test_what_runs_is_what_was_built() -> None:
    """The image travels by JSONPath into the task definition that is run, and its digest is compared before judging."""
    register = MACHINE.states["RegisterValidationTaskDef"].fields["Parameters"]
    run = MACHINE.states["RunMCPServerContainer"].fields["Parameters"]
    assert [container["Image.$"] for container in register["ContainerDefinitions"]] == [
        "$.ImageDetails.ImageUri"
    ]
    assert "$.Registered.TaskDefinition.TaskDefinitionArn" == run["TaskDefinition.$"]
    assert "Overrides" not in run
    assert {"CheckImageDigest"} == {
        state.name
        for state in MACHINE.states.values()
        for transition in state.transitions()
        if transition.target == "ValidateMCPServer"
    }


def test_verdict_is_recorded_before_every_end_but_a_refused_input() -> None:
    """Nothing that was started ends without a verdict."""
    recorded_by = {"RecordVerdict", "NoteVerdictNotRecorded"}
    unrecorded = {
        name for name in _reachable("CheckInput", without=recorded_by) if MACHINE.states[name].is_terminal
    }
    assert {name for name in MACHINE.states if name.startswith("Refuse")} == unrecorded


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_task_has_a_timeout_and_catches_all(task: Task) -> None:
    """A call that hangs ends, and whatever a call raises goes on to the clean-up."""
    assert task.fields["TimeoutSeconds"] > 0
    assert "States.ALL" in task.catchers[-1].errors
    assert task.catchers[-1].result_path in ("$.Caught", None)


def test_retries_have_jitter_and_wait() -> None:
    """What is retried under load does not come back all at once."""
    for task in TASKS:
        for retrier in task.retriers:
            if retrier.max_attempts and "Lambda.ResourceNotReadyException" not in retrier.errors:
                assert retrier.full_jitter, task.name
                assert retrier.backoff_rate > 1, task.name


ERRORS_THAT_ASL_DEFINES = {"States.ALL", "States.Timeout"}
BASE_ERRORS = {
    "Ecs.EcsException",
    "Ecs.SdkClientException",
    "CodeBuild.AWSCodeBuildException",
    "CodeBuild.SdkClientException",
}
LAMBDA_ERRORS = {
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
}
"""Errors that no operation models: the base classes of the SDKs."""


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_error_names_are_those_that_the_integration_raises(task: Task) -> None:
    """A retry or a catch that names an error matches one that this call can raise: `Ecs.…` and not `ECS.…`."""
    service, name = _called(task)
    modelled = {
        shape.name.removesuffix("Exception").removesuffix("Fault") + "Exception"
        for shape in _operation(service, name).error_shapes
    }
    prefix = {"ecs": "Ecs", "codebuild": "CodeBuild", "lambda": "Lambda", "dynamodb": "DynamoDB"}[service]
    allowed = (
        {f"{prefix}.{each}" for each in modelled} | ERRORS_THAT_ASL_DEFINES | BASE_ERRORS | LAMBDA_ERRORS
    )
    named = {error for retrier in task.retriers for error in retrier.errors}
    named |= {error for catcher in task.catchers for error in catcher.errors}
    assert set() == {
        error for error in named if error not in allowed or not error.startswith((prefix, "States."))
    }


def test_identifiers_fit_their_limits() -> None:
    """ClientToken takes 64 characters, a family 255: both are made of a SHA-256, whatever the input's length."""
    run = MACHINE.states["RunMCPServerContainer"].fields["Parameters"]
    register = MACHINE.states["RegisterValidationTaskDef"].fields["Parameters"]
    hashed = "States.Hash(States.Format('{}#{}', $$.Execution.Id, $$.Execution.RedriveCount), 'SHA-256')"
    assert (hashed, hashed) == (run["ClientToken.$"], run["StartedBy.$"])
    assert (
        register["Family.$"] == "States.Format('ToolShedValidation-{}', States.Hash($.serverId, 'SHA-256'))"
    )
    assert {"Cluster", "StartedBy.$"} == set(MACHINE.states["FindLostTask"].fields["Parameters"])


def test_container_is_confined() -> None:
    """Read-only root, no capability, a writable /tmp with HOME there, nothing that Fargate refuses."""
    (container,) = MACHINE.states["RegisterValidationTaskDef"].fields["Parameters"]["ContainerDefinitions"]
    assert container["ReadonlyRootFilesystem"] is True
    assert ["ALL"] == container["LinuxParameters"]["Capabilities"]["Drop"]
    assert "/tmp" == container["LinuxParameters"]["Tmpfs"][0]["ContainerPath"]
    assert {"Name": "HOME", "Value": "/tmp"} in container["Environment"]
    assert set() == {"DockerSecurityOptions", "Privileged", "Secrets"} & set(container)


def test_build_overrides_variables_only() -> None:
    """The document cannot change what the build may do: no buildspec, role, image or privileged mode."""
    parameters = MACHINE.states["BuildMCPServerImage"].fields["Parameters"]
    assert {"ProjectName", "EnvironmentVariablesOverride"} == set(parameters)
    variables = parameters["EnvironmentVariablesOverride"]
    assert [each["Name"] for each in variables] == [
        "REPOSITORY_NAME",
        "ORIGINAL_REPOSITORY_NAME",
        "SERVER_ID",
        "EXECUTION_ID",
    ]
    # Of any other type, a value of the input would name a parameter or a secret to read.
    assert {each["Type"] for each in variables} == {"PLAINTEXT"}


def test_build_ends_before_its_state_does() -> None:
    """A `.sync` build is not cancelled when its state times out: CodeBuild's own two timeouts end it first."""
    project = json.loads((ROOT / "templates/validation-pipeline.template.json").read_text("utf-8"))[
        "Resources"
    ]["BuildProject"]["Properties"]
    state = MACHINE.states["BuildMCPServerImage"].fields["TimeoutSeconds"]
    assert (project["TimeoutInMinutes"] + project["QueuedTimeoutInMinutes"]) * 60 < state
    assert min(project["TimeoutInMinutes"], project["QueuedTimeoutInMinutes"]) >= 5


def test_each_fault_of_the_table_has_its_state_and_only_they() -> None:
    """What the document calls whose fault is what the table says."""
    noted = {
        (state.fields["Parameters"]["Error"], state.fields["Parameters"]["Fault"])
        for state in MACHINE.states.values()
        if state.name.startswith("Note")
    }
    assert {(fault.error, fault.fault) for fault in faults.table().values()} == noted


def test_results_have_one_form() -> None:
    """Whatever ended the validation, the record finds the same fields."""
    forms = {
        frozenset(key.removesuffix(".$") for key in state.fields["Parameters"])
        for state in MACHINE.states.values()
        if state.fields.get("ResultPath") == "$.Result"
    }
    assert {frozenset({"Outcome", "Verified", "Fault", "Error", "Cause", "Verdict"})} == forms


def test_patterns_of_the_schema_are_those_of_the_build() -> None:
    """What the input's schema refuses, the build's first command refuses too."""
    commands = yaml.safe_load((ROOT / "generator/resources/buildspec.yaml").read_text("utf-8"))["phases"][
        "pre_build"
    ]["commands"]
    checked = dict(re.findall(r"matches ([A-Z_]+) '([^']+)'", commands[0]))
    names = {
        "SERVER_ID": "serverId",
        "REPOSITORY_NAME": "repositoryName",
        "ORIGINAL_REPOSITORY_NAME": "originalRepositoryName",
    }
    assert {names[variable]: pattern for variable, pattern in checked.items()} == {
        name: SCHEMA["properties"][name]["pattern"] for name in names.values()
    }


def test_schema_is_one() -> None:
    """The input's schema is valid, and accepts what the README starts an execution with."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    example = {
        "repositoryName": "owner-name",
        "originalRepositoryName": "owner/name",
        "serverId": "io.github.owner/name",
    }
    assert [] == list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(example))


def test_states_keep_the_names_that_operators_know() -> None:
    """Renaming one of these breaks dashboards, runbooks and habits."""
    known = {
        "BuildMCPServerImage", "ParseImageUri", "RegisterValidationTaskDef", "RunMCPServerContainer", "WaitForTaskStartup", "DescribeTask",
        "ValidateMCPServer", "StopMCPServerContainer", "DeregisterValidationTaskDef", "RecordVerdict", "CheckValidationResult",
        "ValidationSucceeded", "ValidationFailed", "PipelineFailed",
    }  # fmt: skip
    assert known <= set(MACHINE.states)
    assert [] == [state for state in MACHINE.states.values() if state.type in ("Parallel", "Map")]


def test_partition_is_written_in_nowhere() -> None:
    """The document runs in GovCloud and China too: only `${Partition}` stands in its ARNs."""
    text = (ROOT / "asl/validation-pipeline.asl.json").read_text("utf-8")
    assert {"${Partition}"} == set(re.findall(r"arn:([^:\"]+):", text))


def test_refusals_name_the_field() -> None:
    """Each refused input names the field that is wrong."""
    refusals = [
        state
        for state in MACHINE.states.values()
        if isinstance(state, Fail) and state.fields.get("Error") == "InvalidInput"
    ]
    assert set(SCHEMA["properties"]) == {
        str(state.fields["Cause"]).split()[0].rstrip(",") for state in refusals
    }
