"""Build the Lambda's package: one zip, the same bytes on every machine and Python.

It holds the validator's modules and the pure Python files of `jsonschema` and what that needs. Those come
from the distributions installed in the environment that runs this, and each is compared with the SHA-256 in
`dependencies.lock.json`: so no network is needed, and no other version can slip in. Nothing of this module
is in the zip.
"""

import hashlib
import importlib.metadata
import json
import zipfile
from pathlib import Path

PACKAGE = Path(__file__).parent
LOCK = PACKAGE / "dependencies.lock.json"

LEFT_OUT = frozenset({"packaging.py", "commands.py"})
"""Modules that the Lambda does not run."""

# Zip has no earlier time; a fixed one keeps the bytes apart from when and where they are written.
TIMESTAMP = (1980, 1, 1, 0, 0, 0)
REGULAR_FILE_FOR_ALL = 0o100644 << 16
MADE_BY_UNIX = 3


class PackageError(Exception):
    """The package cannot be built; the message says what to do."""


def build_package(destination: Path) -> str:
    """Write the package to `destination` and return the SHA-256 of its bytes, in hexadecimal.

    Raises `PackageError` when a dependency is not installed or is not the one that is locked.
    """
    entries = {**_own_files(), **_dependency_files()}
    destination.parent.mkdir(parents=True, exist_ok=True)
    part = destination.with_name(f"{destination.name}.part")
    with zipfile.ZipFile(part, "w", compression=zipfile.ZIP_STORED) as archive:
        for name in sorted(entries):
            archive.writestr(_entry(name), entries[name])
    digest = hashlib.sha256(part.read_bytes()).hexdigest()
    part.replace(destination)
    return digest


def lock_dependencies() -> str:
    """Return the text that `dependencies.lock.json` should have for what is installed here.

    To be run, and its outcome reviewed, when `requirements.txt` changes. What is locked are the modules and
    data that are imported, and the licences; tests, benchmarks, command lines and native code are left out.
    """
    locked: dict[str, dict[str, object]] = {}
    for name in sorted(_wanted()):
        distribution = importlib.metadata.distribution(name)
        files = {
            str(path): hashlib.sha256(Path(str(path.locate())).read_bytes()).hexdigest()
            for path in distribution.files or []
            if _is_wanted(str(path))
        }
        locked[name] = {"version": distribution.version, "files": dict(sorted(files.items()))}
    return json.dumps(locked, indent=2) + "\n"


def _wanted() -> list[str]:
    """Return the names of the distributions that `requirements.txt` pins."""
    lines = (PACKAGE / "requirements.txt").read_text(encoding="utf-8").splitlines()
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


def _own_files() -> dict[str, bytes]:
    modules = [path for path in PACKAGE.rglob("*.py") if path.name not in LEFT_OUT]
    return {f"validator/{path.relative_to(PACKAGE).as_posix()}": path.read_bytes() for path in modules}


def _dependency_files() -> dict[str, bytes]:
    entries = {}
    for name, locked in json.loads(LOCK.read_text(encoding="utf-8")).items():
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            raise PackageError(f"{name} {locked['version']} is not installed: {_REMEDY}") from None
        if distribution.version != locked["version"]:
            raise PackageError(
                f"{name} {locked['version']} is locked, {distribution.version} is installed: {_REMEDY}"
            )
        for path, digest in locked["files"].items():
            file = Path(str(distribution.locate_file(path)))
            data = file.read_bytes() if file.is_file() else b""
            if hashlib.sha256(data).hexdigest() != digest:
                raise PackageError(f"{file} is not what {LOCK.name} says: {_REMEDY}")
            entries[path] = data
    return entries


_REMEDY = "install validator/requirements.txt with pip (--require-hashes) into the environment that runs this"


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, TIMESTAMP)
    entry.compress_type = zipfile.ZIP_STORED
    entry.create_system = MADE_BY_UNIX
    entry.external_attr = REGULAR_FILE_FOR_ALL
    return entry
