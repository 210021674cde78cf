"""What an operator asks a local run for, read and checked before anything is started."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from review.execution_input import problems
from runner.services.stand_ins import Source
from states_language.sources import SourceError, read_text
from states_language.sources.reading import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SAMPLE = Path("samples/greeter")


class RequestError(Exception):
    """What was asked for cannot be; the message says why, and what to do."""


def source_of(root: Path, command: str | None, repository: Path | None) -> Source:
    """Return what the build is to clone. Raises `RequestError`."""
    if command is not None and repository is not None:
        raise RequestError("--command and --repository exclude each other")
    if command is None:
        return _repository(repository or root / SAMPLE)
    try:
        argv = shlex.split(command)
    except ValueError as error:
        raise RequestError(f"--command: {error}") from error
    if not argv:
        raise RequestError("--command: is empty")
    program = shutil.which(argv[0])
    if program is None:
        raise RequestError(
            f"--command: there is no program {argv[0]}, neither on PATH nor as a file that can be executed"
        )
    # The command runs in a folder of its own; what it names beside itself must be found from there.
    return Source(command=(str(Path(program).absolute()), *(_absolute(word) for word in argv[1:])))


def _absolute(word: str) -> str:
    return (
        str(Path(word).absolute())
        if "/" in word and not word.startswith("-") and Path(word).exists()
        else word
    )


def _repository(folder: Path) -> Source:
    if not folder.is_dir():
        raise RequestError(f"{folder}: is no folder")
    if not (folder / "Dockerfile").is_file():
        raise RequestError(f"{folder}: has no file named Dockerfile, which the pipeline builds")
    return Source(folder.absolute())


def sources_of(root: Path, given: Iterable[str]) -> dict[str, Source]:
    """Read `OWNER/NAME=DIR` and `OWNER/NAME=COMMAND`. Raises `RequestError`."""
    found = {}
    for text in given:
        name, equals, source = text.partition("=")
        if not equals or not source or not re.fullmatch(r"[^/\s=]+/[^/\s=]+", name):
            raise RequestError(f"--source {text}: write OWNER/NAME=DIR, or OWNER/NAME=COMMAND")
        folder = Path(source)
        try:
            found[name] = source_of(root, None, folder) if folder.is_dir() else source_of(root, source, None)
        except RequestError as error:
            raise RequestError(f"--source {name}: {str(error).removeprefix('--command: ')}") from error
    return found


def input_of(root: Path, given: Path | None, source: Source) -> dict[str, Any]:
    """Return the execution's input: the given one, checked, or one made from the server's name.

    Raises `RequestError`.
    """
    if given is None:
        name = source.folder.name if source.folder is not None else Path(source.command[0]).name
        clean = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._") or "server"
        found: Any = {
            "repositoryName": f"local-{clean}"[:200],
            "originalRepositoryName": f"local/{clean[:100]}",
            "serverId": f"local/{clean}"[:256],
        }
    else:
        found = read_json(given)
    if wrong := list(problems(root, found)):
        raise RequestError("\n".join(f"{given}: {problem}" for problem in wrong))
    whole: dict[str, Any] = found
    return whole


def read_json(path: Path) -> Any:
    """Return a file's JSON. Raises `RequestError`."""
    try:
        return parse_json(read_text(path), str(path)).value
    except SourceError as error:
        raise RequestError(error.told) from error


def environment_of(given: Iterable[str]) -> Mapping[str, str]:
    """Read `NAME=VALUE`s. Raises `RequestError`."""
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise RequestError(f"--env {text}: write NAME=VALUE")
        found[name] = value
    return found
