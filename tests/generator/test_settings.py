"""The settings: what is wrong is told with its line and its remedy, and nothing that is wrong gets through."""

import json
import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from generator.artifacts import ArtifactError
from generator.documents import generate
from generator.settings import Settings, SettingsError, fargate_memory, load, parse

ROOT = Path(__file__).parent.parent.parent
FILE = Path("settings.yaml")
TEXT = (ROOT / FILE).read_text("utf-8")
LINES = TEXT.splitlines()


def line_of(key: str) -> int:
    """Return the line of the committed file on which a key stands."""
    (line,) = (number for number, text in enumerate(LINES, 1) if text.lstrip().startswith(f"{key}:"))
    return line


def edited(key: str, value: str) -> str:
    """Return the committed file with another value for a key."""
    lines = [*LINES]
    indent = re.match(r" *", lines[line_of(key) - 1])
    assert indent is not None
    lines[line_of(key) - 1] = f"{indent[0]}{key}: {value}"
    return "\n".join(lines) + "\n"


def complaints(text: str) -> list[str]:
    """Return what parsing complains of, a line each."""
    with pytest.raises(SettingsError) as caught:
        parse(text, FILE)
    return str(caught.value).splitlines()


def test_the_committed_settings_are_complete_and_right() -> None:
    """Every section and key of the data classes stands in the file, and comes out with its type."""
    settings = load(ROOT / FILE)
    assert (settings.task.cpu, settings.task.memory, settings.task.port) == (256, 512, 8000)
    assert dict(settings.tags) == {"Project": "ToolShed"}
    for section in fields(settings):
        value = getattr(settings, section.name)
        if is_dataclass(value):
            for each, kind in get_type_hints(type(value)).items():
                assert type(getattr(value, each)) is kind


WRONG_VALUES = [
    ("cpu", "300", "'task.cpu' must be one of 256, 512, 1024, 2048, 4096, 8192, 16384, not '300'"),
    ("cpu", "'256'", "'task.cpu' must be a whole number, not '256'"),
    ("cpu", "256.0", "'task.cpu' must be a whole number, not '256.0'"),
    ("cpu", "true", "'task.cpu' must be a whole number, not 'true'"),
    ("cpu", "", "'task.cpu' must be a whole number, not nothing"),
    ("cpu", "[256]", "'task.cpu' must be a whole number, not a list"),
    ("cpu", "{a: 1}", "'task.cpu' must be a whole number, not a mapping"),
    ("cpu", "!!python/object/apply:os.getpid []", "'task.cpu' must be a whole number, not a list"),
    ("cpu", "!!python/name:os.system", "'task.cpu' must be a whole number, not nothing"),
    ("cpu", "!!int many", "'task.cpu' must be a whole number, not 'many'"),
    ("cpu", "2026-13-45", "'task.cpu' must be a whole number, not '2026-13-45'"),
    ("cpu", "0400", "'task.cpu' must be a whole number, not '0400'"),
    ("cpu", "4:16", "'task.cpu' must be a whole number, not '4:16'"),
    ("port", "0", "'task.port' must be from 1 to 65535, not '0'"),
    ("timeout_seconds", "10", "'pipeline.timeout_seconds' must be from 300 to 86400 seconds, not '10'"),
    ("queued_timeout_minutes", "4", "'build.queued_timeout_minutes' must be from 5 to 480 minutes, not '4'"),
    ("temporary_storage", "0", "'task.temporary_storage' must be from 1 to 16384 MiB, not '0'"),
    (
        "temporary_storage",
        "300",
        "'task.temporary_storage' must leave half of 'task.memory' (512 MiB) to the server",
    ),
    (
        "state_machine",
        "Tool Shed",
        "'names.state_machine' must be at most 80 letters, digits, '-' and '_', not 'Tool Shed'",
    ),
    (
        "state_machine",
        "123",
        "'names.state_machine' must be text, not '123' (put it in quotes)",
    ),
    (
        "build_project",
        "-Build",
        "'names.build_project' must be 2 to 150 letters, digits, '-' and '_', not '-Build'",
    ),
    (
        "cluster",
        "9lives",
        "'names.cluster' must be letters, digits, '-' and '_', a letter first, not '9lives'",
    ),
    (
        "repository",
        "ToolShed",
        "'names.repository' must be 2 to 256 lower-case letters and digits, parted by '.', '_', '-' or '/', not 'ToolShed'",
    ),
    (
        "task_log_group",
        "aws/ecs",
        "'names.task_log_group' must be at most 512 letters, digits and '_/.#-', not 'aws/ecs'",
    ),
    (
        "verdict_table",
        "ab",
        "'names.verdict_table' must be 3 to 255 letters, digits, '_', '-' and '.', not 'ab'",
    ),
    (
        "task_definition_family",
        '""',
        "'names.task_definition_family' must be 1 to 190 letters, digits, '-' and '_', not nothing",
    ),
    (
        "clone_base_url",
        "http://github.com",
        "'build.clone_base_url' must be an https:// address without a slash at its end, not 'http://github.com'",
    ),
    (
        "clone_base_url",
        "https://github.com/",
        "'build.clone_base_url' must be an https:// address without a slash at its end, not 'https://github.com/'",
    ),
    (
        "compute_type",
        "SMALL",
        (
            "'build.compute_type' must be one of BUILD_GENERAL1_SMALL, BUILD_GENERAL1_MEDIUM, BUILD_GENERAL1_LARGE, "
            "BUILD_GENERAL1_XLARGE, BUILD_GENERAL1_2XLARGE, not 'SMALL'"
        ),
    ),
    (
        "vpc_cidr",
        "10.77.0.0",
        "'network.vpc_cidr' must be an IPv4 network such as 10.77.0.0/16 (it needs its length, as in /16), not '10.77.0.0'",
    ),
    (
        "vpc_cidr",
        "10.77.0.0/255.255.0.0",
        (
            "'network.vpc_cidr' must be an IPv4 network such as 10.77.0.0/16 (it needs its length, as in /16), "
            "not '10.77.0.0/255.255.0.0'"
        ),
    ),
    (
        "vpc_cidr",
        "10.77.1.0/16",
        "'network.vpc_cidr' must be an IPv4 network such as 10.77.0.0/16 (10.77.1.0/16 has host bits set), not '10.77.1.0/16'",
    ),
    (
        "vpc_cidr",
        "10.0.0.0/8",
        "'network.vpc_cidr' must be a network from /16 to /23, which a VPC with two subnets can have, not '10.0.0.0/8'",
    ),
    (
        "egress_cidr",
        "fd00::/8",
        "'network.egress_cidr' must be an IPv4 network such as 10.77.0.0/16 (Expected 4 octets in 'fd00::'), not 'fd00::/8'",
    ),
    (
        "egress_cidr",
        "10.1.2.3",
        "'network.egress_cidr' must be an IPv4 network such as 10.77.0.0/16 (it needs its length, as in /16), not '10.1.2.3'",
    ),
    (
        "assign_public_ip",
        "yes",
        "'network.assign_public_ip' must be text, not 'yes' (put it in quotes)",
    ),
    (
        "task_retention_days",
        "8",
        (
            "'logs.task_retention_days' must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, "
            "1096, 1827, 2192, 2557, 2922, 3288, 3653, not '8'"
        ),
    ),
    ("Project", "7", "'tags.Project' must be text, not '7'"),
    ("Project", "a*b", "'tags.Project' must be at most 256 letters, digits, spaces and _.:/=+-@"),
    ("Project", '"a\\tb"', "'tags.Project' must be at most 256 letters, digits, spaces and _.:/=+-@"),
    ("Project", "x" * 257, "'tags.Project' must be at most 256 letters, digits, spaces and _.:/=+-@"),
]


@pytest.mark.parametrize(
    ("key", "value", "message"), WRONG_VALUES, ids=[f"{key}: {value[:24]}" for key, value, _ in WRONG_VALUES]
)
def test_a_wrong_value_is_told_with_its_line(key: str, value: str, message: str) -> None:
    """One wrong value, one message: the file, the line, the setting, what it must be and what it is."""
    assert complaints(edited(key, value)) == [f"settings.yaml:{line_of(key)}: {message}"]


@pytest.mark.parametrize(
    ("cpu", "memory", "takes"),
    [
        (256, 4096, "512, 1024, 2048"),
        (512, 512, "1024, 2048, 3072, 4096"),
        (1024, 2500, "2048 to 8192 in steps of 1024"),
        (8192, 17408, "16384 to 61440 in steps of 4096"),
    ],
)
def test_a_pair_that_fargate_does_not_have_is_refused(cpu: int, memory: int, takes: str) -> None:
    """The message stands at the memory, and lists what goes with the CPU units."""
    text = edited("cpu", str(cpu)).replace(f"memory: {512} ", f"memory: {memory} ", 1)
    line = next(number for number, each in enumerate(LINES, 1) if "memory: 512" in each)
    assert complaints(text) == [
        f"settings.yaml:{line}: 'task.memory' {memory} does not go with 'task.cpu' {cpu} on Fargate: it takes {takes} MiB"
    ]


def test_the_pairs_of_fargate_are_those_of_its_guide() -> None:
    """The smallest and the largest size of each, as the ECS Developer Guide lists them, and how many there are."""
    assert {
        cpu: (fargate_memory(cpu)[0], fargate_memory(cpu)[-1], len(fargate_memory(cpu)))
        for cpu in (256, 512, 1024, 2048, 4096, 8192, 16384)
    } == {
        256: (512, 2048, 3),
        512: (1024, 4096, 4),
        1024: (2048, 8192, 7),
        2048: (4096, 16384, 13),
        4096: (8192, 30720, 23),
        8192: (16384, 61440, 12),
        16384: (32768, 122880, 12),
    }


SECTIONS = "pipeline, names, build, images, task, startup, validator, network, logs, tags"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"settings.yaml:1: is empty; it needs the sections {SECTIONS}"),
        ("# only a comment\n", f"settings.yaml:1: is empty; it needs the sections {SECTIONS}"),
        ("- a\n- b\n", "settings.yaml:1: the file must be a mapping of keys to values"),
        ("\n\ntext", "settings.yaml:3: the file must be a mapping of keys to values"),
        ("a: [1\n", "settings.yaml:2: is not YAML: did not find expected ',' or ']'"),
        ("a: b: c\n", "settings.yaml:1: is not YAML: mapping values are not allowed in this context"),
        ("a: 1\n---\nb: 2\n", "settings.yaml:2: is not YAML: but found another document"),
        ("a: \x00", "settings.yaml:1: is not YAML: control characters are not allowed"),
        ("a: *nobody\n", "settings.yaml:1: is not YAML: found undefined alias"),
        ("a: 1\nb: \x07", "settings.yaml:2: is not YAML: control characters are not allowed"),
        ("[" * 20_001, "settings.yaml:1: is longer than any settings need to be (20000 characters)"),
        ("[" * 9_000 + "]" * 9_000, "settings.yaml:1: the file must be a mapping of keys to values"),
        (f"task: {'[' * 9_000}{']' * 9_000}", "settings.yaml:1: 'build' is missing"),
    ],
    ids=[
        "empty",
        "comment",
        "list",
        "text",
        "open list",
        "colons",
        "documents",
        "control",
        "control in a line",
        "alias",
        "long",
        "deep",
        "deep section",
    ],
)
def test_what_is_no_settings_file_is_told_at_once(text: str, message: str) -> None:
    """Where nothing can be read, the one message says what the file is not."""
    assert complaints(text)[0].replace(" here", "") == message


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    """The message names the byte, since no line can be counted."""
    path = tmp_path / FILE
    path.write_bytes(b"tags:\n  Project: \xff\n")
    with pytest.raises(SettingsError, match=r"settings\.yaml:1: is not UTF-8 text \(byte 17\)"):
        load(path)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("  cpu:", "  cpus:", "unknown key 'task.cpus'; did you mean 'cpu'?"),
        ("startup:", "start_up:", "unknown key 'start_up'; did you mean 'startup'?"),
        (
            "  cpu:",
            "  zzz: 1\n  cpu:",
            "unknown key 'task.zzz'; known are cpu, memory, port, temporary_storage",
        ),
        ("  cpu:", "  cpu: 512\n  cpu:", "'task.cpu' is written twice"),
        ("  cpu:", "  ? [a]\n  : 1\n  cpu:", "'task' has a key that is a list; a key is a word"),
    ],
)
def test_a_wrong_key_is_told_with_the_nearest_right_one(before: str, after: str, message: str) -> None:
    """A key that nobody reads would be a decision that nobody carries out."""
    text = TEXT.replace(before, after, 1)
    line = line_of(before.strip(" :")) + max(0, after.count("\n") - after.count("? ") * 2) * (
        "twice" in message
    )
    assert f"settings.yaml:{line}: {message}" in complaints(text)


def test_every_mistake_is_told_in_the_order_of_the_file() -> None:
    """One run tells all that is wrong, so that one edit mends it."""
    text = edited("cpu", "1").replace("keep: 100", "keep: no").replace("interval_seconds: 2", "interval: 2")
    assert complaints(text) == [
        f"settings.yaml:{line_of('keep')}: 'images.keep' must be a whole number, not 'no'",
        f"settings.yaml:{line_of('cpu')}: 'task.cpu' must be one of 256, 512, 1024, 2048, 4096, 8192, 16384, not '1'",
        f"settings.yaml:{line_of('interval_seconds')}: 'startup.interval_seconds' is missing",
        f"settings.yaml:{line_of('interval_seconds')}: unknown key 'startup.interval'; did you mean 'interval_seconds'?",
    ]


@pytest.mark.parametrize(
    "section",
    ["pipeline", "names", "build", "images", "task", "startup", "validator", "network", "logs", "tags"],
)
def test_no_section_may_be_missing_or_another_thing(section: str) -> None:
    """A section that is left out, empty or a list is told by its name."""
    data = yaml.safe_load(TEXT)
    without = yaml.safe_dump({key: value for key, value in data.items() if key != section}, sort_keys=False)
    assert complaints(without) == [f"settings.yaml:1: '{section}' is missing"]
    wrongs: list[Any] = [None, [], "text"]
    for wrong in wrongs:
        messages = complaints(yaml.safe_dump({**data, section: wrong}, sort_keys=False))
        assert len(messages) == 1
        assert messages[0].endswith(f": '{section}' must be a mapping of keys to values")


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"aws:owner": "me"}, "'aws:owner' cannot be a tag's key: 1 to 128 letters"),
        ({"": "me"}, "'' cannot be a tag's key: 1 to 128 letters"),
        ({"a\nb": "me"}, "'a\nb' cannot be a tag's key: 1 to 128 letters"),
        ({"k" * 129: "me"}, "cannot be a tag's key: 1 to 128 letters"),
        (
            {"toolshed:server-id": "me"},
            "'toolshed:server-id' cannot be a tag's key: the pipeline sets it itself",
        ),
        ({"Cost": "a", "cost": "b"}, "'cost' cannot be a tag's key: to IAM it is the same as 'Cost'"),
        ({"Name": "me"}, "'Name' cannot be a tag's key: the pipeline sets it itself"),
        (
            {f"key{number}": "" for number in range(49)},
            "'tags' has 49 tags; at most 48 fit beside the pipeline's own",
        ),
    ],
    ids=[
        "reserved",
        "empty",
        "line break",
        "long",
        "the task's own",
        "cases",
        "the network's own",
        "too many",
    ],
)
def test_a_tag_that_aws_would_refuse_is_refused(tags: dict[str, str], message: str) -> None:
    """A tag's key and number are checked before the deployment does it."""
    data = yaml.safe_load(TEXT)
    with pytest.raises(SettingsError) as caught:
        parse(yaml.safe_dump({**data, "tags": tags}, sort_keys=False), FILE)
    assert message in str(caught.value)


@pytest.mark.parametrize("key", ["self", "args", "cost centre", "größe", "a:b/c=d+e-f@g"])
def test_any_other_tag_reaches_the_template(project: Path, key: str) -> None:
    """Whatever AWS takes as a tag's key is one here, whatever it means to Python."""
    data = yaml.safe_load(TEXT)
    (project / FILE).write_text(yaml.safe_dump({**data, "tags": {key: "value"}}, allow_unicode=True), "utf-8")
    texts = {str(each.path): each.text for each in generate(project).artifacts}
    template = json.loads(texts["templates/validation-pipeline.template.json"])
    assert {"Key": key, "Value": "value"} in template["Resources"]["Cluster"]["Properties"]["Tags"]


def test_without_tags_the_settings_are_right_too(project: Path) -> None:
    """Nobody is made to tag for costs."""
    data = yaml.safe_load(TEXT)
    (project / FILE).write_text(yaml.safe_dump({**data, "tags": {}}), "utf-8")
    assert generate(project).definitions[0].text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("timeout_seconds", "300"),
        ("timeout_minutes", "60"),
        ("attempts", "1000"),
        ("time_limit_seconds", "890"),
    ],
)
def test_timeouts_that_do_not_fit_are_refused(project: Path, key: str, value: str) -> None:
    """Times that together exceed the whole execution's are told at the whole's line, with their sum."""
    (project / FILE).write_text(edited(key, value), "utf-8")
    limit = 300 if key == "timeout_seconds" else 1800
    with pytest.raises(SettingsError) as caught:
        generate(project)
    found = re.fullmatch(
        rf".*/settings\.yaml:{line_of('timeout_seconds')}: 'pipeline\.timeout_seconds' is {limit}, but the timeouts, "
        r"waits and retries of one execution add up to (\d+) seconds; raise it, or lower the times under build, "
        r"startup or validator",
        str(caught.value),
    )
    assert found is not None
    assert int(found[1]) > limit


def test_a_missing_file_is_an_error_of_the_system(tmp_path: Path) -> None:
    """Which file is missing is told by the error itself."""
    with pytest.raises(FileNotFoundError) as caught:
        load(tmp_path / FILE)
    assert caught.value.filename == str(tmp_path / FILE)


# Text that looks like settings: real keys, with the values that YAML makes surprising things of.
SCALARS = st.sampled_from(
    [
        "1", "0x_", "0b_", "1__", "1:99", "190:20:30", "1e400", ".inf", ".nan", "2026-13-45", "2026-01-01T99:00:00Z",
        "!!int x", "!!float x", "!!bool x", "!!timestamp x", "!!binary é", "!!null x", "!!set {a}", "!!omap [a]",
        "!!pairs [1]", "!!python/name:os.system", "!x y", "&a [*a]", "&a {k: *a}", "*a", "<<", "=", "~", "'", '"\\ud800"',
        '"\\x00"', "|", ">", "{", "[", "9" * 500, "-", "?", "%", "@", "\t", "\ufeff", "\x85", "\u2028", "yes", "null",
    ]
)  # fmt: skip
KEYS = st.sampled_from(
    [*re.findall(r"^ *(\w+):", TEXT, re.MULTILINE), "<<", "? [a]", "&x", "*x", "!!binary a"]
)
TREES = st.lists(
    st.tuples(st.sampled_from(["", "  ", "    "]), KEYS, SCALARS | st.text(max_size=5)), max_size=12
)


@given(
    st.text()
    | TREES.map(lambda rows: "\n".join(f"{indent}{key}: {value}" for indent, key, value in rows))
    | st.tuples(st.integers(0, len(TEXT)), st.integers(0, 30), SCALARS | st.text(max_size=4)).map(
        lambda cut: TEXT[: cut[0]] + cut[2] + TEXT[cut[0] + cut[1] :]
    )
)
def test_no_text_makes_anything_else_of_a_mistake(text: str) -> None:
    """Whatever a person writes, it is read or refused with messages; nothing else is ever raised."""
    read = outcome(text)
    if isinstance(read, SettingsError):
        assert read.mistakes
        assert read.mistakes == sorted(read.mistakes, key=lambda mistake: mistake.line)
        assert all(1 <= mistake.line <= len(text.splitlines()) + 1 for mistake in read.mistakes)


def outcome(text: str) -> Settings | SettingsError:
    """Return the settings that a text gives, or its mistakes."""
    try:
        return parse(text, FILE)
    except SettingsError as error:
        return error


def replaced(section: str, key: str) -> Callable[[Any], str]:
    """Return what writes the settings with another value for a key."""
    data = yaml.safe_load(TEXT)
    return lambda value: yaml.safe_dump({**data, section: {**data[section], key: value}}, sort_keys=False)


PARAMETERS = [
    ("names", "state_machine", "StateMachineName"),
    ("names", "build_project", "BuildProjectName"),
    ("names", "cluster", "ClusterName"),
    ("names", "repository", "RepositoryName"),
    ("names", "task_log_group", "TaskLogGroupName"),
    ("names", "verdict_table", "VerdictTableName"),
    ("build", "clone_base_url", "CloneBaseUrl"),
    ("network", "vpc_cidr", "VpcCidr"),
    ("network", "egress_cidr", "TaskEgressCidr"),
]
VALUES = st.text("aZ9-_./# é\n", max_size=8) | st.sampled_from(
    ["https://a", "https://a.b:1/c/d", "https://a/", "https://a/b.", "https://-", "10.0.0.0/16", "10.0.0.0/23", "10.0.0.1/32",
     "10.0.0.0", "10.0.0.0/255.255.0.0", "0.0.0.0/0", "10.0.0.0/016", "010.0.0.0/16"]
)  # fmt: skip


@pytest.mark.parametrize(("section", "key", "parameter"), PARAMETERS, ids=str)
@given(value=VALUES)
def test_an_accepted_value_is_one_that_its_parameter_takes(
    template: dict[str, Any], section: str, key: str, parameter: str, value: str
) -> None:
    """What becomes a parameter's default fits the pattern that the parameter has: the deployment cannot refuse it."""
    try:
        parse(replaced(section, key)(value), FILE)
    except SettingsError:
        return
    assert re.fullmatch(template["Parameters"][parameter]["AllowedPattern"].replace(r"\d", "[0-9]"), value)


def test_generation_refuses_what_it_cannot_read(project: Path) -> None:
    """A project without the package's lock is told how to get one."""
    (project / "validator/package.lock.json").unlink()
    with pytest.raises(
        ArtifactError, match=r"^validator/package\.lock\.json: is missing; `make package` writes it$"
    ):
        generate(project)
