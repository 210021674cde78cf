"""Generate every document of the project from its settings: same settings, same bytes.

Nothing here writes: the caller gets the artifacts, and decides to write or to compare them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from generator import artifacts, pages, task_sweeper, validation_pipeline
from generator import settings as settings_file
from generator.artifacts import Artifact, ArtifactError, Definition, Lock
from generator.plain import plain
from generator.template import Machine, bootstrap, grants, retained, template
from states_language.document import StateMachine
from states_language.durations import UnboundedError, longest_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from generator.artifacts import Package, Release
    from generator.policy import Grant
    from generator.settings import Settings

SETTINGS = Path("settings.yaml")
README = Path("README.md")
RUNBOOK = Path("docs/operating.md")
TEMPLATE = Path("templates/validation-pipeline.template.json")
BOOTSTRAP = Path("templates/bootstrap.template.json")
RETAINED = Path("templates/retained.template.json")

REACH = 2
"""How many releases beside the document its role serves. The one before it: executions still run it, a canary shares
the starts with it, a rollback leads to it. And the one before that: where the last release was rolled back, the alias
leads there, and so would the rollback of the next one."""


class GateError(Exception):
    """The documents may not be written like this; the message says what to do instead."""


class Source(Protocol):
    """A module that holds a state machine as plain data."""

    NAME: str

    def definition(self, settings: Settings, /) -> dict[str, Any]:
        """Return the state machine."""

    def input_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of an execution's input."""


SOURCES: dict[str, Source] = {source.NAME: source for source in (validation_pipeline, task_sweeper)}
"""Every state machine by its document's name; the template has a part for each."""


@dataclass(frozen=True, eq=False)
class Documents:
    """Everything that is generated."""

    artifacts: tuple[Artifact, ...]
    definitions: tuple[Definition, ...]
    package: Package


def generate(root: Path, package: Package | None = None) -> Documents:
    """Generate the documents of the project in `root`, for the committed package or for another one.

    Raises `SettingsError`, `ArtifactError`, `PermissionsError`, `UnboundTokenError`, and `GateError` where a
    document changed under a released version.
    """
    settings = settings_file.load(root / SETTINGS)
    package = package or artifacts.read_package(root)
    documents = [document(root, settings, source, package) for source in SOURCES.values()]
    pipeline, sweeper = documents
    _refuse_overrun(root, settings, pipeline.machine)
    return Documents(
        artifacts=(
            *(artifact for document in documents for artifact in document.artifacts),
            stack(settings, documents, package),
            Artifact(BOOTSTRAP, artifacts.canonical(bootstrap(settings), sort_keys=True, plain=plain)),
            Artifact(RETAINED, artifacts.canonical(retained(settings), sort_keys=True, plain=plain)),
            Artifact(Path("docs/faults.md"), pages.fault_table()),
            Artifact(
                Path("docs/permissions.md"),
                pages.permissions({each.definition.name: each.statements for each in documents}),
            ),
            Artifact(Path("docs/pipeline.md"), pages.picture(pipeline.machine)),
            Artifact(Path("docs/sweeper.md"), pages.picture(sweeper.machine, "The task sweeper")),
            *_filled(root, README, lambda text: pages.with_picture(text, pipeline.machine)),
            *_filled(root, RUNBOOK, pages.operating),
        ),
        definitions=tuple(each.definition for each in documents),
        package=package,
    )


def stack(settings: Settings, documents: Sequence[Document], package: Package) -> Artifact:
    """Generate the template around the state machines."""
    machines = {
        each.definition.name: Machine(each.definition, each.statements, each.served) for each in documents
    }
    document = template(settings, machines, package)
    return Artifact(TEMPLATE, artifacts.canonical(document, sort_keys=True, plain=plain))


def current_definition(settings: Settings, name: str, lock: Lock) -> Definition:
    """Return a document under the version that its lock gives it."""
    return _definition(name, SOURCES[name].definition(settings), lock)


def _definition(name: str, content: dict[str, Any], lock: Lock) -> Definition:
    text = artifacts.canonical(content)
    return Definition(name, text, lock.version, artifacts.digest(text))


def definition_path(name: str) -> Path:
    """Return where a document is, relative to the project."""
    return Path("asl") / f"{name}.asl.json"


def schema_path(name: str) -> Path:
    """Return where the JSON Schema of a document's input is, relative to the project."""
    return Path("asl") / f"{name}.input.schema.json"


@dataclass(frozen=True, eq=False)
class Document:
    """One state machine, with what is derived from it."""

    definition: Definition
    machine: StateMachine
    statements: Sequence[Grant]
    served: Sequence[Release]
    """The older documents that the statements serve too."""
    artifacts: tuple[Artifact, ...]


def in_reach(lock: Lock, version: str) -> tuple[Release, ...]:
    """Return the releases beside a version that executions may still run or a rollback may lead to, the newest first."""
    return tuple(each for each in reversed(lock.released) if each.version != version)[:REACH]


def document(root: Path, settings: Settings, source: Source, package: Package) -> Document:
    """Generate one state machine, with its lock and releases from the project in `root`.

    Raises `ArtifactError`, `PermissionsError`, `UnboundTokenError`, and `GateError` where it changed under a released
    version.
    """
    lock = artifacts.read_lock(root, source.NAME)
    content = source.definition(settings)
    definition = _definition(source.NAME, content, lock)
    _refuse_changed_release(definition, lock)
    machine = StateMachine.of(content)
    texts = {each: artifacts.read_release(root, definition.name, each) for each in lock.released}
    served = in_reach(lock, definition.version)
    return Document(
        definition,
        machine,
        grants([machine, *(StateMachine.of(json.loads(texts[each])) for each in served)], package),
        served,
        (
            Artifact(definition_path(definition.name), definition.text),
            Artifact(schema_path(definition.name), artifacts.canonical(source.input_schema())),
            Artifact(
                artifacts.lock_path(definition.name),
                Lock(lock.version, definition.sha256, lock.released).text(),
            ),
        ),
    )


def _filled(root: Path, path: Path, fill: Callable[[str], str]) -> tuple[Artifact, ...]:
    """Return a page that a person writes, with the parts of it that are made; none where there is no such page."""
    text = artifacts.read(root, path)
    return () if text is None else (Artifact(path, fill(text)),)


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
