"""Generate every document of the project from its settings: same settings, same bytes.

Nothing here writes: the caller gets the artifacts, and decides to write or to compare them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from generator import artifacts, pages, validation_pipeline
from generator import settings as settings_file
from generator.artifacts import Artifact, ArtifactError, Definition, Lock
from generator.template import grants, template
from states_language.document import StateMachine
from states_language.durations import UnboundedError, longest_path

if TYPE_CHECKING:
    from generator.artifacts import Package
    from generator.settings import Settings

SETTINGS = Path("settings.yaml")
README = Path("README.md")
TEMPLATE = Path("templates/validation-pipeline.template.json")


class GateError(Exception):
    """The documents may not be written like this; the message says what to do instead."""


@dataclass(frozen=True)
class Documents:
    """Everything that is generated."""

    artifacts: tuple[Artifact, ...]
    definition: Definition
    package: Package


def generate(root: Path, package: Package | None = None) -> Documents:
    """Generate the documents of the project in `root`, for the committed package or for another one.

    Raises `SettingsError`, `ArtifactError`, `PermissionsError`, `UnboundTokenError`, and `GateError` where the
    document changed under a released version.
    """
    settings = settings_file.load(root / SETTINGS)
    lock = artifacts.read_lock(root, validation_pipeline.NAME)
    definition = pipeline_definition(settings, lock)
    _refuse_changed_release(definition, lock)
    return _documents(root, settings, definition, lock, package or artifacts.read_package(root))


def pipeline_definition(settings: Settings, lock: Lock) -> Definition:
    """Return the validation pipeline's document under the version that its lock gives it."""
    text = artifacts.canonical(validation_pipeline.definition(settings))
    return Definition(validation_pipeline.NAME, text, lock.version, artifacts.digest(text))


def definition_path(name: str) -> Path:
    """Return where a document is, relative to the project."""
    return Path("asl") / f"{name}.asl.json"


def schema_path(name: str) -> Path:
    """Return where the JSON Schema of a document's input is, relative to the project."""
    return Path("asl") / f"{name}.input.schema.json"


def _documents(
    root: Path, settings: Settings, definition: Definition, lock: Lock, package: Package
) -> Documents:
    machine = StateMachine.of(json.loads(definition.text))
    _refuse_overrun(root, settings, machine)
    machines = [machine]
    if lock.released:
        released = artifacts.read_release(root, definition.name, lock.released[-1])
        machines.append(StateMachine.of(json.loads(released)))
    statements = grants(machines, package)
    body = artifacts.canonical(template(settings, definition, package, statements), sort_keys=True)
    schema = artifacts.canonical(validation_pipeline.input_schema())
    new_lock = Lock(lock.version, definition.sha256, lock.released)
    return Documents(
        artifacts=(
            Artifact(definition_path(definition.name), definition.text),
            Artifact(schema_path(definition.name), schema),
            Artifact(artifacts.lock_path(definition.name), new_lock.text()),
            Artifact(TEMPLATE, body),
            Artifact(Path("docs/faults.md"), pages.fault_table()),
            Artifact(Path("docs/permissions.md"), pages.permissions(statements)),
            Artifact(Path("docs/pipeline.md"), pages.picture(machine)),
            *_readme(root, machine),
        ),
        definition=definition,
        package=package,
    )


def _readme(root: Path, machine: StateMachine) -> tuple[Artifact, ...]:
    text = artifacts.read(root, README)
    if text is None:
        return ()
    return (Artifact(README, pages.with_picture(text, machine)),)


def _refuse_changed_release(definition: Definition, lock: Lock) -> None:
    for release in lock.released:
        if release.version == definition.version and release.sha256 != definition.sha256:
            message = (
                f"{definition_path(definition.name)}: version {release.version} is released with other bytes; "
                "run `python build.py bump`, which raises the version"
            )
            raise GateError(message)


def _refuse_overrun(root: Path, settings: Settings, machine: StateMachine) -> None:
    """Refuse timeouts that cannot fit: an execution that is cut off by its own limit stops no task."""
    try:
        longest = longest_path(machine, validation_pipeline.loop_bounds(settings))
    except UnboundedError as error:
        message = f"{definition_path(validation_pipeline.NAME)}: {error}"
        raise ArtifactError(message) from error
    limit = settings.pipeline.timeout_seconds
    if longest.seconds > limit:
        line = settings_file.line_of(root / SETTINGS, "pipeline", "timeout_seconds")
        raise settings_file.SettingsError(
            root / SETTINGS,
            [
                settings_file.Mistake(
                    line,
                    f"'pipeline.timeout_seconds' is {limit}, but the timeouts, waits and retries of one execution add up "
                    f"to {longest.seconds:.0f} seconds; raise it, or lower the times under build, startup or validator",
                )
            ],
        )
