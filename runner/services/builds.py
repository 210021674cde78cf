"""CodeBuild here: the deployed project's buildspec, its commands run by bash, with stand-ins first on PATH.

As CodeBuild does: all commands run in one shell; a command that fails ends its phase; a failed pre_build ends the
build, a failed build still runs post_build, which sees it in CODEBUILD_BUILD_SUCCEEDING. What it does not do: the
install phase's runtimes, `finally`, artifacts, caches, reports.
Evidence: documentation (CodeBuild User Guide, "Build specification reference", "Build phase transitions").
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runner.processes import Command, Process, ProcessError
from runner.services.call import failed
from runner.services.log_streams import LogStreams, times_of
from runner.services.stand_ins import Build, Source
from states_language.interpreter import TaskFailed, Took

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runner.emulator import Emulator
    from runner.services.call import Call
    from runner.services.stand_ins import StandIns

IN_PROGRESS = "IN_PROGRESS"
STOP_SECONDS = 4.0
"""What a build that is stopped may take to be over."""
PHASES = ("install", "pre_build", "build", "post_build")
KNOWN = {
    "": {"version", "env", "phases"},
    "env": {"shell", "exported-variables", "variables"},
    "phase": {"commands"},
}

PROLOGUE = r"""
export CODEBUILD_BUILD_SUCCEEDING=1
toolshed_phase=none
toolshed_end() {
  [ "$CODEBUILD_BUILD_SUCCEEDING" = 1 ] || printf '%s' "$toolshed_phase" > "$TOOLSHED_FOLDER/failed"
  for name in $TOOLSHED_EXPORTED; do printf '%s\0%s\0' "$name" "${!name-}"; done > "$TOOLSHED_FOLDER/exported"
}
toolshed_run() {
  # Where bash is older than 5, whole seconds.
  [ "$toolshed_phase" = "$1" ] || echo "$1 ${EPOCHREALTIME-$(date +%s)}" >> "$TOOLSHED_FOLDER/phases"
  toolshed_phase=$1
  . "$2"
  status=$?
  [ "$status" = 0 ] && return
  echo "Command did not exit successfully: phase $1, exit status $status"
  CODEBUILD_BUILD_SUCCEEDING=0
  return 1
}
trap 'status=$?; [ "$status" = 0 ] || CODEBUILD_BUILD_SUCCEEDING=0; toolshed_end' EXIT
"""


class BuildspecError(Exception):
    """The buildspec has something that a local build cannot do."""


@dataclass
class BuildRun:
    """A build, from its start on. Written by the thread that carries it out, read by any."""

    record: Mapping[str, Any]
    """What the emulator answered when it was started."""
    execution_arn: str
    project: Mapping[str, Any]
    group: str
    """The log group of its output."""
    folder: Path
    variables: Mapping[str, str]
    """What its environment was given beside the project's."""
    started: float = field(default_factory=time.time)
    status: str = IN_PROGRESS
    ended: float | None = None
    exported: Mapping[str, str] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    """What of the Dockerfile was not carried out."""
    failure: TaskFailed | None = None
    """Why it could not be started."""
    process: Process | None = None
    is_stopped: bool = False
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def id(self) -> str:
        """Its ID: the project's name, and one of its own."""
        found: str = self.record["id"]
        return found

    @property
    def stream(self) -> str:
        """The log stream of its output."""
        return self.id.partition(":")[2]

    @property
    def log(self) -> Path:
        """What its commands printed."""
        return self.folder / "build.log"

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        return (self.ended or time.time()) - self.started

    def end(self, status: str) -> None:
        """Keep how it ended."""
        self.ended, self.status = time.time(), status
        self.over.set()

    def stop(self) -> None:
        """End it, as StopBuild does, and wait until it is over."""
        if not self.over.is_set():
            self.is_stopped = True
            if self.process is not None:
                self.process.stop(0)
            self.over.wait(STOP_SECONDS)


@dataclass
class Builds:
    """Runs builds, each in a folder and a thread of its own."""

    emulator: Emulator
    stand_ins: StandIns
    logs: LogStreams
    folder: Path
    log_group: str
    """The project's own; the emulator does not keep it."""
    sources: dict[str, Source] = field(default_factory=dict)
    """What each execution's build clones, by the execution's ARN."""
    finished: dict[str, BuildRun] = field(default_factory=dict)
    """Each execution's last build."""
    runs: dict[str, BuildRun] = field(default_factory=dict)
    """All builds, by ID, in the order of their starts."""

    def start_build(self, call: Call) -> Any:
        """Run a build to its end; answer as `codebuild:startBuild.sync` does then."""
        took = self.submit(call)
        assert took.finish is not None  # noqa: S101 - as `submit` makes it
        return took.finish()

    def submit(self, call: Call) -> Took:
        """Answer `codebuild:startBuild.sync`: start the build, and say how to wait for its end."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the help needs no botocore

        client = self.emulator.client("codebuild")
        name = call.parameters["ProjectName"]
        given = call.parameters["EnvironmentVariablesOverride"]
        if secret := next(
            (each["Name"] for each in given if each.get("Type", "PLAINTEXT") != "PLAINTEXT"), None
        ):
            raise TaskFailed("CodeBuild.InvalidInputException", f"{secret}: a local build reads no secrets")
        try:
            projects = client.batch_get_projects(names=[name])["projects"]
            record = client.start_build(projectName=name)["build"]
        except (ClientError, BotoCoreError) as error:
            raise failed("CodeBuild", error) from error
        run = BuildRun(
            record,
            call.execution_arn,
            projects[0],
            self.log_group,
            self.folder / record["id"].partition(":")[2],
            {each["Name"]: each["Value"] for each in given},
        )
        self.runs[run.id] = self.finished[call.execution_arn] = run
        try:
            prepared = self._prepare(run)
        except BaseException:
            run.end("FAULT")
            raise
        threading.Thread(target=self._carry_out, args=(run, *prepared), daemon=True).start()
        return Took(0, submitted=_described(run), finish=lambda: self._finish(run, call), cancel=run.stop)

    def _finish(self, run: BuildRun, call: Call) -> Any:
        """Wait for a build's end, and answer as its Task does."""
        # An aborted state stops its job. Evidence: documentation (page "Run a job (.sync)").
        with call.stop.telling(run.stop):
            is_over = run.over.wait(call.seconds_left)
        call.stop.check()
        if not is_over:
            run.stop()
            return Took(float("inf"))
        if run.failure is not None:
            raise run.failure
        if run.status == "SUCCEEDED":
            return _described(run)
        # Evidence for the name: documentation (page "Run a job (.sync)"); for the cause's form: unverified.
        raise TaskFailed("States.TaskFailed", json.dumps(_described(run)["Build"]))

    def close(self) -> None:
        """End every build."""
        for run in list(self.runs.values()):
            run.stop()

    def forget(self, execution_arn: str) -> None:
        """Let go of an execution's builds; their images stay."""
        self.sources.pop(execution_arn, None)
        self.finished.pop(execution_arn, None)
        for run in [run for run in list(self.runs.values()) if run.execution_arn == execution_arn]:
            run.stop()
            self.runs.pop(run.id, None)
            shutil.rmtree(run.folder, ignore_errors=True)

    def _prepare(self, run: BuildRun) -> tuple[Build, list[str], dict[str, str]]:
        """Lay out a build's folder; returns what the stand-ins know of it, what it exports, and its environment."""
        import yaml  # noqa: PLC0415 - only a build reads YAML

        for name in ("src", "home"):
            (run.folder / name).mkdir(parents=True)
        exported = _write_script(yaml.safe_load(run.project["source"]["buildspec"]), run.folder)
        known = Build(self.sources[run.execution_arn], run.folder)
        return known, exported, {**self._environment(run), "TOOLSHED_EXPORTED": " ".join(exported)}

    def _carry_out(self, run: BuildRun, known: Build, exported: list[str], env: dict[str, str]) -> None:
        """Run a build's commands to their end."""
        status = "FAULT"
        try:
            following = self.logs.follow(run.group, run.stream, run.log)
            with self.stand_ins.serving(run.id, known), contextlib.closing(following):
                status = self._status(run, env)
            run.exported = _exported(run.folder, exported)
            run.skipped = known.skipped
        finally:
            shutil.rmtree(run.folder / "src", ignore_errors=True)
            run.end(status)

    def _status(self, run: BuildRun, env: Mapping[str, str]) -> str:
        """Run a build's commands; returns how they ended."""
        argv = ["bash", "--noprofile", "--norc", str(run.folder / "build.sh")]
        try:
            run.process = Process(
                Command(argv, run.folder / "src", run.log, env, times=str(times_of(run.log)))
            )
        except ProcessError as error:
            run.failure = TaskFailed("CodeBuild.SdkClientException", f"bash: {error}")
            return "FAULT"
        try:
            if run.is_stopped:
                run.process.stop(0)
            ended = run.process.wait(run.project["timeoutInMinutes"] * 60)
        finally:
            run.process.close()
        if run.is_stopped:
            return "STOPPED"
        if ended is None:
            return "TIMED_OUT"
        return "FAILED" if (run.folder / "failed").exists() or ended.code != 0 else "SUCCEEDED"

    def _environment(self, run: BuildRun) -> dict[str, str]:
        given = run.project["environment"]["environmentVariables"]
        if secret := next(
            (each["name"] for each in given if each.get("type", "PLAINTEXT") != "PLAINTEXT"), None
        ):
            raise TaskFailed("CodeBuild.InvalidInputException", f"{secret}: a local build reads no secrets")
        region = self.emulator.client("codebuild").meta.region_name
        return {
            "PATH": f"{self.stand_ins.programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(run.folder / "home"),
            "LANG": "C.UTF-8",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "CODEBUILD_BUILD_ID": run.id,
            "CODEBUILD_LOG_PATH": run.stream,
            "CODEBUILD_SRC_DIR": str(run.folder / "src"),
            "TOOLSHED_BUILD": run.id,
            "TOOLSHED_FOLDER": str(run.folder),
            "TOOLSHED_STAND_INS": str(self.stand_ins.socket),
            **{each["name"]: each["value"] for each in given},
            **run.variables,
        }


def _write_script(spec: Mapping[str, Any], folder: Path) -> list[str]:
    """Write the build's script, and return the names of the variables that it exports."""
    env = spec.get("env", {})
    unknown = set(spec) - KNOWN[""] | set(env) - KNOWN["env"]
    lines = [PROLOGUE]
    for name, phase in spec.get("phases", {}).items():
        unknown |= set(phase) - KNOWN["phase"] | ({name} - set(PHASES))
    if unknown:
        raise BuildspecError(f"a local build does not know the buildspec's {', '.join(sorted(unknown))}")
    lines += [f"export {name}={_quoted(str(value))}" for name, value in env.get("variables", {}).items()]
    for name in PHASES:
        commands = spec["phases"].get(name, {}).get("commands", [])
        steps = []
        for number, command in enumerate(commands):
            path = folder / f"{name}-{number}.sh"
            path.write_text(command + "\n", "utf-8")
            steps.append(f"toolshed_run {name} {_quoted(str(path))}")
        if steps:
            lines.append(" && ".join(steps) + (" || exit 1" if name in {"install", "pre_build"} else ""))
    lines.append('[ "$CODEBUILD_BUILD_SUCCEEDING" = 1 ]')
    (folder / "build.sh").write_text("\n".join(lines) + "\n", "utf-8")
    return list(env.get("exported-variables", []))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _exported(folder: Path, names: list[str]) -> dict[str, str]:
    try:
        fields = (folder / "exported").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return {}
    found = dict(zip(fields[::2], fields[1::2], strict=False))
    return {name: found.get(name, "") for name in names}


def _described(run: BuildRun) -> dict[str, Any]:
    """Return a build as Step Functions hands it on."""
    build = {
        "Id": run.id,
        "Arn": run.record["arn"],
        "BuildNumber": run.record["buildNumber"],
        "BuildComplete": run.ended is not None,
        "BuildStatus": run.status,
        "CurrentPhase": "QUEUED" if run.ended is None else "COMPLETED",
        "ProjectName": run.project["name"],
        "StartTime": int(run.started * 1000),
        "Logs": {"GroupName": run.group, "StreamName": run.stream},
    }
    if run.ended is not None:
        exported = [{"Name": name, "Value": value} for name, value in run.exported.items()]
        build |= {"EndTime": int(run.ended * 1000), "ExportedEnvironmentVariables": exported}
    return {"Build": build}
