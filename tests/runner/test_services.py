"""Each local service by itself: its answers are AWS's, also where something goes wrong."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from runner import state_test
from runner.services.builds import BuildspecError, _write_script
from runner.services.call import Call, failed
from runner.services.shapes import from_api, to_api
from runner.services.stand_ins import Source, StandIns
from runner.services.tasks import _free_port, _why_not_started
from runner.stack import STACK
from states_language.interpreter import TaskFailed, Took

if TYPE_CHECKING:
    from runner.pipeline import Pipeline

ROOT = Path(__file__).parent.parent.parent
ARN = "arn:aws:states:us-east-1:123456789012:execution:pipeline:test"


def call(parameters: dict[str, Any], seconds: float = 30, arn: str = ARN) -> Call:
    """Make a call that has so many seconds."""
    return Call(parameters, arn, time.monotonic() + seconds)


# CodeBuild


def start_build(pipeline: Pipeline, source: Source, arn: str, **variables: str) -> Any:
    """Build a source in the deployed project."""
    given = {
        "REPOSITORY_NAME": "name",
        "ORIGINAL_REPOSITORY_NAME": "owner/name",
        "SERVER_ID": "id",
        **variables,
    }
    pipeline.builds.sources[arn] = source
    parameters = {
        "ProjectName": pipeline.stack.outputs["BuildProjectNameInUse"],
        "EnvironmentVariablesOverride": [{"Name": name, "Type": "PLAINTEXT", "Value": value} for name, value in given.items()],
    }  # fmt: skip
    return pipeline.builds.start_build(call(parameters, arn=arn))


@pytest.mark.parametrize("asked", [b"", b'{"build": "b", "ar', b'{"build": "b", "argv": ["git"], "cwd": "/"}\n'], ids=["nothing", "half", "all"])  # fmt: skip
def test_a_build_s_program_that_is_killed_is_no_defect(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], asked: bytes
) -> None:
    """Whatever it has asked by then, and whether or not it waits for the answer: nothing is printed of it."""
    nobody: Any = None
    stand_ins = StandIns(nobody, nobody, tmp_path)
    stand_ins.start()
    try:
        for _ in range(20):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(stand_ins.socket))
                connection.sendall(asked)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(stand_ins.socket))
            connection.sendall(b'{"build": "b", "argv": ["git"], "cwd": "/"}\n')
            assert b"no such build" in connection.makefile("rb").readline()
        time.sleep(0.1)
    finally:
        stand_ins.close()
    assert ("", "") == capfd.readouterr()


def exported(answer: Any) -> dict[str, str]:
    """Return what a build exported."""
    return {each["Name"]: each["Value"] for each in answer["Build"]["ExportedEnvironmentVariables"]}


def test_a_build_exports_the_image_that_the_registry_holds(pipeline: Pipeline) -> None:
    """The digest is the registry's, and the same sources give the same one."""
    first = exported(start_build(pipeline, Source(ROOT / "samples/greeter"), f"{ARN}-1"))
    second = exported(start_build(pipeline, Source(ROOT / "samples/greeter"), f"{ARN}-2"))
    uri, _, digest = first["IMAGE_URI"].partition("@")
    assert pipeline.stack.outputs["ImageRepositoryUri"] == uri
    held = pipeline.emulator.client("ecr").describe_images(repositoryName=uri.partition("/")[2])[
        "imageDetails"
    ]
    assert digest in [each["imageDigest"] for each in held]
    assert first["IMAGE_URI"] == second["IMAGE_URI"]
    assert "" == first["BUILD_FAILURE"]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "has no file named Dockerfile"),
        ({"Dockerfile": "FROM a\nCOPY missing .\nCMD x"}, "docker ended with 1"),
        ({"Dockerfile": "FROM a"}, "docker ended with 1"),
    ],
)
def test_a_repository_that_does_not_build_says_why(
    pipeline: Pipeline, tmp_path: Path, files: dict[str, str], reason: str
) -> None:
    """It is an answer of the build, not a failed build."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = exported(start_build(pipeline, Source(tmp_path), f"{ARN}-{tmp_path.name}"))
    assert "" == found["IMAGE_URI"]
    assert reason in found["BUILD_FAILURE"]


def test_a_failed_build_fails_its_task(pipeline: Pipeline) -> None:
    """An input that does not fit the patterns ends the build; the cause is its description."""
    with pytest.raises(TaskFailed) as raised:
        start_build(pipeline, Source(ROOT / "samples/greeter"), f"{ARN}-3", SERVER_ID="no\ttab")
    assert "States.TaskFailed" == raised.value.error
    assert "FAILED" == json.loads(raised.value.cause or "")["BuildStatus"]


def test_the_build_s_log_is_kept(pipeline: Pipeline) -> None:
    """What the commands printed lies in the project's log group."""
    answer = start_build(pipeline, Source(command=("true",)), f"{ARN}-4")
    logs = answer["Build"]["Logs"]
    events = pipeline.emulator.client("logs").get_log_events(
        logGroupName=logs["GroupName"], logStreamName=logs["StreamName"]
    )["events"]
    assert any("Login Succeeded" in event["message"] for event in events)


@pytest.mark.parametrize(
    "spec",
    [
        {"phases": {"build": {"commands": [], "finally": []}}},
        {"phases": {"deploy": {"commands": []}}},
        {"phases": {}, "artifacts": {}},
        {"phases": {}, "env": {"secrets-manager": {}}},
    ],
)
def test_what_a_local_build_cannot_do_is_refused(tmp_path: Path, spec: dict[str, Any]) -> None:
    """Nothing of a buildspec is left out in silence."""
    with pytest.raises(BuildspecError, match="does not know"):
        _write_script(spec, tmp_path)


# ECS


def registered(pipeline: Pipeline, image: str) -> str:
    """Register the committed task definition with an image."""
    parameters = json.loads(
        json.dumps(pipeline.stack.machine.states["RegisterValidationTaskDef"].fields["Parameters"])
    )
    del parameters["Family.$"]
    parameters |= {"Family": "test", "Tags": []}
    (container,) = parameters["ContainerDefinitions"]
    del container["Image.$"]
    container["Image"] = image
    answer = pipeline.tasks.call("RegisterTaskDefinition", call(parameters))
    arn: str = answer["TaskDefinition"]["TaskDefinitionArn"]
    return arn


def run_task(pipeline: Pipeline, image: str, token: str) -> dict[str, Any]:
    """Run a task of an image."""
    network = pipeline.stack.machine.states["RunMCPServerContainer"].fields["Parameters"]["NetworkConfiguration"]["AwsvpcConfiguration"]  # fmt: skip
    subnets = network["Subnets.$"].partition("'")[2].partition("'")[0].split(",")
    parameters = {
        "Cluster": pipeline.stack.outputs["ClusterNameInUse"],
        "TaskDefinition": registered(pipeline, image),
        "LaunchType": "FARGATE",
        "Count": 1,
        "ClientToken": token,
        "StartedBy": token,
        "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": subnets, "SecurityGroups": network["SecurityGroups"]}},
    }  # fmt: skip
    answer: dict[str, Any] = pipeline.tasks.call("RunTask", call(parameters))
    return answer


def described(pipeline: Pipeline, arn: str) -> dict[str, Any]:
    """Describe a task."""
    cluster = pipeline.stack.outputs["ClusterNameInUse"]
    (task,) = pipeline.tasks.call("DescribeTasks", call({"Cluster": cluster, "Tasks": [arn]}))["Tasks"]
    found: dict[str, Any] = task
    return found


def stop_task(pipeline: Pipeline, arn: str) -> dict[str, Any]:
    """Stop a task."""
    cluster = pipeline.stack.outputs["ClusterNameInUse"]
    found: dict[str, Any] = pipeline.tasks.call("StopTask", call({"Cluster": cluster, "Task": arn, "Reason": "test"}))["Task"]  # fmt: skip
    return found


def image_of(pipeline: Pipeline, *command: str) -> str:
    """Build an image with a command."""
    return exported(start_build(pipeline, Source(command=command), f"{ARN}-{hash(command)}"))["IMAGE_URI"]


def test_a_task_has_the_digest_and_an_address(pipeline: Pipeline) -> None:
    """What the pipeline compares and calls is there once it runs, and it is listed by who started it."""
    uri = image_of(pipeline, "sleep", "100")
    (task,) = run_task(pipeline, uri, "a")["Tasks"]
    found = described(pipeline, task["TaskArn"])
    assert ("PROVISIONING", "RUNNING") == (task["LastStatus"], found["LastStatus"])
    (container,) = found["Containers"]
    assert uri.partition("@")[2] == container["ImageDigest"]
    socket.inet_aton(container["NetworkInterfaces"][0]["PrivateIpv4Address"])
    cluster = pipeline.stack.outputs["ClusterNameInUse"]
    listed = pipeline.tasks.call("ListTasks", call({"Cluster": cluster, "StartedBy": "a"}))["TaskArns"]
    assert [task["TaskArn"]] == listed
    stopped = stop_task(pipeline, task["TaskArn"])
    assert ("STOPPED", "UserInitiated", "test") == tuple(stopped[name] for name in ("LastStatus", "StopCode", "StoppedReason"))  # fmt: skip
    assert not pipeline.tasks.tasks[task["TaskArn"]].is_alive


class Given:
    """Ports of other tasks: whatever is asked for first, and second."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def __contains__(self, port: object) -> bool:
        """Note what was asked for."""
        self.asked.append(port)
        return len(self.asked) < 3


def test_two_tasks_never_share_a_port() -> None:
    """What was given to a task whose command does not listen yet is free to the system, and is not given again."""
    given = Given()
    port = _free_port(given)
    assert given.asked[2:] == [port]
    assert 3 == len(given.asked)


def test_running_again_with_the_token_is_the_same_task(pipeline: Pipeline) -> None:
    """A retried RunTask starts no second one."""
    uri = image_of(pipeline, "sleep", "101")
    first, second = (run_task(pipeline, uri, "b")["Tasks"][0]["TaskArn"] for _ in range(2))
    assert first == second
    stop_task(pipeline, first)


@pytest.mark.parametrize(
    ("command", "code", "reason", "exit_code"),
    [
        (("sh", "-c", "exit 3"), "EssentialContainerExited", "Essential container in task exited", 3),
        (("sh", "-c", "kill -9 $$"), "EssentialContainerExited", "Essential container in task exited", 137),
        (("/no/such/program",), "TaskFailedToStart", "CannotStartContainerError", None),
    ],
)
def test_a_task_that_ends_says_how(
    pipeline: Pipeline, command: tuple[str, ...], code: str, reason: str, exit_code: int | None
) -> None:
    """Stop code, reason and exit code are those by which the pipeline tells whose fault it was."""
    (task,) = run_task(pipeline, image_of(pipeline, *command), f"c-{command[-1]}")["Tasks"]
    known = pipeline.tasks.tasks[task["TaskArn"]]
    if known.process is not None:
        known.process.wait(5)
    found = described(pipeline, task["TaskArn"])
    assert ("STOPPED", code) == (found["LastStatus"], found["StopCode"])
    assert reason in found["StoppedReason"]
    assert exit_code == found["Containers"][0].get("ExitCode")
    assert code == stop_task(pipeline, task["TaskArn"])["StopCode"]


def test_an_image_that_nobody_has_cannot_be_pulled(pipeline: Pipeline) -> None:
    """The task is there, and stopped, as on Fargate."""
    (task,) = run_task(pipeline, f"public.ecr.aws/a/b@sha256:{'0' * 64}", "d")["Tasks"]
    found = described(pipeline, task["TaskArn"])
    assert ("TaskFailedToStart", True) == (
        found["StopCode"],
        "CannotPullContainerError" in found["StoppedReason"],
    )


def test_an_unknown_task_is_missing(pipeline: Pipeline) -> None:
    """As AWS says it, and stopping it fails."""
    cluster = pipeline.stack.outputs["ClusterNameInUse"]
    answer = pipeline.tasks.call("DescribeTasks", call({"Cluster": cluster, "Tasks": ["0" * 32]}))
    assert ([], "MISSING") == (answer["Tasks"], answer["Failures"][0]["Reason"])
    with pytest.raises(TaskFailed) as raised:
        stop_task(pipeline, "0" * 32)
    assert "Ecs.InvalidParameterException" == raised.value.error


def test_a_server_gets_no_credential(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's process sees its image's and its definition's environment, not the operator's."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    (task,) = run_task(pipeline, image_of(pipeline, "sh", "-c", "env; sleep 100"), "e")["Tasks"]
    log = pipeline.tasks.tasks[task["TaskArn"]].log
    deadline = time.monotonic() + 5
    while "PORT=" not in (log.read_text() if log.exists() else "") and time.monotonic() < deadline:
        time.sleep(0.01)
    names = {line.partition("=")[0] for line in log.read_text().splitlines()}
    stop_task(pipeline, task["TaskArn"])
    assert {"HOME", "PORT", "PATH", "LANG", "TMPDIR"} <= names <= {"HOME", "PORT", "PATH", "LANG", "TMPDIR", "PWD", "_", "SHLVL", "OLDPWD"}  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("EADDRINUSE", "something else listens there"),
        ("EADDRNOTAVAIL", "no loopback network"),
        ("EMFILE", "message"),
    ],
)
def test_what_keeps_a_task_from_starting_is_not_the_server_s_fault(reason: str, expected: str) -> None:
    """A port in use, or no address, is named as what it is: the pipeline tells it from a command that is wrong."""
    from runner.processes import ProcessError  # noqa: PLC0415
    from runner.services.tasks import Task  # noqa: PLC0415

    definition = {"containerDefinitions": [{"portMappings": [{"containerPort": 8000}]}]}
    found = _why_not_started(ProcessError(reason, "message"), Task("arn", ARN, definition, Path()))
    assert found.startswith("ResourceInitializationError: ")
    assert expected in found


# Lambda


def function(pipeline: Pipeline, name: str, source: str, timeout: int = 5, memory: int = 128) -> str:
    """Create a function in the emulator."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr("module.py", source)
    pipeline.emulator.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=pipeline.stack.role_arn,
        Handler="module.handler",
        Code={"ZipFile": buffer.getvalue()},
        Timeout=timeout,
        MemorySize=memory,
    )
    return name


def test_a_function_answers(pipeline: Pipeline) -> None:
    """The payload is the handler's, wrapped as the optimized integration wraps it."""
    name = function(pipeline, "answers", "def handler(event, context):\n  return [event, 50_000 < context.get_remaining_time_in_millis() <= 100_000]", timeout=100)  # fmt: skip
    answer = pipeline.functions.invoke(call({"FunctionName": name, "Payload": {"a": 1}}))
    assert (200, [{"a": 1}, True]) == (answer["StatusCode"], answer["Payload"])


@pytest.mark.parametrize(
    ("name", "source", "error"),
    [
        ("raises", "def handler(e, c):\n  raise KeyError('x')", "KeyError"),
        ("imports", "import nothing_of_this_name", "ModuleNotFoundError"),
        ("exits", "def handler(e, c):\n  import os; os._exit(3)", "Runtime.ExitError"),
        ("hangs", "def handler(e, c):\n  import time; time.sleep(60)", "Sandbox.Timedout"),
        ("unserializable", "def handler(e, c):\n  return {1, 2}", "TypeError"),
        ("huge", "def handler(e, c):\n  return 'x' * 7_000_000", "Function.ResponseSizeTooLarge"),
        (
            "hungry",
            "def handler(e, c):\n  import time; x = b'x' * 400_000_000; time.sleep(60)",
            "Runtime.ExitError",
        ),
    ],
)
def test_a_function_that_fails_is_named(pipeline: Pipeline, name: str, source: str, error: str) -> None:
    """The error's class, or Lambda's own name for it."""
    timeout = 1 if name == "hangs" else 20
    arn = function(pipeline, name, source, timeout)
    with pytest.raises(TaskFailed) as raised:
        pipeline.functions.invoke(call({"FunctionName": arn, "Payload": {}}))
    assert error == raised.value.error
    assert error == json.loads(raised.value.cause or "")["errorType"]


def test_a_function_slower_than_its_state_is_never_heard_of(pipeline: Pipeline) -> None:
    """The state times out; the function is ended all the same."""
    name = function(pipeline, "slow", "def handler(e, c):\n  import time; time.sleep(60)", 30)
    assert Took(float("inf")) == pipeline.functions.invoke(call({"FunctionName": name}, seconds=0.2))


def test_an_address_that_is_none_of_this_machine_s_is_led_to_a_port(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a task's address cannot be bound, the function's connections to it reach the task's port all the same."""
    source = (
        "import socket\ndef handler(event, context):\n"
        "  with socket.create_connection(('10.77.0.9', 8000), 5) as connection: return connection.recv(9).decode()"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer_once() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"the task")

        threading.Thread(target=answer_once, daemon=True).start()
        monkeypatch.setattr(pipeline.functions, "addresses", lambda: {"10.77.0.9": port})
        answer = pipeline.functions.invoke(call({"FunctionName": function(pipeline, "led", source)}))
    assert "the task" == answer["Payload"]


def test_without_real_addresses_a_task_is_not_forwarded(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its port is known by its address, which the interface still has."""
    monkeypatch.setattr(pipeline.tasks, "has_real_addresses", False)
    (task,) = run_task(pipeline, image_of(pipeline, "sleep", "102"), "f")["Tasks"]
    known = pipeline.tasks.tasks[task["TaskArn"]]
    assert known.interface is not None
    assert known.process is not None
    assert (known.port, False) == (
        pipeline.tasks.addresses()[known.interface.address],
        known.process.is_watched,
    )
    stop_task(pipeline, task["TaskArn"])


def test_an_unknown_function_is_named(pipeline: Pipeline) -> None:
    """As the API names it."""
    with pytest.raises(TaskFailed) as raised:
        pipeline.functions.invoke(call({"FunctionName": "nobody"}))
    assert "Lambda.ResourceNotFoundException" == raised.value.error


# Names


def test_names_are_led_between_the_two_worlds(pipeline: Pipeline) -> None:
    """Members of structures change their case, keys of maps do not, and an unknown name is kept to be refused."""
    model = pipeline.emulator.client("ecs").meta.service_model.operation_model("RegisterTaskDefinition")
    there = {"Family": "f", "ContainerDefinitions": [{"Name": "n", "DockerLabels": {"Some.Key": "v"}, "ReadonlyRootFilesystem": True}]}  # fmt: skip
    here = {"family": "f", "containerDefinitions": [{"name": "n", "dockerLabels": {"Some.Key": "v"}, "readonlyRootFilesystem": True}]}  # fmt: skip
    assert here == to_api(model.input_shape, there)
    assert there == from_api(model.input_shape, here)
    assert {"Image": "x"} == to_api(model.input_shape, {"Image": "x"})


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ClusterNotFoundException", "Ecs.ClusterNotFoundException"),
        ("InvalidParameter", "Ecs.InvalidParameterException"),
        ("com.amazonaws#ServerException", "Ecs.ServerException"),
    ],
)
def test_errors_are_named_as_the_integration_names_them(code: str, expected: str) -> None:
    """boto3's codes become the names that retriers and catchers know."""
    error = type("E", (Exception,), {"response": {"Error": {"Code": code, "Message": "m"}}})()
    assert (expected, "m") == (failed("Ecs", error).error, failed("Ecs", error).cause)
    assert "Ecs.SdkClientException" == failed("Ecs", OSError("no")).error


# TestState


@pytest.mark.parametrize(
    ("state", "given", "expected"),
    [
        ("CheckVerdict", {"Validation": {"Payload": {"outcome": "verified", "verified": True}}}, {"status": "SUCCEEDED", "nextState": "KeepVerdict"}),
        ("ValidationFailed", {"Error": "Rejected", "Cause": "why"}, {"status": "FAILED", "error": "Rejected", "cause": "why"}),
    ],
)  # fmt: skip
def test_the_test_state_api_is_asked_about_the_deployed_definition(
    pipeline: Pipeline,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    given: Any,
    expected: dict[str, Any],
) -> None:
    """On the emulator, which knows the API: what it answers is what the interpreter gives. Evidence: emulator."""
    monkeypatch.setattr(boto3, "client", pipeline.emulator.client)
    found = state_test.on_aws(STACK, state, given, state_test.NO_MOCK)
    here = state_test.here(ROOT / state_test.DEFINITION, state, given, state_test.NO_MOCK)
    assert expected == {key: found[key] for key in expected}
    assert expected == {key: here[key] for key in expected}


def test_a_state_that_is_not_deployed_is_told(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the states that are."""
    monkeypatch.setattr(boto3, "client", pipeline.emulator.client)
    with pytest.raises(state_test.StateTestError, match="has no state Nowhere; it has CheckInput"):
        state_test.on_aws(STACK, "Nowhere", {}, state_test.NO_MOCK)
