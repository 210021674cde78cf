"""Load and check `settings.yaml`: every mistake is told with its place and what to write instead."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import yaml

Check = Callable[[Any], str | None]
"""Returns what is wrong with a value, or None; the value has the field's type already."""

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
LOG_RETENTION_DAYS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)
"""What CloudWatch Logs takes (documentation: PutRetentionPolicy)."""

TAG = re.compile(r"[\w .:/=+@-]*")
"""What a tag's key and value are written with (documentation: Tagging AWS resources, tag naming limits)."""
MOST_TAGS = 50 - 2
"""A resource takes 50; a task has two of its own."""
LONGEST = 20_000
"""How many characters are read: YAML nested a hundred thousand deep would exhaust the parser's stack."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong in a file: `line` counts from 1."""

    line: int
    message: str


class SettingsError(Exception):
    """The settings cannot be used; `mistakes` says all that is wrong, in the order of the file."""

    def __init__(self, path: Path, mistakes: list[Mistake]):
        self.path = path
        self.mistakes = sorted(mistakes, key=lambda mistake: (mistake.line, mistake.message))
        super().__init__("\n".join(f"{path}:{mistake.line}: {mistake.message}" for mistake in self.mistakes))


def _between(least: int, most: int, unit: str = "") -> Check:
    def check(value: int) -> str | None:
        return (
            None if least <= value <= most else f"must be from {least} to {most}{' ' + unit if unit else ''}"
        )

    return check


def _one_of(*choices: object) -> Check:
    def check(value: object) -> str | None:
        return None if value in choices else "must be one of " + ", ".join(map(str, choices))

    return check


def _matches(pattern: str, meaning: str, *, may_be_empty: bool = False) -> Check:
    compiled = re.compile(pattern)

    def check(value: str) -> str | None:
        if may_be_empty and not value:
            return None
        return None if compiled.fullmatch(value) else f"must be {meaning}"

    return check


def _network(smallest: int | None = None) -> Check:
    def check(value: str) -> str | None:
        expected = "must be an IPv4 network such as 10.77.0.0/16"
        # Python would read an address alone, and a netmask, as a network too; CloudFormation and EC2 do not.
        if not re.fullmatch(r"[^/]*/(?:[0-9]|[1-9][0-9])", value):
            return f"{expected} (it needs its length, as in /16)"
        try:
            network = ipaddress.IPv4Network(value)
        except ValueError as error:
            return f"{expected} ({error})"
        if smallest is not None and not 16 <= network.prefixlen <= smallest:
            return f"must be a network from /16 to /{smallest}, which a VPC with two subnets can have"
        return None

    return check


def _checked(check: Check) -> Any:
    return field(metadata={"check": check})


@dataclass(frozen=True)
class PipelineSettings:
    """The state machine as a whole."""

    timeout_seconds: int = _checked(_between(300, 86400, "seconds"))


@dataclass(frozen=True)
class NameSettings:
    """Physical names; an empty one lets CloudFormation choose."""

    # The patterns are those of CreateStateMachine, CreateProject, CreateCluster, CreateRepository,
    # CreateLogGroup, CreateTable and RegisterTaskDefinition (documentation).
    state_machine: str = _checked(
        _matches(r"[A-Za-z0-9_-]{1,80}", "at most 80 letters, digits, '-' and '_'", may_be_empty=True)
    )
    build_project: str = _checked(
        _matches(
            r"[A-Za-z0-9][A-Za-z0-9_-]{1,149}", "2 to 150 letters, digits, '-' and '_'", may_be_empty=True
        )
    )
    cluster: str = _checked(
        _matches(
            r"[A-Za-z][A-Za-z0-9_-]{0,254}", "letters, digits, '-' and '_', a letter first", may_be_empty=True
        )
    )
    repository: str = _checked(
        _matches(
            r"(?=.{2,256}$)[a-z0-9]+(?:[._-][a-z0-9]+)*(?:/[a-z0-9]+(?:[._-][a-z0-9]+)*)*",
            "2 to 256 lower-case letters and digits, parted by '.', '_', '-' or '/'",
            may_be_empty=True,
        )
    )
    task_log_group: str = _checked(
        _matches(
            r"(?!aws/)[A-Za-z0-9_/.#-]{1,512}", "at most 512 letters, digits and '_/.#-'", may_be_empty=True
        )
    )
    verdict_table: str = _checked(
        _matches(r"[A-Za-z0-9_.-]{3,255}", "3 to 255 letters, digits, '_', '-' and '.'", may_be_empty=True)
    )
    # A hyphen and 64 hexadecimal digits follow, and a family has at most 255 characters.
    task_definition_family: str = _checked(
        _matches(r"[A-Za-z0-9][A-Za-z0-9_-]{0,189}", "1 to 190 letters, digits, '-' and '_'")
    )


@dataclass(frozen=True)
class BuildSettings:
    """The CodeBuild project; the times in minutes."""

    clone_base_url: str = _checked(
        _matches(
            r"https://[A-Za-z0-9.-]+(?::\d+)?(?:/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-])?",
            "an https:// address without a slash at its end",
        )
    )
    image: str = _checked(_matches(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*", "the name of a build image"))
    compute_type: str = _checked(
        _one_of(
            "BUILD_GENERAL1_SMALL",
            "BUILD_GENERAL1_MEDIUM",
            "BUILD_GENERAL1_LARGE",
            "BUILD_GENERAL1_XLARGE",
            "BUILD_GENERAL1_2XLARGE",
        )
    )
    timeout_minutes: int = _checked(_between(5, 480, "minutes"))
    queued_timeout_minutes: int = _checked(_between(5, 480, "minutes"))


@dataclass(frozen=True)
class ImageSettings:
    """The image repository."""

    keep: int = _checked(_between(1, 10000, "images"))


@dataclass(frozen=True)
class TaskSettings:
    """The Fargate task: CPU units, MiB, MiB."""

    cpu: int = _checked(_one_of(256, 512, 1024, 2048, 4096, 8192, 16384))
    memory: int = _checked(_between(512, 122880, "MiB"))
    port: int = _checked(_between(1, 65535))
    temporary_storage: int = _checked(_between(1, 16384, "MiB"))


@dataclass(frozen=True)
class StartupSettings:
    """How often the task is looked at until it runs."""

    interval_seconds: int = _checked(_between(1, 60, "seconds"))
    attempts: int = _checked(_between(1, 1000))


@dataclass(frozen=True)
class ValidatorSettings:
    """The Lambda function: MiB, seconds."""

    memory: int = _checked(_between(128, 10240, "MiB"))
    time_limit_seconds: int = _checked(_between(5, 890, "seconds"))


@dataclass(frozen=True)
class NetworkSettings:
    """Defaults of the network's parameters."""

    vpc_cidr: str = _checked(_network(smallest=23))
    assign_public_ip: str = _checked(_one_of("ENABLED", "DISABLED"))
    egress_cidr: str = _checked(_network())


@dataclass(frozen=True)
class LogSettings:
    """How long logs are kept, in days."""

    task_retention_days: int = _checked(_one_of(*LOG_RETENTION_DAYS))
    retention_days: int = _checked(_one_of(*LOG_RETENTION_DAYS))


@dataclass(frozen=True)
class Settings:
    """Everything that `settings.yaml` decides."""

    pipeline: PipelineSettings
    names: NameSettings
    build: BuildSettings
    images: ImageSettings
    task: TaskSettings
    startup: StartupSettings
    validator: ValidatorSettings
    network: NetworkSettings
    logs: LogSettings
    tags: Mapping[str, str]


def load(path: Path) -> Settings:
    """Read settings from a YAML file.

    Raises `SettingsError` with every mistake that can be told at once, and `OSError` where the file
    cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(path, [Mistake(1, f"is not UTF-8 text (byte {error.start})")]) from error
    return parse(text, path)


def parse(text: str, path: Path) -> Settings:
    """Read settings from YAML text; `path` is named in errors. Raises `SettingsError`."""
    if len(text) > LONGEST:
        raise SettingsError(
            path, [Mistake(1, f"is longer than any settings need to be ({LONGEST} characters)")]
        )
    try:
        root = yaml.compose(text, Loader=LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise SettingsError(path, [Mistake(line, f"is not YAML: {error.problem or error}")]) from error
    except yaml.reader.ReaderError as error:
        line = text.encode("utf-8")[: error.position].count(b"\n") + 1
        raise SettingsError(path, [Mistake(line, f"is not YAML: {error.reason}")]) from error
    if root is None:
        sections = ", ".join(each.name for each in fields(Settings))
        raise SettingsError(path, [Mistake(1, f"is empty; it needs the sections {sections}")])
    mistakes: list[Mistake] = []
    settings = _read(root, Settings, "", mistakes)
    if not mistakes:
        mistakes.extend(_contradictions(settings, root))
    if mistakes:
        raise SettingsError(path, mistakes)
    assert isinstance(settings, Settings)  # noqa: S101  # narrows for the type checker; mistakes were raised above
    return settings


def fargate_memory(cpu: int) -> tuple[int, ...]:
    """Return the memory sizes in MiB that Fargate takes with these CPU units."""
    sizes = yaml.load((Path(__file__).parent / "fargate_sizes.yaml").read_text("utf-8"), Loader=LOADER)[cpu]  # noqa: S506  # LOADER is a safe loader
    if isinstance(sizes, list):
        return tuple(sizes)
    return tuple(range(sizes["first"], sizes["last"] + 1, sizes["step"]))


def _read(node: yaml.Node, kind: type, where: str, mistakes: list[Mistake]) -> Any:
    """Read a section into its dataclass; what is wrong goes to `mistakes` and becomes None here."""
    values = _entries(node, where, mistakes)
    if values is None:
        return None
    hints = get_type_hints(kind)
    known = [each.name for each in fields(kind)]
    for key, (key_node, _) in values.items():
        if key not in known:
            from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

            near = get_close_matches(key, known, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else f"; known are {', '.join(known)}"
            mistakes.append(Mistake(_line(key_node), f"unknown key '{where}{key}'{hint}"))
    result = {}
    for each in fields(kind):
        if each.name not in values:
            mistakes.append(Mistake(_line(node), f"'{where}{each.name}' is missing"))
            continue
        value_node = values[each.name][1]
        name = f"{where}{each.name}"
        expected = hints[each.name]
        if isinstance(expected, type) and is_dataclass(expected):
            result[each.name] = _read(value_node, expected, f"{name}.", mistakes)
        elif each.name == "tags":
            result[each.name] = _read_tags(value_node, mistakes)
        else:
            result[each.name] = _scalar(value_node, expected, each.metadata["check"], name, mistakes)
    return kind(**result) if not mistakes else None


def _entries(
    node: yaml.Node, where: str, mistakes: list[Mistake]
) -> dict[str, tuple[yaml.Node, yaml.Node]] | None:
    if not isinstance(node, yaml.MappingNode):
        what = f"'{where.rstrip('.')}'" if where else "the file"
        mistakes.append(Mistake(_line(node), f"{what} must be a mapping of keys to values"))
        return None
    values: dict[str, tuple[yaml.Node, yaml.Node]] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            inside = f"'{where.rstrip('.')}'" if where else "the file"
            mistakes.append(
                Mistake(_line(key_node), f"{inside} has a key that is {_written(key_node)}; a key is a word")
            )
            continue
        key = str(key_node.value)
        if key in values:
            mistakes.append(Mistake(_line(key_node), f"'{where}{key}' is written twice"))
        values[key] = (key_node, value_node)
    return values


def _scalar(node: yaml.Node, expected: type, check: Check, name: str, mistakes: list[Mistake]) -> Any:
    value = _python(node)
    if type(value) is not expected:
        kind = "a whole number" if expected is int else "text"
        plain = isinstance(node, yaml.ScalarNode) and not node.style and node.value
        quoted = " (put it in quotes)" if expected is str and plain else ""
        mistakes.append(Mistake(_line(node), f"'{name}' must be {kind}, not {_written(node)}{quoted}"))
        return None
    if (wrong := check(value)) is not None:
        mistakes.append(Mistake(_line(node), f"'{name}' {wrong}, not {_written(node)}"))
    return value


def _read_tags(node: yaml.Node, mistakes: list[Mistake]) -> Mapping[str, str]:
    tags: dict[str, str] = {}
    for key, (key_node, value_node) in (_entries(node, "tags.", mistakes) or {}).items():
        value = _python(value_node)
        if not isinstance(value, str):
            mistakes.append(
                Mistake(_line(value_node), f"'tags.{key}' must be text, not {_written(value_node)}")
            )
        elif not (TAG.fullmatch(value) and len(value) <= 256):
            mistakes.append(
                Mistake(
                    _line(value_node),
                    f"'tags.{key}' must be at most 256 letters, digits, spaces and _.:/=+-@",
                )
            )
        elif wrong := _wrong_tag_key(key, tags):
            mistakes.append(Mistake(_line(key_node), f"'{key}' cannot be a tag's key: {wrong}"))
        else:
            tags[key] = value
    if len(tags) > MOST_TAGS:
        mistakes.append(
            Mistake(
                _line(node), f"'tags' has {len(tags)} tags; at most {MOST_TAGS} fit beside the pipeline's own"
            )
        )
    return tags


def _wrong_tag_key(key: str, others: Iterable[str]) -> str | None:
    if not (TAG.fullmatch(key) and 1 <= len(key) <= 128) or key.lower().startswith("aws:"):
        return "1 to 128 letters, digits, spaces and _.:/=+-@, not beginning with 'aws:'"
    if key == "Name" or key.startswith("toolshed:"):
        return "the pipeline sets it itself"
    # Tag keys of IAM are not case-sensitive (documentation: Tags for IAM resources).
    if same := [other for other in others if other.casefold() == key.casefold()]:
        return f"to IAM it is the same as '{same[0]}'"
    return None


def _contradictions(settings: Settings, root: yaml.Node) -> Iterator[Mistake]:
    task = settings.task
    sizes = fargate_memory(task.cpu)
    if task.memory not in sizes:
        listed = (
            ", ".join(map(str, sizes))
            if len(sizes) < 6
            else f"{sizes[0]} to {sizes[-1]} in steps of {sizes[1] - sizes[0]}"
        )
        yield Mistake(
            _line(_find(root, "task", "memory")),
            f"'task.memory' {task.memory} does not go with 'task.cpu' {task.cpu} on Fargate: it takes {listed} MiB",
        )
    if task.temporary_storage * 2 > task.memory:
        yield Mistake(
            _line(_find(root, "task", "temporary_storage")),
            f"'task.temporary_storage' must leave half of 'task.memory' ({task.memory} MiB) to the server",
        )


def _find(node: Any, *keys: str) -> yaml.Node:
    for key in keys:
        node = next(value for name, value in node.value if name.value == key)
    found: yaml.Node = node
    return found


def _python(node: yaml.Node) -> int | str | None:
    """Return text, or a whole number that is written as everyone reads it (YAML 1.1 takes 010 for 8); else None."""
    if not isinstance(node, yaml.ScalarNode):
        return None
    if node.tag == "tag:yaml.org,2002:str":
        return str(node.value)
    is_number = node.tag == "tag:yaml.org,2002:int" and re.fullmatch(
        r"-?(?:0|[1-9][0-9]{0,14})", node.value, re.ASCII
    )
    return int(node.value) if is_number else None


def _written(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return repr(node.value) if node.value else "nothing"
    return "a mapping" if isinstance(node, yaml.MappingNode) else "a list"


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def line_of(path: Path, *keys: str) -> int:
    """Return the line on which a setting that was loaded stands."""
    return _line(_find(yaml.compose(path.read_text(encoding="utf-8"), Loader=LOADER), *keys))
