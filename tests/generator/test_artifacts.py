"""The generated files: canonical bytes, locks that hold, and writing that leaves nothing half done."""

import errno
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator import artifacts
from generator.artifacts import Artifact, ArtifactError, Definition, Lock, Package, Release

NAME = "validation-pipeline"
DIGEST = "a" * 64
OBJECTS = st.dictionaries(
    st.text(),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_json_is_written_canonically() -> None:
    """Two spaces, UTF-8 as it is, one newline at the end; the order is the author's, or sorted all the way down."""
    document = {"b": {"d": "ü…", "c": []}, "a": [1, None]}
    assert artifacts.canonical(document) == (
        '{\n  "b": {\n    "d": "ü…",\n    "c": []\n  },\n  "a": [\n    1,\n    null\n  ]\n}\n'
    )
    assert artifacts.canonical(document, sort_keys=True) == (
        '{\n  "a": [\n    1,\n    null\n  ],\n  "b": {\n    "c": [],\n    "d": "ü…"\n  }\n}\n'
    )


@given(OBJECTS)
def test_what_is_written_is_what_was_there(document: dict[str, Any]) -> None:
    """Parsing gives the document back, and sorted text does not depend on the order of the keys."""
    assert json.loads(artifacts.canonical(document)) == document
    reordered = dict(reversed(document.items()))
    assert artifacts.canonical(document, sort_keys=True) == artifacts.canonical(reordered, sort_keys=True)


def test_the_committed_documents_are_canonical(root: Path) -> None:
    """The definition stands in its authored order, the template is sorted, and both are written as said."""
    for path, sort_keys in (
        ("asl/validation-pipeline.asl.json", False),
        ("templates/validation-pipeline.template.json", True),
        ("templates/bootstrap.template.json", True),
        ("templates/retained.template.json", True),
    ):
        text = (root / path).read_bytes().decode("utf-8")
        assert artifacts.canonical(json.loads(text), sort_keys=sort_keys) == text


def test_keys_change_with_the_bytes() -> None:
    """What is deployed is named by its digest, so nothing is deployed under the name of something else."""
    assert artifacts.digest("ü") == hashlib.sha256("ü".encode()).hexdigest()
    assert Definition("machine", "{}", "1.0.0", DIGEST).key == f"asl/machine/{DIGEST}.asl.json"
    assert Package(DIGEST).key == f"validator/{DIGEST}.zip"


def test_only_what_differs_is_written(tmp_path: Path) -> None:
    """A file with the same text keeps its time; what was written is returned, new folders are made."""
    (tmp_path / "same").write_text("same", "utf-8")
    os.utime(tmp_path / "same", (1, 1))
    (tmp_path / "old").write_text("old", "utf-8")
    wanted = [Artifact(Path("same"), "same"), Artifact(Path("old"), "new"), Artifact(Path("a/b/c"), "ü")]
    assert artifacts.write(tmp_path, wanted) == wanted[1:]
    assert contents(tmp_path) == {"same": b"same", "old": b"new", "a/b/c": "ü".encode()}
    assert (tmp_path / "same").stat().st_mtime == 1
    assert artifacts.write(tmp_path, wanted) == []


def test_line_ends_are_compared_too(tmp_path: Path) -> None:
    """A file that was checked out with other line ends is not the file that was generated."""
    (tmp_path / "file").write_bytes(b"a\r\n")
    wanted = [Artifact(Path("file"), "a\n")]
    assert artifacts.write(tmp_path, wanted) == wanted
    assert contents(tmp_path) == {"file": b"a\n"}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077], ids=oct)
def test_modes_do_not_depend_on_the_umask(tmp_path: Path, umask: int) -> None:
    """A new file is readable by all, as version control has it; an existing one keeps its mode."""
    (tmp_path / "tool").write_text("old", "utf-8")
    (tmp_path / "tool").chmod(0o750)
    before = os.umask(umask)
    try:
        artifacts.write(tmp_path, [Artifact(Path("tool"), "new"), Artifact(Path("new"), "new")])
    finally:
        os.umask(before)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("tool", "new")] == [0o750, 0o644]


STEPS: list[tuple[Any, str]] = [
    (tempfile, "mkstemp"),
    (os, "fdopen"),
    (os, "fsync"),
    (Path, "chmod"),
    (Path, "replace"),
]


@pytest.mark.parametrize(
    "failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()], ids=repr
)
@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize("at", STEPS, ids=[step for _, step in STEPS])
def test_an_interrupted_write_leaves_every_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: tuple[Any, str], call: int, failure: BaseException
) -> None:
    """At whatever step it ends, each file is the old or the new one, and nothing is left beside them."""
    owner, step = at
    before = {"one": b"old one", "two": b"old two"}
    after = {"one": b"new one" * 9999, "two": b"", "three": b"new three"}
    for name, content in before.items():
        (tmp_path / name).write_bytes(content)
    genuine: Callable[..., Any] = getattr(owner, step)
    calls = 0

    def fails_in_the_end(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise failure
        return genuine(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(owner, step, fails_in_the_end)
        with pytest.raises((ArtifactError, KeyboardInterrupt)) as caught:
            artifacts.write_bytes(tmp_path, after)
    if isinstance(failure, OSError):
        name = list(after)[call - 1]
        assert str(caught.value) == (
            f"{tmp_path / name}: cannot be written (No space left on device); no file is half written"
        )
    left = contents(tmp_path)
    assert set(left) <= set(after)
    assert all(left.get(name) in (before.get(name), content) for name, content in after.items())
    if step != "replace" or call == 1:
        assert left == before
    artifacts.write_bytes(tmp_path, after)
    assert contents(tmp_path) == after


def test_a_file_where_a_folder_must_be_is_told(tmp_path: Path) -> None:
    """The message names the file that was to be written; the other files stay as they were."""
    (tmp_path / "asl").write_text("a file", "utf-8")
    (tmp_path / "first").write_text("old", "utf-8")
    wanted = [Artifact(Path("first"), "new"), Artifact(Path("asl/machine.asl.json"), "{}")]
    with pytest.raises(
        ArtifactError, match=r"/asl/machine\.asl\.json: cannot be written \(.+\); no file is half"
    ):
        artifacts.write(tmp_path, wanted)
    assert contents(tmp_path) == {"asl": b"a file", "first": b"old"}


def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the file, not the one that was to be written beside it."""

    def refuse(prefix: str, **where: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", f"{where['dir']}/{prefix}x1y2z3")

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    with pytest.raises(ArtifactError) as caught:
        artifacts.write(tmp_path, [Artifact(Path("file"), "new")])
    assert str(caught.value) == (
        f"{tmp_path / 'file'}: cannot be written (Permission denied); no file is half written"
    )


def test_a_lock_is_read_as_it_was_written(tmp_path: Path) -> None:
    """What is written comes back, and without a file a document begins at 1.0.0."""
    assert artifacts.read_lock(tmp_path, NAME) == Lock("1.0.0", "")
    lock = Lock("2.1.0", "b" * 64, (Release("1.0.0", DIGEST), Release("2.0.0", "c" * 64)))
    artifacts.write(tmp_path, [Artifact(artifacts.lock_path(NAME), lock.text())])
    assert artifacts.read_lock(tmp_path, NAME) == lock


GOOD: dict[str, Any] = {"version": "1.0.0", "sha256": DIGEST, "released": []}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value"),
        ("<<<<<<< HEAD\n", "Expecting value"),
        pytest.param("[" * 100_000, "recursion", id="nested"),
        ("[]", "list indices must be integers"),
        ("null", "not subscriptable"),
        (json.dumps({**GOOD, "version": 1}), "1 is no version such as 1.0.0"),
        (json.dumps({**GOOD, "version": "1.0"}), "'1.0' is no version such as 1.0.0"),
        (json.dumps({**GOOD, "version": "1.0.0/../x"}), "'1.0.0/../x' is no version such as 1.0.0"),
        (json.dumps({**GOOD, "sha256": None}), "None is no SHA-256"),
        (json.dumps({**GOOD, "sha256": "A" * 64}), "is no SHA-256"),
        (json.dumps({**GOOD, "released": None}), "not iterable"),
        (json.dumps({**GOOD, "released": ["1.0.0"]}), "string indices must be integers"),
        (json.dumps({**GOOD, "released": [{"version": "1.0.0"}]}), "'sha256'"),
        (json.dumps({**GOOD, "released": [{"version": "1", "sha256": DIGEST}]}), "'1' is no version"),
        (json.dumps({"version": "1.0.0", "sha256": DIGEST}), "'released'"),
    ],
)
def test_a_broken_lock_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    """The message names the lock, what is wrong with it, and where a good one is."""
    path = tmp_path / artifacts.lock_path(NAME)
    path.parent.mkdir()
    path.write_text(text, "utf-8")
    with pytest.raises(ArtifactError) as caught:
        artifacts.read_lock(tmp_path, NAME)
    assert str(caught.value).startswith("asl/validation-pipeline.lock.json: is no lock file (")
    assert str(caught.value).endswith("); take it from version control again")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.mkdir(),
        lambda path: path.write_bytes(b"\xff"),
        lambda path: path.write_text("[" * 100_000),
    ],
    ids=["folder", "not UTF-8", "nested"],
)
def test_a_lock_that_cannot_be_read_is_refused(tmp_path: Path, make: Callable[[Path], object]) -> None:
    """A folder in its place, or bytes that are no text, are told like any other broken lock."""
    for path in (tmp_path / artifacts.lock_path(NAME), tmp_path / artifacts.PACKAGE_LOCK):
        path.parent.mkdir()
        make(path)
    with pytest.raises(ArtifactError, match="is no lock file"):
        artifacts.read_lock(tmp_path, NAME)
    with pytest.raises(ArtifactError, match="is no lock file"):
        artifacts.read_package(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"sha256": 5}', '{"sha256": "../../other"}', '{"sha256": ""}']
)
def test_a_broken_package_lock_is_refused(tmp_path: Path, text: str) -> None:
    """A template never names a package that is not known by its digest."""
    path = tmp_path / artifacts.PACKAGE_LOCK
    path.parent.mkdir()
    path.write_text(text, "utf-8")
    with pytest.raises(
        ArtifactError, match=r"^validator/package\.lock\.json: is no lock file .* `make package`"
    ):
        artifacts.read_package(tmp_path)


def test_a_package_lock_names_the_package(tmp_path: Path) -> None:
    """The package is known by its digest; without a lock, the message says how to get one."""
    with pytest.raises(ArtifactError, match="is missing; `make package` writes it"):
        artifacts.read_package(tmp_path)
    artifacts.write(tmp_path, [Artifact(artifacts.PACKAGE_LOCK, json.dumps({"sha256": DIGEST}))])
    assert artifacts.read_package(tmp_path) == Package(DIGEST)


def test_a_release_is_read_only_with_its_own_bytes(tmp_path: Path) -> None:
    """A released document that is missing, no text or changed by a byte is refused."""
    text = '{"StartAt": "A"}\n'
    release = Release("1.0.0", artifacts.digest(text))
    with pytest.raises(
        ArtifactError, match=r"^asl/releases/validation-pipeline-1\.0\.0\.asl\.json: cannot be read"
    ):
        artifacts.read_release(tmp_path, NAME, release)
    path = artifacts.release_path(NAME, "1.0.0")
    artifacts.write(tmp_path, [Artifact(path, text)])
    assert artifacts.read_release(tmp_path, NAME, release) == text
    (tmp_path / path).write_text(text + " ", "utf-8")
    with pytest.raises(ArtifactError, match="has other bytes than were released"):
        artifacts.read_release(tmp_path, NAME, release)
    (tmp_path / path).write_bytes(b"\xff")
    with pytest.raises(ArtifactError, match="cannot be read"):
        artifacts.read_release(tmp_path, NAME, release)
