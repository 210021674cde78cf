"""CodeBuild: the builds that ran or run here, as AWS shows them. Projects, and any other build, are the emulator's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runner.gateway.protocol import ApiError
from runner.services import build_phases

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.pipeline import Pipeline
    from runner.services.builds import BuildRun

PAGE = 100
"""What a list answers at most. Evidence: documentation (ListBuilds)."""


@dataclass
class Builds:
    """Answers for CodeBuild. Safe to be asked from any thread."""

    pipeline: Pipeline
    service: str = "codebuild"

    @property
    def operations(self) -> Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        """What is answered here."""
        return {
            "BatchGetBuilds": self.batch_get_builds,
            "ListBuilds": self.list_builds,
            "ListBuildsForProject": self.list_builds_for_project,
            "StopBuild": self.stop_build,
        }

    def batch_get_builds(self, given: dict[str, Any]) -> dict[str, Any]:
        """Describe builds, by their IDs or ARNs."""
        runs = {name: self._run(name) for name in given["ids"]}
        return {
            "builds": [self._described(run) for run in runs.values() if run is not None],
            "buildsNotFound": [name for name, run in runs.items() if run is None],
        }

    def list_builds(self, given: dict[str, Any]) -> dict[str, Any]:
        """List the builds' IDs, the latest first."""
        return _page(given, list(self.pipeline.builds.runs))

    def list_builds_for_project(self, given: dict[str, Any]) -> dict[str, Any]:
        """List the IDs of a project's builds, the latest first."""
        name = given["projectName"]
        if not self.pipeline.emulator.client("codebuild").batch_get_projects(names=[name])["projects"]:
            raise ApiError("ResourceNotFoundException", f"The provided project {name} does not exist")
        runs = list(self.pipeline.builds.runs.values())
        return _page(given, [run.id for run in runs if run.project["name"] == name])

    def stop_build(self, given: dict[str, Any]) -> dict[str, Any]:
        """Stop a build."""
        run = self._run(given["id"])
        if run is None:
            raise ApiError("ResourceNotFoundException", f"Build {given['id']} does not exist")
        run.stop()
        return {"build": self._described(run)}

    def _run(self, name: str) -> BuildRun | None:
        return self.pipeline.builds.runs.get(name.rpartition(":build/")[2])

    def _described(self, run: BuildRun) -> dict[str, Any]:
        """Return the emulator's record of a build, with what is known of it laid over."""
        phases = build_phases.of(run)
        environment = run.record.get("environment", {})
        given = [
            each for each in environment.get("environmentVariables", []) if each["name"] not in run.variables
        ]
        given += [
            {"name": name, "value": value, "type": "PLAINTEXT"} for name, value in run.variables.items()
        ]
        return {
            **run.record,
            "startTime": datetime.fromtimestamp(run.started, UTC),
            "endTime": None if run.ended is None else datetime.fromtimestamp(run.ended, UTC),
            "buildStatus": run.status,
            "buildComplete": run.ended is not None,
            "currentPhase": phases[-1]["phaseType"],
            "phases": phases,
            "environment": {**environment, "environmentVariables": given},
            "exportedEnvironmentVariables": [
                {"name": name, "value": value} for name, value in run.exported.items()
            ],
            "logs": {
                "groupName": run.group,
                "streamName": run.stream,
                "cloudWatchLogs": {"status": "ENABLED", "groupName": run.group},
            },
        }


def _page(given: Mapping[str, Any], identifiers: list[str]) -> dict[str, Any]:
    """Return a page of identifiers, which are given in the order of their starts."""
    is_ascending = given.get("sortOrder") == "ASCENDING"
    ordered = identifiers if is_ascending else identifiers[::-1]
    start = 0
    if token := given.get("nextToken"):
        if token not in ordered:
            raise ApiError("InvalidInputException", f"Invalid token: {token}")
        start = ordered.index(token)
    following = ordered[start + PAGE : start + PAGE + 1]
    return {"ids": ordered[start : start + PAGE], "nextToken": following[0] if following else None}
