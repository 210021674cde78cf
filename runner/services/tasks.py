"""Fargate here: the API's state in the emulator, and a process for each task, on its network interface's address.

The emulator registers, runs, lists and stops; what it cannot know is laid over its answers: whether the process
lives, its image's digest, its address. RunTask is idempotent by its client token, as AWS's is and the emulator's
is not.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.processes import Command, Process, ProcessError
from runner.services import interfaces
from runner.services.call import failed
from runner.services.log_streams import LogStreams, times_of
from runner.services.shapes import from_api, to_api

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from runner.emulator import Emulator
    from runner.services.call import Call
    from runner.services.images import Images
    from runner.services.interfaces import Interface
    from runner.services.log_streams import Following

STOP_SECONDS = 1.0
"""Fargate gives a container 30 seconds between SIGTERM and SIGKILL; here nobody waits so long."""
ADDRESS_TRIES = 8


@dataclass
class Task:
    """A task, and the process that stands for its container."""

    arn: str
    execution_arn: str
    definition: Mapping[str, Any]
    """As it was registered, in the API's names."""
    folder: Path
    interface: Interface | None = None
    process: Process | None = None
    port: int = 0
    """Where the command is to listen; connections to the task's own port are passed there."""
    digest: str = ""
    argv: tuple[str, ...] = ()
    following: Following | None = None
    """What sends its output to its log stream."""
    stopped: dict[str, str] | None = None
    """Stop code and reason, once it has stopped."""
    is_settled: bool = False
    """Whether the emulator knows that it has stopped."""

    @property
    def container(self) -> Mapping[str, Any]:
        """Its one container's definition."""
        found: Mapping[str, Any] = self.definition["containerDefinitions"][0]
        return found

    @property
    def log(self) -> Path:
        """What the command printed."""
        return self.folder / "container.log"

    @property
    def log_stream(self) -> tuple[str, str]:
        """The group and the stream of what the command prints, as the driver awslogs names them."""
        options = (self.container.get("logConfiguration") or {}).get("options", {})
        identifier = self.arn.rpartition("/")[2]
        name = f"{options.get('awslogs-stream-prefix')}/{self.container['name']}/{identifier}"
        return options.get("awslogs-group", ""), name

    @property
    def is_alive(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.exit is None


@dataclass
class Tasks:
    """All tasks of a run. Safe to be asked from any thread."""

    emulator: Emulator
    images: Images
    logs: LogStreams
    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)
    """What the operator adds to every container's environment."""
    has_real_addresses: bool = True
    tasks: dict[str, Task] = field(default_factory=dict)
    _by_token: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def call(self, operation: str, call: Call) -> Any:
        """Answer one of the operations of ECS that the pipeline uses; others are the emulator's alone."""
        match operation:
            case "RunTask":
                return self._run(call)
            case "DescribeTasks":
                return self._describe(call)
            case "StopTask":
                return self._stop(call)
            case "ListTasks":
                self._settle()
        return self._ask(operation, call.parameters)

    def close(self) -> None:
        """End every task's process."""
        for task in list(self.tasks.values()):
            if task.process is not None:
                task.process.close()

    def forget(self, tasks: Iterable[Task]) -> None:
        """Let go of tasks whose execution is over."""
        for task in tasks:
            if task.process is not None:
                task.process.close()
            if task.following is not None:
                task.following.close()
            shutil.rmtree(task.folder, ignore_errors=True)
            with self._lock:
                self.tasks.pop(task.arn, None)

    def addresses(self) -> dict[str, int]:
        """Return the local port behind each task's address, where an address is none of this machine's."""
        return {
            task.interface.address: task.port
            for task in list(self.tasks.values())
            if task.interface is not None
        }

    def _ask(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Ask the emulator, in the API's names, and answer in those of Step Functions."""
        from botocore import xform_name  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the help needs no botocore

        client = self.emulator.client("ecs")
        model = client.meta.service_model.operation_model(operation)
        try:
            answer = getattr(client, xform_name(operation))(**to_api(model.input_shape, dict(parameters)))
        except (ClientError, BotoCoreError) as error:
            raise failed("Ecs", error) from error
        found: dict[str, Any] = from_api(model.output_shape, answer)
        return found

    def _run(self, call: Call) -> Any:
        token = call.parameters.get("ClientToken", "")
        with self._lock:
            known = self._by_token.get(token) if token else None
            if known is None:
                answer = self._ask("RunTask", call.parameters)
                if not answer.get("Tasks"):
                    return answer
                task = self._new(answer["Tasks"][0]["TaskArn"], call)
                if token:
                    self._by_token[token] = task.arn
                self._start(task, call.parameters)
                known = task.arn
        listed = self._ask("DescribeTasks", {"Cluster": call.parameters["Cluster"], "Tasks": [known]})
        return {"Failures": [], "Tasks": [self._pending(each) for each in listed["Tasks"]]}

    def _new(self, arn: str, call: Call) -> Task:
        described = self.emulator.client("ecs").describe_task_definition(
            taskDefinition=call.parameters["TaskDefinition"]
        )
        folder = self.folder / arn.rpartition("/")[2]
        (folder / "home").mkdir(parents=True)
        task = Task(arn, call.execution_arn, described["taskDefinition"], folder)
        self.tasks[arn] = task
        return task

    def _start(self, task: Task, parameters: Mapping[str, Any]) -> None:
        """Start a task's process; what keeps it from starting stops the task, as Fargate does."""
        uri = task.container["image"]
        image = self.images.pull(uri)
        if image is None:
            # Evidence for the form: documentation (ECS Developer Guide, "Stopped tasks error messages").
            _set_stopped(
                task, "TaskFailedToStart", f"CannotPullContainerError: no registry of this machine has {uri}"
            )
            return
        task.digest = uri.rpartition("@")[2]
        network = parameters["NetworkConfiguration"]["AwsvpcConfiguration"]
        for attempt in range(ADDRESS_TRIES):
            task.interface = interfaces.create(
                self.emulator, network["Subnets"][0], network["SecurityGroups"]
            )
            try:
                task.process = Process(self._command(task, image.built))
                task.following = self.logs.follow(*task.log_stream, task.log)
            except ProcessError as error:
                interfaces.delete(self.emulator, task.interface)
                task.interface = None
                if error.reason == "EADDRINUSE" and attempt + 1 < ADDRESS_TRIES:
                    continue
                _set_stopped(task, "TaskFailedToStart", _why_not_started(error, task))
            return

    def _command(self, task: Task, built: Any) -> Command:
        """Return what stands for the container: the image's command, in its folder, with its environment."""
        assert task.interface is not None  # noqa: S101 - made just before
        mapped = task.container["portMappings"][0]["containerPort"]
        is_direct = (
            any("{address}" in word for word in (*built.argv, *self.env.values())) and self.has_real_addresses
        )
        # A command that does not listen yet leaves its port free.
        held = {each.port for each in list(self.tasks.values())}
        task.port = mapped if is_direct else _free_port(held)
        places = {"{port}": str(task.port), "{address}": task.interface.address if is_direct else "127.0.0.1"}
        home = str(task.folder / "home")
        given = {each["name"]: each["value"] for each in task.container.get("environment", [])}
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "TMPDIR": home,
            **built.env,
            **{name: home if value == "/tmp" else value for name, value in given.items()},  # noqa: S108
            "PORT": str(task.port),
            **{name: _filled(value, places) for name, value in self.env.items()},
        }
        task.argv = tuple(_filled(_placed(word, built.files), places) for word in built.argv)
        workdir = built.files / built.workdir.lstrip("/")
        return Command(
            argv=(_program(task.argv[0], env["PATH"], workdir), *task.argv[1:]),
            cwd=workdir if workdir.is_dir() else built.files,
            log=task.log,
            times=str(times_of(task.log)),
            env=env,
            memory=int(task.definition["memory"]),
            # Without an address of this machine's, the validator is led to the port itself.
            address=task.interface.address if self.has_real_addresses else "",
            port=mapped,
            target=task.port,
        )

    def _settle(self) -> None:
        """Tell the emulator of the tasks that have ended by themselves."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the help needs no botocore

        for task in list(self.tasks.values()):
            if not task.is_settled and self._has_exited(task):
                task.is_settled = True
                cluster = task.arn.split("/")[1]
                reason = (task.stopped or {}).get("StoppedReason", "")
                with contextlib.suppress(ClientError, BotoCoreError):
                    self.emulator.client("ecs").stop_task(cluster=cluster, task=task.arn, reason=reason)

    def _describe(self, call: Call) -> Any:
        self._settle()
        answer = self._ask("DescribeTasks", call.parameters)
        answer["Tasks"] = [self._laid_over(each) for each in answer.get("Tasks", [])]
        return answer

    def _stop(self, call: Call) -> Any:
        answer = self._ask("StopTask", call.parameters)
        task = self.tasks.get(answer["Task"]["TaskArn"])
        if task is not None:
            task.is_settled = True
            if task.stopped is None and not self._has_exited(task):
                _set_stopped(task, "UserInitiated", call.parameters.get("Reason", ""))
            if task.process is not None:
                task.process.stop(STOP_SECONDS)
                task.process.wait(STOP_SECONDS + 1)
                task.process.close()
            self._clear_up(task)
        answer["Task"] = self._laid_over(answer["Task"])
        return answer

    def _clear_up(self, task: Task) -> None:
        if task.following is not None:
            task.following.close()
        if task.interface is not None:
            with contextlib.suppress(OSError):
                interfaces.delete(self.emulator, task.interface)
        shutil.rmtree(task.folder / "home", ignore_errors=True)

    def _has_exited(self, task: Task) -> bool:
        """Note that a task's process has ended by itself, should it have."""
        if task.stopped is None and task.process is not None and task.process.exit is not None:
            reason = "Essential container in task exited"
            if task.process.exit.killed_for == "memory":
                reason = "OutOfMemoryError: Container killed due to memory usage"
            _set_stopped(task, "EssentialContainerExited", reason)
        return task.stopped is not None

    def _pending(self, described: dict[str, Any]) -> dict[str, Any]:
        """Return a task as RunTask answers it: it is not known yet what will become of it."""
        bare = {"LastStatus": "PROVISIONING", "StopCode": None, "StoppedReason": None}
        return _without_unset({**described, **bare})

    def _laid_over(self, described: dict[str, Any]) -> dict[str, Any]:
        """Return a task as it is: the emulator's description, and what is known of the process."""
        task = self.tasks.get(described["TaskArn"])
        if task is None:
            return described
        container = described["Containers"][0]
        # The emulator's own: it takes every container that is stopped for one that ended well.
        container.pop("ExitCode", None)
        container["Image"] = task.container["image"]
        facts: dict[str, Any] = {
            "LastStatus": "RUNNING",
            "DesiredStatus": "RUNNING",
            "StopCode": None,
            "StoppedReason": None,
        }
        if self._has_exited(task):
            facts = {"LastStatus": "STOPPED", "DesiredStatus": "STOPPED", **(task.stopped or {})}
            container["LastStatus"] = "STOPPED"
            ended = task.process.exit if task.process is not None else None
            if ended is not None:
                container["ExitCode"] = ended.code if ended.code is not None else 128 + (ended.signal or 0)
                container["Reason"] = str(ended)
        if task.digest:
            container["ImageDigest"] = task.digest
        if task.interface is not None:
            address = {"PrivateIpv4Address": task.interface.address, "AttachmentId": task.interface.id}
            container["NetworkInterfaces"] = [address]
        return _without_unset({**described, **facts, "Containers": [container]})


def _set_stopped(task: Task, code: str, reason: str) -> None:
    task.stopped = {"StopCode": code, "StoppedReason": reason}


def _without_unset(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: inner for name, inner in value.items() if inner is not None and inner != ""}


def _why_not_started(error: ProcessError, task: Task) -> str:
    """Return a reason as ECS words it. Evidence for the form: documentation ("Stopped tasks error messages")."""
    if error.reason == "EADDRINUSE":
        port = task.container["portMappings"][0]["containerPort"]
        return (
            f"ResourceInitializationError: port {port} is taken on every address of this machine; "
            "something else listens there, end it first"
        )
    if error.reason == "EADDRNOTAVAIL":
        return "ResourceInitializationError: this machine has no loopback network that a task could use"
    if error.reason in {"ENOENT", "EACCES", "ENOEXEC", "ENOTDIR"}:
        return f'CannotStartContainerError: exec: "{task.argv[0]}": {error.message}'
    return f"ResourceInitializationError: {error.message}"


def _program(name: str, path: str, workdir: Path) -> str:
    """Return where a program is: found on the container's PATH, or in its folder."""
    if "/" in name:
        return name if Path(name).is_absolute() else str(workdir / name)
    return shutil.which(name, path=path) or name


def _placed(word: str, files: Path) -> str:
    """Return a word of a command, its absolute path led into the image where the image has it."""
    if word.startswith("/") and word != "/" and (files / word.lstrip("/")).exists():
        return str(files / word.lstrip("/"))
    return word


def _filled(text: str, places: Mapping[str, str]) -> str:
    for place, value in places.items():
        text = text.replace(place, value)
    return text


def _free_port(held: Container[int]) -> int:
    """Return a port that nobody listens on, and that nobody holds for a command which does not listen yet."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as found:
            found.bind(("127.0.0.1", 0))
            port: int = found.getsockname()[1]
        if port not in held:
            return port
