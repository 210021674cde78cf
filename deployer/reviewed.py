"""What is deployed is what was reviewed: the committed template, and the bytes that it names by their digests.

The template names each definition, and the validator's package, by an S3 key that holds the SHA-256 of its bytes. So a
template that is committed settles all that is deployed; what is left to find out is whether the files here are those.
Every file is read once, and compared with the commit's own bytes rather than by git's status: a file that git was told
to overlook (`--assume-unchanged`) is found, too.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer.console import Refused, warn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TEMPLATE = Path("templates/validation-pipeline.template.json")
DEFINITIONS = Path("asl")
SUFFIX = ".asl.json"
PACKAGE_LOCK = Path("validator/package.lock.json")
DIST = Path("dist")

MAKE_TEMPLATE = "`make template` writes it; review and commit that"
MAKE_PACKAGE = "`make package` writes it"


@dataclass(frozen=True)
class Definition:
    """A committed ASL document, and the version that its lock file gives it."""

    name: str
    version: str
    sha256: str
    content: bytes

    @property
    def key(self) -> str:
        """The S3 key that the template must name."""
        return f"asl/{self.name}/{self.sha256}{SUFFIX}"


@dataclass(frozen=True)
class Reviewed:
    """What is to be deployed, as bytes: nothing is read from a file again."""

    template: Path
    content: bytes
    """The template's bytes."""
    artifacts: Mapping[str, bytes]
    """What the template names, by S3 key."""
    definitions: tuple[Definition, ...]
    commit: str | None
    """The commit that holds all of it; None where something is not committed."""

    @property
    def template_key(self) -> str:
        """The S3 key of the template, which changes with its bytes."""
        return f"templates/{_sha256(self.content)}.template.json"

    @property
    def fields(self) -> dict[str, Any]:
        """The template, parsed."""
        found: dict[str, Any] = json.loads(self.content)
        return found


def check(root: Path, *, allow_uncommitted: bool = False) -> Reviewed:
    """Return what the project in `root` deploys, where that is what was reviewed.

    `allow_uncommitted` leaves git out, and says so on standard error; digests are compared all the same. Raises
    `Refused`, with every reason.
    """
    reading = _Reading(root)
    template = reading.file(TEMPLATE, MAKE_TEMPLATE)
    definitions = tuple(reading.definitions())
    package = reading.package_key()
    wanted = reading.keys(template)
    artifacts = {each.key: each.content for each in definitions if each.key in wanted}
    for key in sorted(wanted - artifacts.keys()):
        if key == package:
            artifacts[key] = reading.package(key)
        else:
            reading.faults.append(_stray(key, definitions, package))
    reading.faults += [
        f"{TEMPLATE}: does not name {key}; {MAKE_TEMPLATE}"
        for key in sorted({package, *(each.key for each in definitions)} - wanted - {""})
    ]
    if reading.faults:
        raise Refused(
            "\n".join(["what is here does not belong together; nothing was deployed", *reading.faults])
        )
    commit = committed(root, reading.read, allow_uncommitted=allow_uncommitted)
    return Reviewed(TEMPLATE, template, artifacts, definitions, commit)


def document(root: Path, path: Path, *, allow_uncommitted: bool = False) -> bytes:
    """Return the bytes of one committed document that names nothing else. Raises `Refused`, `OSError`."""
    content = (root / path).read_bytes()
    committed(root, {path: content}, allow_uncommitted=allow_uncommitted)
    return content


class _Reading:
    """Reads the project's files, each once, and collects what is wrong with them."""

    def __init__(self, root: Path):
        self._root = root
        self.read: dict[Path, bytes] = {}
        self.faults: list[str] = []

    def file(self, path: Path, remedy: str) -> bytes:
        """Return a committed file's bytes; none where it cannot be read."""
        try:
            self.read[path] = (self._root / path).read_bytes()
        except FileNotFoundError:
            self.faults.append(f"{path}: is missing; {remedy}")
        except OSError as error:
            self.faults.append(f"{path}: cannot be read ({error.strerror})")
        return self.read.get(path, b"")

    def definitions(self) -> Iterator[Definition]:
        """Yield the definitions; one that is not what its lock file says is a fault."""
        for path in sorted((self._root / DEFINITIONS).glob(f"*{SUFFIX}")):
            name = path.name.removesuffix(SUFFIX)
            content = self.file(DEFINITIONS / path.name, MAKE_TEMPLATE)
            lock_path = DEFINITIONS / f"{name}.lock.json"
            lock = self._lock(lock_path, "version", "sha256")
            digest = _sha256(content)
            if lock and lock["sha256"] != digest:
                self.faults.append(
                    f"{DEFINITIONS / path.name}: has other bytes than {lock_path} says ({digest[:12]}, not "
                    f"{lock['sha256'][:12]}); `make template` writes both, review and commit them"
                )
            yield Definition(name, lock.get("version", ""), digest, content)

    def package_key(self) -> str:
        """Return the S3 key of the package that the lock file names."""
        lock = self._lock(PACKAGE_LOCK, "sha256")
        return f"validator/{lock['sha256']}.zip" if lock else ""

    def package(self, key: str) -> bytes:
        """Return the package's bytes from `dist/`."""
        path = DIST / key
        try:
            content = (self._root / path).read_bytes()
        except FileNotFoundError:
            self.faults.append(f"{path}: is missing; {MAKE_PACKAGE}")
            return b""
        except OSError as error:
            self.faults.append(f"{path}: cannot be read ({error.strerror})")
            return b""
        if _sha256(content) not in key:
            self.faults.append(f"{path}: does not hold the bytes that its name says; {MAKE_PACKAGE} anew")
        return content

    def keys(self, template: bytes) -> set[str]:
        """Return the S3 keys that a template names."""
        try:
            found = list(_keys(json.loads(template or b"{}")))
        except ValueError as error:
            self.faults.append(f"{TEMPLATE}: is no JSON ({error}); {MAKE_TEMPLATE}")
            return set()
        for key in found:
            if not isinstance(key, str):
                self.faults.append(
                    f"{TEMPLATE}: names an S3 key that only a deployment settles ({json.dumps(key)}); "
                    "what cannot be read cannot be reviewed"
                )
        return {key for key in found if isinstance(key, str)}

    def _lock(self, path: Path, *names: str) -> dict[str, str]:
        content = self.file(path, MAKE_TEMPLATE)
        if not content:
            return {}
        try:
            held = json.loads(content)
            found = {name: str(held[name]) for name in names}
        except (ValueError, KeyError, TypeError) as error:
            self.faults.append(f"{path}: is no lock file ({error}); take it from version control again")
            return {}
        if not re.fullmatch("[0-9a-f]{64}", found["sha256"]):
            self.faults.append(
                f"{path}: '{found['sha256']}' is no SHA-256; take it from version control again"
            )
            return {}
        return found


def _keys(value: Any) -> Iterator[Any]:
    """Yield the S3 keys below a value: of a function's code, and of a definition's location."""
    if isinstance(value, dict):
        if "S3Key" in value:
            yield value["S3Key"]
        elif {"Bucket", "Key"} <= value.keys():
            yield value["Key"]
        for inner in value.values():
            yield from _keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner)


def _stray(key: str, definitions: tuple[Definition, ...], package: str) -> str:
    """Say what is wrong with a key that is neither a definition's nor the package's."""
    name = next((each for each in definitions if key.startswith(f"asl/{each.name}/")), None)
    if name is not None:
        return f"{TEMPLATE}: names other bytes of {name.name} ({key}) than are here; {MAKE_TEMPLATE}"
    if package and key.startswith("validator/"):
        return f"{TEMPLATE}: names another package ({key}) than {PACKAGE_LOCK}; {MAKE_TEMPLATE}"
    return f"{TEMPLATE}: names {key}, which is no document of asl/ and not the package"


def committed(root: Path, read: Mapping[Path, bytes], *, allow_uncommitted: bool) -> str | None:
    """Return the commit that holds these bytes. Raises `Refused` where none does, unless that is allowed."""
    try:
        commit, faults = _compare(root, read)
    except _NoGitError as error:
        commit, faults = None, [str(error)]
    if not faults:
        return commit
    if not allow_uncommitted:
        raise Refused(
            "\n".join(
                [
                    "what is here was not committed, so nobody can say that it was reviewed",
                    *faults,
                    "commit it, or deploy it all the same with --allow-uncommitted",
                ]
            )
        )
    warn("\n".join(["this was not committed, and is deployed all the same (--allow-uncommitted)", *faults]))
    return None


class _NoGitError(Exception):
    """Git does not know this folder, or is not there."""


def _compare(root: Path, read: Mapping[Path, bytes]) -> tuple[str, list[str]]:
    """Return the commit that is checked out, and in what the bytes here are not its own."""
    commit = _git(root, "rev-parse", "--verify", "HEAD^{commit}").decode().strip()
    given = "".join(f"{commit}:./{path.as_posix()}\n" for path in read)
    held = _contents(_git(root, "cat-file", "--batch", given=given.encode()))
    faults = []
    for (path, content), committed in zip(read.items(), held, strict=True):
        if committed is None:
            faults.append(f"{path}: is not committed")
        elif committed != content:
            faults.append(f"{path}: is not as it was committed ({commit[:12]})")
    return commit, faults


def _contents(batch: bytes) -> Iterator[bytes | None]:
    """Yield what `git cat-file --batch` wrote, in the order in which it was asked: None for what is not there."""
    at = 0
    while at < len(batch):
        end = batch.index(b"\n", at)
        header = batch[at:end]
        at = end + 1
        if header.endswith(b" missing"):
            yield None
        else:
            size = int(header.rpartition(b" ")[2])
            yield batch[at : at + size]
            at += size + 1


def _git(root: Path, *arguments: str, given: bytes | None = None) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, input=given, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise _NoGitError("git is not installed, so there is no commit to compare with") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise _NoGitError(f"there is no commit to compare with: git says: {said[0] if said else 'nothing'}")
    return done.stdout


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
