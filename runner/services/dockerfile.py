"""Read a Dockerfile as far as one machine without Docker can follow it, and lay out what its image would hold.

COPY and ADD of the repository's own files, WORKDIR, ENV, ARG, ENTRYPOINT and CMD are done for real, stage by stage.
RUN, and the base image itself, are not: `Built.skipped` names what was left out, for the person who reads the
outcome. What Docker would refuse is refused: an unknown instruction, a file that is not there, no FROM.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

IGNORED = frozenset(
    {"EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD", "SHELL", "STOPSIGNAL", "USER", "VOLUME"}
)
VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))")


class DockerfileError(Exception):
    """Docker would not build this; the message is what the build's log says."""


@dataclass(frozen=True)
class Instruction:
    """One instruction, its continued lines joined."""

    line: int
    name: str
    text: str


@dataclass
class Stage:
    """What one FROM begins: its files, and how it is started."""

    files: Path
    workdir: str = "/"
    env: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Built:
    """What came of a Dockerfile."""

    files: Path
    """The folder that stands for the image's root."""
    workdir: str
    env: Mapping[str, str]
    argv: tuple[str, ...]
    skipped: tuple[str, ...]
    """The instructions that were not carried out here."""


def instructions(text: str) -> Iterator[Instruction]:
    """Yield the instructions of a Dockerfile. Heredocs are refused: raises `DockerfileError`."""
    start, parts = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        start = start if parts else number
        parts.append(stripped.removesuffix("\\").strip())
        if not stripped.endswith("\\"):
            name, _, rest = " ".join(parts).partition(" ")
            if "<<" in rest and name.upper() in {"RUN", "COPY", "ADD"}:
                raise DockerfileError(f"Dockerfile:{start}: heredocs cannot be followed here")
            yield Instruction(start, name.upper(), rest.strip())
            parts = []
    if parts:
        name, _, rest = " ".join(parts).partition(" ")
        yield Instruction(start, name.upper(), rest.strip())


def build(context: Path, folder: Path) -> Built:
    """Lay out the image of `context/Dockerfile` below a folder. Raises `DockerfileError`."""
    return _Build(context, folder).run()


class _Build:
    def __init__(self, context: Path, folder: Path):
        self._context = context
        self._folder = folder
        self._stages: list[Stage] = []
        self._names: dict[str, Stage] = {}
        self._global_arguments: dict[str, str] = {}
        self._skipped: list[str] = []

    def run(self) -> Built:
        text = (self._context / "Dockerfile").read_text("utf-8", errors="replace")
        for each in instructions(text):
            self._follow(each)
        if not self._stages:
            raise DockerfileError("Dockerfile: no build stage: there is no FROM")
        last = self._stages[-1]
        return Built(
            last.files, last.workdir, last.env, (*last.entrypoint, *last.command), tuple(self._skipped)
        )

    def _follow(self, each: Instruction) -> None:
        if each.name == "FROM":
            self._from(each)
        elif each.name == "ARG" and not self._stages:
            self._argument(self._global_arguments, each.text)
        elif not self._stages:
            raise DockerfileError(
                f"Dockerfile:{each.line}: no build stage in current context: {each.name} before FROM"
            )
        elif each.name in {"COPY", "ADD"}:
            self._copy(self._stages[-1], each)
        elif each.name == "RUN":
            self._skipped.append(f"RUN {each.text}")
        else:
            self._configure(self._stages[-1], each)

    def _configure(self, stage: Stage, each: Instruction) -> None:
        match each.name:
            case "WORKDIR":
                stage.workdir = os.path.normpath(os.path.join(stage.workdir, self._expand(stage, each.text)))  # noqa: PTH118 - a path of the image
                _below(stage.files, stage.workdir).mkdir(parents=True, exist_ok=True)
            case "ENV":
                for name, value in _pairs(self._expand(stage, each.text)):
                    stage.env[name] = value
            case "ARG":
                self._argument(stage.arguments, each.text)
            case "ENTRYPOINT":
                stage.entrypoint, stage.command = _argv(each.text), []
            case "CMD":
                stage.command = _argv(each.text)
            case name if name not in IGNORED:
                raise DockerfileError(f"Dockerfile:{each.line}: unknown instruction: {name}")

    def _from(self, each: Instruction) -> None:
        words = [word for word in each.text.split() if not word.startswith("--")]
        if not words or (len(words) > 1 and (len(words) != 3 or words[1].upper() != "AS")):
            raise DockerfileError(f"Dockerfile:{each.line}: FROM takes an image, and a name after AS")
        files = self._folder / f"stage-{len(self._stages)}"
        base = self._names.get(words[0])
        if base is not None:
            shutil.copytree(base.files, files, symlinks=True, copy_function=_link)
            stage = Stage(files, base.workdir, dict(base.env), {}, list(base.entrypoint), list(base.command))
        else:
            files.mkdir(parents=True)
            stage = Stage(files)
            self._skipped.append(f"FROM {self._expand(stage, words[0])}")
        self._names[str(len(self._stages))] = stage
        self._stages.append(stage)
        if len(words) == 3:
            self._names[words[2]] = stage

    def _argument(self, arguments: dict[str, str], text: str) -> None:
        name, _, value = text.partition("=")
        arguments[name.strip()] = value.strip().strip("\"'") or self._global_arguments.get(name.strip(), "")

    def _copy(self, stage: Stage, each: Instruction) -> None:
        words = _argv(each.text) if each.text.startswith("[") else shlex.split(self._expand(stage, each.text))
        flags = [word for word in words if word.startswith("--")]
        *sources, target = [word for word in words if not word.startswith("--")] or [""]
        if not sources:
            raise DockerfileError(f"Dockerfile:{each.line}: {each.name} takes sources and a destination")
        root = self._context
        for flag in flags:
            if flag.startswith("--from="):
                known = self._names.get(flag.removeprefix("--from="))
                if known is None:
                    self._skipped.append(f"{each.name} {each.text}")
                    return
                root = known.files
        place = os.path.join(stage.workdir, target)  # noqa: PTH118 - a path of the image
        into_folder = target.endswith(("/", "/.")) or target == "." or len(sources) > 1
        for source in sources:
            if source.startswith(("http://", "https://", "git@")):
                self._skipped.append(f"{each.name} {each.text}")
                continue
            _copy_into(root, source, _below(stage.files, place), into_folder=into_folder, line=each.line)

    def _expand(self, stage: Stage, text: str) -> str:
        known = {**self._global_arguments, **stage.arguments, **stage.env}
        return VARIABLE.sub(lambda found: known.get(found[1] or found[3], found[2] or ""), text)


def _copy_into(root: Path, source: str, target: Path, *, into_folder: bool, line: int) -> None:
    base = _below(root, source)
    found = sorted(base.parent.glob(base.name)) if base != root else [root]
    if not found:
        raise DockerfileError(
            f'Dockerfile:{line}: failed to compute cache key: "/{source.lstrip("./")}": not found'
        )
    for path in found:
        if path.is_dir() and not path.is_symlink():
            # The folder's contents, not the folder. Evidence: documentation (Dockerfile reference, COPY).
            shutil.copytree(path, target, symlinks=True, dirs_exist_ok=True, copy_function=_link)
        else:
            place = target / path.name if into_folder or target.is_dir() or len(found) > 1 else target
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            _link(str(path), str(place))


def _link(source: str, target: str) -> None:
    """Hard-link a file where that can be done: the build's folder is ours, and nothing is copied twice."""
    if Path(source).is_symlink():
        Path(target).unlink(missing_ok=True)
        Path(target).symlink_to(Path(source).readlink())
        return
    try:
        os.link(source, target)
    except FileExistsError:
        Path(target).unlink()
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _below(root: Path, path: str) -> Path:
    """Return a path inside a root, whatever `..` it holds."""
    return root / os.path.normpath("/" + path).lstrip("/")


def _argv(text: str) -> list[str]:
    """Return a command in its exec form, or the shell that runs it. Evidence: documentation (Dockerfile reference)."""
    if text.startswith("["):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, list) and all(isinstance(word, str) for word in found):
            return found
    return ["/bin/sh", "-c", text]


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    words = shlex.split(text)
    if words and "=" not in words[0]:
        yield words[0], " ".join(words[1:])
        return
    for word in words:
        name, _, value = word.partition("=")
        yield name, value
