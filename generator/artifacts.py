"""The generated files: canonical bytes, digests, locks, and writing them so that none is ever half there."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

PACKAGE_LOCK = Path("validator/package.lock.json")


class ArtifactError(Exception):
    """A generated file, or its lock, cannot be read or written; the message is for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One generated file: a path relative to the project, and its text."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Release:
    """A released version of a document; its bytes stay under `asl/releases/`."""

    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Lock:
    """What `asl/<name>.lock.json` holds: the document's version, its digest, and what was released."""

    version: str
    sha256: str
    released: tuple[Release, ...] = ()

    def text(self) -> str:
        """Write the lock as it is committed."""
        released = [{"version": each.version, "sha256": each.sha256} for each in self.released]
        return canonical({"version": self.version, "sha256": self.sha256, "released": released})


@dataclass(frozen=True, slots=True)
class Definition:
    """A document as it is deployed: under a key that changes with its bytes."""

    name: str
    text: str
    version: str
    sha256: str = field(default="")

    @property
    def key(self) -> str:
        """The S3 key."""
        return f"asl/{self.name}/{self.sha256}.asl.json"


@dataclass(frozen=True, slots=True)
class Package:
    """The Lambda function's package, by the digest of its zip."""

    sha256: str

    @property
    def key(self) -> str:
        """The S3 key."""
        return f"validator/{self.sha256}.zip"


def canonical(document: Any, *, sort_keys: bool = False, plain: Callable[[Any], Any] | None = None) -> str:
    """Write JSON as it is committed: UTF-8, two spaces, the order as it is authored unless it is to be sorted.

    The bytes are those of `json.dumps(document, indent=2, ensure_ascii=False)` but for numbers with an exponent, which
    no document has; json writes what is indented in Python, a token at a time. `plain` returns what an object that
    JSON has no word for stands for; what it raises is raised.
    """
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | (orjson.OPT_SORT_KEYS if sort_keys else 0)
    try:
        return orjson.dumps(document, default=plain, option=options).decode("utf-8")
    except orjson.JSONEncodeError as error:
        raise error.__cause__ or error from None


def digest(text: str) -> str:
    """Return the SHA-256 of a text's bytes in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def lock_path(name: str) -> Path:
    """Return where a document's lock is, relative to the project."""
    return Path("asl") / f"{name}.lock.json"


def release_path(name: str, version: str) -> Path:
    """Return where a released document stays, relative to the project."""
    return Path("asl/releases") / f"{name}-{version}.asl.json"


def read_lock(root: Path, name: str) -> Lock:
    """Read a document's lock; without one, the document begins at version 1.0.0.

    Raises `ArtifactError` where it is no lock.
    """
    path = root / lock_path(name)
    if not path.exists():
        return Lock("1.0.0", "")
    try:
        held = json.loads(path.read_text("utf-8"))
        return Lock(
            _version(held["version"]),
            _sha256(held["sha256"]),
            tuple(Release(_version(each["version"]), _sha256(each["sha256"])) for each in held["released"]),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        message = f"{lock_path(name)}: is no lock file ({error}); take it from version control again"
        raise ArtifactError(message) from error


def read_package(root: Path) -> Package:
    """Read which package the template deploys. Raises `ArtifactError` where that is not known."""
    try:
        return Package(_sha256(json.loads((root / PACKAGE_LOCK).read_text("utf-8"))["sha256"]))
    except FileNotFoundError as error:
        message = f"{PACKAGE_LOCK}: is missing; `make package` writes it"
        raise ArtifactError(message) from error
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        message = f"{PACKAGE_LOCK}: is no lock file ({error}); `make package` writes it anew"
        raise ArtifactError(message) from error


def _version(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(
        r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}", value, re.ASCII
    ):
        message = f"{value!r} is no version such as 1.0.0"
        raise ValueError(message)
    return value


def _sha256(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{64}", value):
        message = f"{value!r} is no SHA-256"
        raise ValueError(message)
    return value


def read_release(root: Path, name: str, release: Release) -> str:
    """Return a released document's text. Raises `ArtifactError` where its bytes are not those that were released."""
    path = release_path(name, release.version)
    try:
        text = (root / path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot be read ({error}); a released document is kept, take it from version control again"
        raise ArtifactError(message) from error
    if digest(text) != release.sha256:
        message = f"{path}: has other bytes than were released; take it from version control again"
        raise ArtifactError(message)
    return text


def write(root: Path, artifacts: Iterable[Artifact]) -> list[Artifact]:
    """Write the files that differ, and return them. Raises `ArtifactError`; see `write_bytes`."""
    changed = [artifact for artifact in artifacts if read(root, artifact.path) != artifact.text]
    write_bytes(root, {str(artifact.path): artifact.text.encode("utf-8") for artifact in changed})
    return changed


def write_bytes(root: Path, contents: Mapping[str, bytes]) -> None:
    """Write files below a folder.

    Every file is written whole beside its place first, and only when all are, each is put in place: an error or
    an interruption leaves every file either old or new. Raises `ArtifactError`.
    """
    import tempfile  # noqa: PLC0415 - only what writes needs it

    staged: list[tuple[Path, Path]] = []
    path = root
    try:
        for name, content in contents.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            staged.append((Path(beside), path))
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(beside).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        while staged:
            beside_path, path = staged[0]
            beside_path.replace(path)
            staged.pop(0)
    except OSError as error:
        message = f"{path}: cannot be written ({error.strerror}); no file is half written"
        raise ArtifactError(message) from error
    finally:
        for beside_path, _ in staged:
            beside_path.unlink(missing_ok=True)


def read(root: Path, path: Path) -> str | None:
    """Return a file's text, or None where there is none that could be this project's."""
    try:
        return (root / path).read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
