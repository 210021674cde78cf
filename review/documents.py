"""Where the two sides of a review come from: git revisions, folders, single files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from review.model import ReviewError
from states_language.sources import SourceError, decode, parse

if TYPE_CHECKING:
    from states_language.sources import Parsed

PATTERNS = ("templates/*", "*.template.*", "template.*", "asl/*", "*.asl.*", "*.input.schema.json")
"""Which files of a revision or folder are looked at, unless the caller says otherwise."""

SUFFIXES = (".json", ".yaml", ".yml", ".template")
SKIPPED_FOLDERS = {"node_modules", "tests", "cdk.out", "dist", ".git", ".venv", "releases"}


MAIN_BRANCHES = (
    "refs/remotes/origin/main",
    "refs/remotes/origin/master",
    "refs/heads/main",
    "refs/heads/master",
)


class Kind(StrEnum):
    """What a document is, by its content."""

    TEMPLATE = "template"
    DEFINITION = "definition"
    SCHEMA = "schema"
    LOCK = "lock"
    OTHER = "other"


@dataclass(frozen=True)
class Document:
    """One file of one side."""

    name: str
    parsed: Parsed

    @property
    def value(self) -> Any:
        """What the file holds."""
        return self.parsed.value

    @property
    def kind(self) -> Kind:
        """What it is, by its content."""
        return kind_of(self.value)


Side = Mapping[str, Document]
"""The documents of one side by their names; a file that was given by itself has the name `document`."""


def kind_of(value: Any) -> Kind:
    """Tell what a parsed document is."""
    if not isinstance(value, Mapping):
        return Kind.OTHER
    if isinstance(value.get("Resources"), Mapping):
        return Kind.TEMPLATE
    if isinstance(value.get("States"), Mapping):
        return Kind.DEFINITION
    if {"version", "sha256", "released"} <= set(value):
        return Kind.LOCK
    if "$schema" in value or ("type" in value and "properties" in value):
        return Kind.SCHEMA
    return Kind.OTHER


def read(data: bytes, name: str) -> Document:
    """Read a document. Raises `ReviewError` where it is no JSON or YAML in UTF-8."""
    try:
        return Document(name, parse(decode(data, name), name))
    except SourceError as error:
        raise ReviewError(error.told) from error


def sides(
    base: str | None, head: str | None, *, root: Path, patterns: Iterable[str] = ()
) -> tuple[Side, Side]:
    """Return both sides. Raises `ReviewError` where one is nothing that can be read, or holds no document.

    `base` None is the merge base of the main branch and HEAD; `head` None is the working tree at `root`.
    """
    wanted = tuple(patterns) or PATTERNS
    before = _side(base if base is not None else merge_base(root), root, wanted)
    after = _working_tree(root, wanted) if head is None else _side(head, root, wanted)
    if head is None and set(before) == {""}:
        raise ReviewError(f"'{base}' is a file: name the other one, too.")
    if (set(before) == {""}) != (set(after) == {""}):
        raise ReviewError(f"'{base}' and '{head}' cannot be compared: one is a file, the other is none.")
    if not before and not after:
        raise ReviewError(
            "Neither side holds a template or an ASL document; looked for " + ", ".join(wanted) + "."
        )
    _refuse_strangers({**before, **after})
    return before, after


def _refuse_strangers(documents: Side) -> None:
    """Refuse a single file that is nothing the review knows: `nothing changed` would be a lie."""
    document = documents.get("")
    if document is not None and document.kind is Kind.OTHER:
        raise ReviewError(
            f"{document.parsed.file}: is no CloudFormation template (it has no object Resources) and no ASL "
            "document (it has no object States)."
        )


def merge_base(root: Path) -> str:
    """Return the commit in which the working tree left the main branch. Raises `ReviewError`."""
    known = _git(root, "for-each-ref", "--format=%(refname)", *MAIN_BRANCHES) or b""
    if known:
        # Of several main branches the one counts that this work left last.
        found = _git(root, "merge-base", "HEAD", *known.decode().split())
        if found is not None:
            return found.decode().strip()
    raise ReviewError(
        "There is no main branch to compare with (or its history is not here: `git fetch --unshallow origin`); "
        "name the base: `review BASE`."
    )


def _side(place: str, root: Path, patterns: tuple[str, ...]) -> Side:
    path = Path(place)
    if path.is_file():
        return {"": read(_bytes(path), str(path))}
    if path.is_dir():
        return _working_tree(path, patterns)
    return _revision(place, root, patterns)


def _working_tree(folder: Path, patterns: tuple[str, ...]) -> Side:
    found = {}
    for path in sorted(_files(folder, patterns)):
        name = path.relative_to(folder).as_posix()
        found[name] = read(_bytes(path), name)
    return found


def _files(folder: Path, patterns: tuple[str, ...]) -> Iterable[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if name not in SKIPPED_FOLDERS and not name.startswith(".")
        )
        for name in names:
            path = Path(root, name)
            if _is_wanted(path.relative_to(folder).as_posix(), patterns):
                yield path


def _is_wanted(name: str, patterns: tuple[str, ...]) -> bool:
    path = PurePosixPath(name)
    return (
        path.suffix in SUFFIXES
        and not SKIPPED_FOLDERS.intersection(path.parts[:-1])
        and not path.name.endswith(".allow.yaml")
        and any(fnmatch(name, pattern) or fnmatch(path.name, pattern) for pattern in patterns)
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReviewError(f"{path}: cannot be read: {error.strerror or error}.") from error


def _revision(revision: str, root: Path, patterns: tuple[str, ...]) -> Side:
    if (
        revision.startswith("-")
        or _git(root, "rev-parse", "--verify", "-q", f"{revision}^{{commit}}") is None
    ):
        raise ReviewError(
            f"'{revision}' is no file, no folder and no revision that git knows here "
            "(in a shallow clone: `git fetch --unshallow origin`)."
        )
    listed = _git(root, "ls-tree", "-r", "-z", "--name-only", revision) or b""
    names = [name for name in listed.decode("utf-8", "replace").split("\0") if _is_wanted(name, patterns)]
    if not names:
        return {}
    batch = _git(
        root, "cat-file", "--batch", given="".join(f"{revision}:./{name}\n" for name in names).encode()
    )
    return {name: read(data, name) for name, data in zip(names, _contents(batch or b""), strict=True)}


def _contents(batch: bytes) -> Iterable[bytes]:
    """Yield what `git cat-file --batch` wrote: a header that ends with the size, then the content."""
    at = 0
    while at < len(batch):
        end = batch.index(b"\n", at)
        size = int(batch[at:end].rpartition(b" ")[2])
        yield batch[end + 1 : end + 1 + size]
        at = end + 1 + size + 1


def _git(root: Path, *arguments: str, given: bytes | None = None) -> bytes | None:
    """Return what git answers; None where it refuses. Raises `ReviewError` where there is no git."""
    try:
        done = subprocess.run(["git", *arguments], cwd=root, input=given, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise ReviewError("git is not installed; compare files or folders: `review BEFORE AFTER`.") from error
    return done.stdout if done.returncode == 0 else None
