"""Versions of a document: raise one, release one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from generator import artifacts, validation_pipeline
from generator import settings as settings_file
from generator.artifacts import Artifact, ArtifactError, Lock, Release
from generator.documents import SETTINGS, GateError, definition_path, pipeline_definition, schema_path
from states_language.versioning import Bump, raised, smallest_bump

if TYPE_CHECKING:
    from generator.artifacts import Definition

CHANGELOG = Path("asl/CHANGELOG.md")
CHANGELOG_HEAD = "# Changes of the documents\n\nVersions are those of the lock files; what was released stays under `releases/`.\n"


def bump(root: Path, at_least: Bump, message: str) -> tuple[Lock, Lock, Bump, list[Artifact]]:
    """Raise the pipeline's version as its changes since the last release ask for, or more.

    Returns the lock before and after, the bump that the changes ask for, and the files to write: the lock and
    the change log. Raises `SettingsError`, `ArtifactError`, and `GateError` where there is nothing to raise.
    """
    lock = artifacts.read_lock(root, validation_pipeline.NAME)
    definition = pipeline_definition(settings_file.load(root / SETTINGS), lock)
    if not lock.released:
        message = f"{definition.name} {lock.version} is not released yet: it may change without a new version"
        raise GateError(message)
    last = lock.released[-1]
    needed = _needed(root, definition, last)
    if needed is Bump.NONE and at_least is Bump.NONE:
        message = f"{definition.name} has not changed since {last.version}"
        raise GateError(message)
    version = raised(last.version, max(needed, at_least))
    if _parts(version) <= _parts(lock.version):
        message = f"{definition.name} is at {lock.version} already; its changes since {last.version} ask for {version}"
        raise GateError(message)
    new = replace(lock, version=version, sha256=definition.sha256)
    log = artifacts.read(root, CHANGELOG) or CHANGELOG_HEAD
    head, mark, rest = log.partition("\n## ")
    entry = f"\n## {definition.name} {version} ({max(needed, at_least)})\n\n{message}\n"
    return (
        lock,
        new,
        needed,
        [
            Artifact(artifacts.lock_path(definition.name), new.text()),
            Artifact(CHANGELOG, head + entry + mark + rest),
        ],
    )


def release(root: Path) -> tuple[Definition, list[Artifact]]:
    """Release the committed document: its bytes are kept, and may no longer change under this version.

    Raises `ArtifactError`, and `GateError` where the document is not current or released already.
    """
    lock = artifacts.read_lock(root, validation_pipeline.NAME)
    definition = pipeline_definition(settings_file.load(root / SETTINGS), lock)
    name, version = definition.name, definition.version
    if artifacts.read(root, definition_path(name)) != definition.text or lock.sha256 != definition.sha256:
        message = (
            f"{definition_path(name)} is not what the settings give; run `make template`, and review it first"
        )
        raise GateError(message)
    if any(each.version == version for each in lock.released):
        message = f"{name} {version} is released already"
        raise GateError(message)
    schema = artifacts.canonical(validation_pipeline.input_schema())
    if artifacts.read(root, schema_path(name)) != schema:
        message = f"{schema_path(name)} is not what is generated; run `make template`, and review it first"
        raise GateError(message)
    new = replace(lock, released=(*lock.released, Release(version, definition.sha256)))
    return definition, [
        Artifact(artifacts.release_path(name, version), definition.text),
        Artifact(_schema_release_path(name, version), schema),
        Artifact(artifacts.lock_path(name), new.text()),
    ]


def _schema_release_path(name: str, version: str) -> Path:
    return Path("asl/releases") / f"{name}-{version}.input.schema.json"


def _parts(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _needed(root: Path, definition: Definition, last: Release) -> Bump:
    before = json.loads(artifacts.read_release(root, definition.name, last))
    held = artifacts.read(root, _schema_release_path(definition.name, last.version))
    if held is None:
        message = f"{_schema_release_path(definition.name, last.version)}: cannot be read; take it from version control again"
        raise ArtifactError(message)
    return smallest_bump(
        before, json.loads(definition.text), json.loads(held), validation_pipeline.input_schema()
    )
