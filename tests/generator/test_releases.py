"""Versions: what was released keeps its bytes, and what changed after it gets a version that says how much."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generator import artifacts, releases, validation_pipeline
from generator.artifacts import ArtifactError
from generator.documents import GateError, generate
from states_language.versioning import Bump

NAME = "validation-pipeline"
DEFINITION = Path("asl/validation-pipeline.asl.json")
SCHEMA = Path("asl/validation-pipeline.input.schema.json")
RELEASED = Path("asl/releases/validation-pipeline-1.0.0.asl.json")
RELEASED_SCHEMA = Path("asl/releases/validation-pipeline-1.0.0.input.schema.json")

Change = Callable[[dict[str, Any]], None]


def write(project: Path) -> None:
    """Do what `make template` does."""
    artifacts.write(project, generate(project).artifacts)


def release(project: Path) -> None:
    """Do what `build.py release` does."""
    artifacts.write(project, releases.release(project)[1])


def bump(project: Path, at_least: Bump = Bump.NONE, message: str = "Changed.") -> tuple[str, Bump]:
    """Do what `build.py bump` does; return the new version and what the changes asked for."""
    _, lock, needed, files = releases.bump(project, at_least, message)
    artifacts.write(project, files)
    write(project)
    return lock.version, needed


def set_timeout(project: Path, seconds: int) -> None:
    """Change the document by a value, which asks for a patch."""
    path = project / "settings.yaml"
    text = path.read_text("utf-8")
    path.write_text(re.sub(r"(?m)^(  timeout_seconds:) \d+", rf"\1 {seconds}", text), "utf-8")


@pytest.fixture
def change(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Change], None]:
    """Return what changes the definition or the input's schema as an edit of the source would."""

    def apply(function: str, edit: Change) -> None:
        genuine = getattr(validation_pipeline, function)

        def edited(*settings: Any) -> Any:
            made = genuine(*settings)
            edit(made)
            return made

        monkeypatch.setattr(validation_pipeline, function, edited)

    return apply


def add_state(made: dict[str, Any]) -> None:
    """Add a state, which asks for a minor version."""
    made["States"]["More"] = {"Type": "Pass", "Next": made["StartAt"]}
    made["StartAt"] = "More"


def require_more(made: dict[str, Any]) -> None:
    """Ask for more input, which asks for a major version."""
    made["required"].append("imageUri")


@pytest.fixture
def released(project: Path) -> Path:
    """Return a project whose document is released as 1.0.0."""
    release(project)
    return project


def test_a_release_keeps_the_bytes(project: Path) -> None:
    """The document and the schema of its input stay under the version, and the lock lists it."""
    definition, files = releases.release(project)
    artifacts.write(project, files)
    assert {each.path for each in files} == {RELEASED, RELEASED_SCHEMA, artifacts.lock_path(NAME)}
    assert (project / RELEASED).read_bytes() == (project / DEFINITION).read_bytes()
    assert (project / RELEASED_SCHEMA).read_bytes() == (project / SCHEMA).read_bytes()
    lock = artifacts.read_lock(project, NAME)
    assert [(each.version, each.sha256) for each in lock.released] == [("1.0.0", definition.sha256)]
    assert artifacts.read_release(project, NAME, lock.released[0]) == definition.text


def test_generating_after_a_release_changes_nothing(released: Path) -> None:
    """The union of the document with itself is the document's own policy."""
    assert artifacts.write(released, generate(released).artifacts) == []


def test_a_version_is_released_once(released: Path) -> None:
    """Not even the same bytes are released again."""
    with pytest.raises(GateError, match=r"^validation-pipeline 1\.0\.0 is released already$"):
        releases.release(released)


@pytest.mark.parametrize("path", [DEFINITION, SCHEMA, artifacts.lock_path(NAME)], ids=str)
def test_what_is_not_current_is_not_released(project: Path, path: Path) -> None:
    """A document, a schema or a lock that is not what is generated was not reviewed as that."""
    text = (project / path).read_text("utf-8")
    changed = json.dumps({**json.loads(text), "sha256": "0" * 64}) if "lock" in path.name else text + " "
    (project / path).write_text(changed, "utf-8")
    with pytest.raises(GateError, match="run `make template`, and review it first"):
        releases.release(project)


def test_a_change_under_a_released_version_is_refused(released: Path) -> None:
    """Generation ends with what to do, and writes nothing."""
    set_timeout(released, 2400)
    with pytest.raises(GateError) as caught:
        generate(released)
    assert str(caught.value) == (
        "asl/validation-pipeline.asl.json: version 1.0.0 is released with other bytes; "
        "run `python build.py bump`, which raises the version"
    )


def test_before_the_first_release_there_is_nothing_to_raise(project: Path) -> None:
    """A version that nobody runs may change."""
    with pytest.raises(GateError, match="is not released yet: it may change without a new version"):
        releases.bump(project, Bump.MAJOR, "Changed.")


def test_without_a_change_there_is_nothing_to_raise(released: Path) -> None:
    """Unless more is asked for."""
    with pytest.raises(GateError, match=r"has not changed since 1\.0\.0"):
        releases.bump(released, Bump.NONE, "Changed.")
    assert bump(released, Bump.MINOR) == ("1.1.0", Bump.NONE)


def test_a_changed_value_is_a_patch(released: Path) -> None:
    """The lock has the new version and digest, the old document is kept, and generation goes on."""
    set_timeout(released, 2400)
    assert bump(released) == ("1.0.1", Bump.PATCH)
    lock = artifacts.read_lock(released, NAME)
    assert lock.version == "1.0.1"
    assert lock.sha256 == artifacts.digest((released / DEFINITION).read_text("utf-8"))
    assert [each.version for each in lock.released] == ["1.0.0"]
    assert generate(released).definition.version == "1.0.1"
    release(released)
    assert [each.version for each in artifacts.read_lock(released, NAME).released] == ["1.0.0", "1.0.1"]


@pytest.mark.parametrize(
    ("function", "edit", "raised"),
    [
        ("definition", add_state, ("1.1.0", Bump.MINOR)),
        ("input_schema", require_more, ("2.0.0", Bump.MAJOR)),
    ],
    ids=["a state", "the input"],
)
def test_other_changes_are_more(
    released: Path,
    change: Callable[[str, Change], None],
    function: str,
    edit: Change,
    raised: tuple[str, Bump],
) -> None:
    """States ask for a minor version, and the contract of the input for a major one."""
    change(function, edit)
    assert bump(released) == raised


@pytest.mark.parametrize(
    ("at_least", "version"), [(Bump.PATCH, "1.0.1"), (Bump.MINOR, "1.1.0"), (Bump.MAJOR, "2.0.0")]
)
def test_more_than_needed_may_be_asked_for_and_less_may_not(
    released: Path, at_least: Bump, version: str
) -> None:
    """The larger of what is needed and what is asked for counts."""
    set_timeout(released, 2400)
    assert bump(released, at_least) == (version, Bump.PATCH)


def test_further_changes_are_counted_from_the_last_release(
    released: Path, change: Callable[[str, Change], None]
) -> None:
    """A patch that was not released becomes the minor version that all changes together ask for, and no more."""
    set_timeout(released, 2400)
    assert bump(released)[0] == "1.0.1"
    with pytest.raises(GateError, match=r"is at 1\.0\.1 already; its changes since 1\.0\.0 ask for 1\.0\.1"):
        releases.bump(released, Bump.NONE, "Changed.")
    change("definition", add_state)
    assert bump(released)[0] == "1.1.0"


def test_a_version_is_never_lowered(released: Path) -> None:
    """After a larger bump than needed, another run does not go back to the smaller one."""
    set_timeout(released, 2400)
    assert bump(released, Bump.MAJOR)[0] == "2.0.0"
    with pytest.raises(GateError, match=r"is at 2\.0\.0 already"):
        releases.bump(released, Bump.NONE, "Changed.")


def test_the_change_log_has_the_newest_version_first(released: Path) -> None:
    """Each bump adds its entry under the head, and touches no other."""
    set_timeout(released, 2400)
    bump(released, message="Waits longer.")
    release(released)
    set_timeout(released, 2500)
    bump(released, Bump.MINOR, "Waits even longer.")
    assert (released / releases.CHANGELOG).read_text("utf-8") == (
        f"{releases.CHANGELOG_HEAD}"
        "\n## validation-pipeline 1.1.0 (minor)\n\nWaits even longer.\n"
        "\n## validation-pipeline 1.0.1 (patch)\n\nWaits longer.\n"
    )


@pytest.mark.parametrize("path", [RELEASED, RELEASED_SCHEMA], ids=str)
def test_a_release_that_is_gone_is_told(released: Path, path: Path) -> None:
    """Without the released bytes nobody knows what changed since."""
    (released / path).unlink()
    set_timeout(released, 2400)
    with pytest.raises(ArtifactError, match=f"^{path}: cannot be read.*take it from version control again"):
        releases.bump(released, Bump.NONE, "Changed.")


def test_a_release_that_changed_stops_generation(released: Path) -> None:
    """A policy is never derived from bytes that nobody released."""
    text = (released / RELEASED).read_text("utf-8")
    (released / RELEASED).write_text(
        text.replace("Fargate", "fargate").replace("Comment", "Comments", 1), "utf-8"
    )
    with pytest.raises(ArtifactError, match=f"^{RELEASED}: has other bytes than were released"):
        generate(released)
