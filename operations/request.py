"""What an operator wants validated: the execution's input, checked before anything is asked, and its name."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployer.console import EXIT_USAGE, ROOT, Refused
from review.execution_input import SCHEMA, problems

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_NAME = 80
"""Evidence: documentation (StartExecution, `name`)."""


@dataclass(frozen=True)
class Wanted:
    """What was asked for, on the command line."""

    repository: str | None = None
    server_id: str | None = None
    image_uri: str | None = None
    file: Path | None = None


def input_of(wanted: Wanted) -> dict[str, Any]:
    """Return the execution's input. Raises `Refused` with what is wrong, and where."""
    given, where = (
        (_from_file(wanted.file), str(wanted.file)) if wanted.file else (_made(wanted), "the input")
    )
    wrong = list(problems(ROOT, given))
    if wrong:
        told = "\n".join(_named(each) for each in wrong)
        raise Refused(f"{where} does not fit {SCHEMA}; nothing was started\n{told}", EXIT_USAGE)
    whole: dict[str, Any] = given
    return whole


def _from_file(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"), parse_constant=_refuse)
    except ValueError as error:
        raise Refused(f"{path}: is no JSON ({error}); nothing was started", EXIT_USAGE) from error


def _refuse(constant: str) -> Any:
    """Refuse NaN and Infinity, which Python reads and nobody else does."""
    message = f"{constant} is no value of JSON"
    raise ValueError(message)


def _made(wanted: Wanted) -> dict[str, Any]:
    repository = wanted.repository
    if repository is None and wanted.image_uri is not None:
        # Nothing is cloned where an image is given; the names only say where it came from.
        path = wanted.image_uri.partition("@")[0].split("/")
        repository = "/".join((["image", *path] if len(path) < 3 else path)[-2:]).partition(":")[0]
    found = {
        "repositoryName": (repository or "").replace("/", "-"),
        "originalRepositoryName": repository,
        "serverId": wanted.server_id,
        "imageUri": wanted.image_uri,
    }
    return {name: value for name, value in found.items() if value is not None}


def _named(problem: str) -> str:
    """Return a problem of the input with the option that it came from."""
    options = {
        "originalRepositoryName": "--repository",
        "repositoryName": "--repository",
        "serverId": "--server-id",
        "imageUri": "--image-uri",
    }
    found = next(
        (name for name in options if name in problem.partition(":")[0] or f"'{name}' is a" in problem), ""
    )
    return f"{problem} ({options[found]})" if found else problem


def name_of(given: dict[str, Any]) -> str:
    """Return a name that no other execution has, and that says which server it is about."""
    clean = re.sub(r"[^A-Za-z0-9]+", "-", given["serverId"]).strip("-") or "server"
    mark = secrets.token_hex(4)
    return f"{clean[: LONGEST_NAME - len(mark) - 1]}-{mark}"


def text_of(given: dict[str, Any]) -> str:
    """Return the input as it is sent: the same text for the same input, so that a start can be repeated."""
    return json.dumps(given, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
