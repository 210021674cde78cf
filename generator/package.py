"""Build the Lambda's package: one zip, the same bytes on every machine and Python.

It holds the validator's modules and the pure Python files of `jsonschema` and what that needs. Those come
from the distributions installed in the environment that runs this, and each is compared with the SHA-256 in
`dependencies.lock.json`: so no network is needed, and no other version can slip in. Nothing of this module
is in the zip.
"""

import hashlib
import importlib.metadata
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from generator.artifacts import ArtifactError

VALIDATOR = Path("validator")
LOCK = VALIDATOR / "dependencies.lock.json"
REQUIREMENTS = VALIDATOR / "requirements.txt"

LEFT_OUT = frozenset({"commands.py"})
"""Modules that the Lambda does not run."""

# Zip has no earlier time; a fixed one keeps the bytes apart from when and where they are written.
TIMESTAMP = (1980, 1, 1, 0, 0, 0)
REGULAR_FILE_FOR_ALL = 0o100644 << 16
MADE_BY_UNIX = 3


@dataclass(frozen=True, slots=True)
class Zip:
    """The package's bytes."""

    content: bytes

    @property
    def sha256(self) -> str:
        """Their SHA-256 in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


def build(root: Path) -> Zip:
    """Build the package from the project in `root`.

    Raises `ArtifactError` when a dependency is not installed, or is not the one that is locked.
    """
    entries = {**_own_files(root), **_dependency_files(root)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression=zipfile.ZIP_STORED) as archive:
        for name in sorted(entries):
            archive.writestr(_entry(name), entries[name])
    return Zip(buffer.getvalue())


def lock_dependencies(root: Path) -> str:
    """Return the text that `dependencies.lock.json` should have for what is installed here.

    To be run, and its outcome reviewed, when `requirements.txt` changes. What is locked are the modules and
    data that are imported, and the licences; tests, benchmarks, command lines and native code are left out.
    """
    locked: dict[str, dict[str, object]] = {}
    for name in sorted(_wanted(root)):
        distribution = importlib.metadata.distribution(name)
        files = {
            str(path): hashlib.sha256(Path(str(path.locate())).read_bytes()).hexdigest()
            for path in distribution.files or []
            if _is_wanted(str(path))
        }
        locked[name] = {"version": distribution.version, "files": dict(sorted(files.items()))}
    return json.dumps(locked, indent=2) + "\n"


def _wanted(root: Path) -> list[str]:
    """Return the names of the distributions that `requirements.txt` pins."""
    lines = (root / REQUIREMENTS).read_text(encoding="utf-8").splitlines()
    return [line.partition("==")[0] for line in lines if "==" in line and not line.startswith("#")]


def _is_wanted(path: str) -> bool:
    parts = path.split("/")
    if parts[0].endswith(".dist-info"):
        return parts[-1].upper().startswith(("LICENSE", "COPYING"))
    if parts[0] == "attrs" or {"tests", "benchmarks", "__pycache__", ".."} & set(parts):
        return False
    return parts[-1] not in {"__main__.py", "cli.py"} and not path.endswith(
        (".pyi", ".so", ".pyd", ".pyc", "py.typed")
    )


def _own_files(root: Path) -> dict[str, bytes]:
    modules = [path for path in (root / VALIDATOR).rglob("*.py") if path.name not in LEFT_OUT]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in modules}


def _dependency_files(root: Path) -> dict[str, bytes]:
    entries = {}
    for name, locked in json.loads((root / LOCK).read_text(encoding="utf-8")).items():
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            raise ArtifactError(f"{name} {locked['version']} is not installed: {_REMEDY}") from None
        if distribution.version != locked["version"]:
            raise ArtifactError(
                f"{name} {locked['version']} is locked, {distribution.version} is installed: {_REMEDY}"
            )
        for path, digest in locked["files"].items():
            file = Path(str(distribution.locate_file(path)))
            data = file.read_bytes() if file.is_file() else b""
            if hashlib.sha256(data).hexdigest() != digest:
                raise ArtifactError(f"{file} is not what {LOCK.name} says: {_REMEDY}")
            entries[path] = data
    return entries


_REMEDY = "install validator/requirements.txt with pip (--require-hashes) into the environment that runs this"


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, TIMESTAMP)
    entry.compress_type = zipfile.ZIP_STORED
    entry.create_system = MADE_BY_UNIX
    entry.external_attr = REGULAR_FILE_FOR_ALL
    return entry
