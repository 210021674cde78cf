"""CodeBuild here: the deployed project's buildspec, its commands run by bash, with stand-ins first on PATH.

As CodeBuild does: all commands run in one shell; a command that fails ends its phase; a failed pre_build ends the
build, a failed build still runs post_build, which sees it in CODEBUILD_BUILD_SUCCEEDING. What it does not do: the
install phase's runtimes, `finally`, artifacts, caches, reports.
Evidence: documentation (CodeBuild User Guide, "Build specification reference", "Build phase transitions").
"""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runner.processes import Command, Process, ProcessError
from runner.services.call import failed
from runner.services.log_streams import publish
from runner.services.stand_ins import Build, Source
from states_language.interpreter import TaskFailed, Took

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runner.emulator import Emulator
    from runner.services.call import Call
    from runner.services.stand_ins import StandIns

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


@dataclass(frozen=True)
class Finished:
    """What became of a build."""

    id: str
    status: str
    exported: Mapping[str, str]
    seconds: float
    log: Path
    skipped: tuple[str, ...]
    """What of the Dockerfile was not carried out."""


@dataclass
class Builds:
    """Runs builds, each in a folder of its own."""

    emulator: Emulator
    stand_ins: StandIns
    folder: Path
    log_group: str
    sources: dict[str, Source] = field(default_factory=dict)
    """What each execution's build clones, by the execution's ARN."""
    finished: dict[str, Finished] = field(default_factory=dict)
    """What became of each execution's last build."""

    def start_build(self, call: Call) -> Any:
        """Answer `codebuild:startBuild.sync`: run the build to its end."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the help needs no botocore

        client = self.emulator.client("codebuild")
        name = call.parameters["ProjectName"]
        try:
            projects = client.batch_get_projects(names=[name])["projects"]
            record = client.start_build(projectName=name)["build"]
        except (ClientError, BotoCoreError) as error:
            raise failed("CodeBuild", error) from error
        finished = self._run(call, projects[0], record)
        self.finished[call.execution_arn] = finished
        publish(self.emulator, self.log_group, finished.id.partition(":")[2], finished.log)
        described = _described(record, finished, name, self.log_group)
        if finished.status == "SUCCEEDED":
            return {"Build": described["Build"]}
        if finished.status == "STATE_TIMED_OUT":
            return Took(float("inf"))
        # Evidence for the name: documentation (page "Run a job (.sync)"); for the cause's form: unverified.
        raise TaskFailed("States.TaskFailed", json.dumps(described["Build"]))

    def forget(self, execution_arn: str) -> None:
        """Let go of an execution's build; its image stays."""
        self.sources.pop(execution_arn, None)
        finished = self.finished.pop(execution_arn, None)
        if finished is not None:
            shutil.rmtree(finished.log.parent, ignore_errors=True)

    def _run(self, call: Call, project: dict[str, Any], record: dict[str, Any]) -> Finished:
        import yaml  # noqa: PLC0415 - only a build reads YAML

        identifier: str = record["id"]
        folder = self.folder / identifier.partition(":")[2]
        folder.mkdir(parents=True)
        (folder / "src").mkdir()
        (folder / "home").mkdir()
        log = folder / "build.log"
        spec = yaml.safe_load(project["source"]["buildspec"])
        exported = _write_script(spec, folder)
        known = Build(self.sources[call.execution_arn], folder)
        env = {
            **self._environment(project, call, folder, identifier),
            "TOOLSHED_EXPORTED": " ".join(exported),
        }
        limit = project["timeoutInMinutes"] * 60
        began = time.monotonic()
        with self.stand_ins.serving(identifier, known):
            try:
                process = Process(
                    Command(
                        ["bash", "--noprofile", "--norc", str(folder / "build.sh")], folder / "src", log, env
                    )
                )
            except ProcessError as error:
                raise TaskFailed("CodeBuild.SdkClientException", f"bash: {error}") from error
            try:
                ended = process.wait(min(limit, call.seconds_left))
            finally:
                process.close()
        seconds = time.monotonic() - began
        status = "SUCCEEDED"
        if ended is None:
            status = "TIMED_OUT" if seconds >= limit else "STATE_TIMED_OUT"
        elif (folder / "failed").exists() or ended.code != 0:
            status = "FAILED"
        shutil.rmtree(folder / "src", ignore_errors=True)
        return Finished(identifier, status, _exported(folder, exported), seconds, log, known.skipped)

    def _environment(
        self, project: dict[str, Any], call: Call, folder: Path, identifier: str
    ) -> dict[str, str]:
        given = [
            *((each["name"], each["value"], each.get("type")) for each in project["environment"]["environmentVariables"]),
            *((each["Name"], each["Value"], each.get("Type")) for each in call.parameters["EnvironmentVariablesOverride"]),
        ]  # fmt: skip
        if secret := next((name for name, _, kind in given if kind not in (None, "PLAINTEXT")), None):
            raise TaskFailed("CodeBuild.InvalidInputException", f"{secret}: a local build reads no secrets")
        region = self.emulator.client("codebuild").meta.region_name
        return {
            "PATH": f"{self.stand_ins.programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(folder / "home"),
            "LANG": "C.UTF-8",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "CODEBUILD_BUILD_ID": identifier,
            "CODEBUILD_LOG_PATH": identifier.partition(":")[2],
            "CODEBUILD_SRC_DIR": str(folder / "src"),
            "TOOLSHED_BUILD": identifier,
            "TOOLSHED_FOLDER": str(folder),
            "TOOLSHED_STAND_INS": str(self.stand_ins.socket),
            **{name: value for name, value, _ in given},
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


def _described(record: Mapping[str, Any], finished: Finished, project: str, group: str) -> dict[str, Any]:
    ended = int(time.time() * 1000)
    return {
        "Build": {
            "Id": finished.id,
            "Arn": record["arn"],
            "BuildNumber": record["buildNumber"],
            "BuildComplete": True,
            "BuildStatus": finished.status,
            "CurrentPhase": "COMPLETED",
            "ProjectName": project,
            "StartTime": ended - int(finished.seconds * 1000),
            "EndTime": ended,
            "ExportedEnvironmentVariables": [
                {"Name": name, "Value": value} for name, value in finished.exported.items()
            ],
            "Logs": {"GroupName": group, "StreamName": finished.id.partition(":")[2]},
        }
    }
