"""The build's own commands, run by a real bash in their order, with stand-ins for git, docker and aws."""

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DIGEST = "sha256:" + "ab" * 32
REGISTRY = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
TOKEN = "a-token-for-cloning"  # noqa: S105  # what the tests look for where it must not be
VARIABLES = {
    "REPOSITORY_NAME": "maker-server",
    "ORIGINAL_REPOSITORY_NAME": "maker/server",
    "SERVER_ID": "io.github.maker/server",
    "EXECUTION_ID": "arn:aws:states:eu-central-1:111122223333:execution:pipeline:1",
    "REPOSITORY_URI": f"{REGISTRY}/toolshed/servers",
    "CLONE_BASE_URL": "https://git.example:8443/mirror",
    "DOCKER_BUILD_SECONDS": "480",
    "CLONE_TOKEN": "",
    "DOCKER_HUB_USERNAME": "",
    "DOCKER_HUB_PASSWORD": "",
    "CODEBUILD_BUILD_ID": "ToolShed-MCP-Server-Build:0b8b2d46-6f4e-4bb9-9ae1-3f2f0b0f9d5c",
    "CODEBUILD_LOG_PATH": "0b8b2d46",
}

STAND_IN = r"""#!/bin/bash
calls={calls}
# A login reads its password first: it comes after the call that gave it, though a pipe starts both at once.
[ "{name} $1" = "docker login" ] && input="$(cat; echo .)"
call="$(printf '%s/%03d' "$calls" "$(ls "$calls" | wc -l)")"
mkdir "$call" || exit 70
echo {name} >"$call/program"
printf '%s\0' "$@" >"$call/arguments"
env -0 >"$call/environment"
ls -A source >"$call/source" 2>&1
answer={answers}/{name}
[ -f "$answer-$1" ] && source "$answer-$1" "$@"
case "{name} $1" in
  "git clone") mkdir source && cp -a {repository}/. source && mkdir source/.git ;;
  "git -C") echo {commit} ;;
  "docker login") printf '%s' "${input%.}" >"$call/input"; [ -s "$call/input" ] ;;
  "aws ecr") if [ "$2" = get-login-password ]; then echo registry-password; else echo {digest}; fi ;;
esac
"""
"""Writes down how it was called; an answer of the test's may end it otherwise."""

# How CodeBuild runs a buildspec of version 0.2 (documentation: "Build specification reference", "Build phase
# transitions"): all commands in one shell; a failed pre_build ends the build, a failed build still has its post_build.
CODEBUILD = r"""
phase() { local command; for command in "{phases}/$1"/*; do source "$command" || return 1; done; }
finish() {
  for name in {exported}; do printenv "$name" >"{results}/$name" || rm "{results}/$name"; done
  [ "$1" = 0 ] && touch "{results}/succeeded"
}
after_build() {
  [ "$1" = 0 ] || export CODEBUILD_BUILD_SUCCEEDING=0
  phase post_build; local status=$?
  if [ "$1" = 0 ]; then finish "$status"; else finish "$1"; fi
}
export CODEBUILD_BUILD_SUCCEEDING=1
trap 'finish $?' EXIT
phase pre_build || exit 1
trap 'status=$?; trap - EXIT; after_build $status' EXIT
phase build
"""


@dataclass(frozen=True)
class Call:
    """One call of a program that a stand-in wrote down."""

    program: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    source: tuple[str, ...]
    """What stood in the clone's folder at that moment."""
    input: str | None


@dataclass(frozen=True)
class Build:
    """How a build ended."""

    succeeded: bool
    exported: dict[str, str]
    calls: tuple[Call, ...]
    log: str

    def called(self, *words: str) -> list[int]:
        """Return the positions of the calls that begin with these words."""
        return [
            index
            for index, call in enumerate(self.calls)
            if (call.program, *call.arguments)[: len(words)] == words
        ]


@pytest.fixture(scope="module")
def buildspec(template: dict[str, Any]) -> dict[str, Any]:
    """Return the buildspec that the committed template deploys."""
    separator, lines = template["Resources"]["BuildProject"]["Properties"]["Source"]["BuildSpec"]["Fn::Join"]
    parsed: dict[str, Any] = yaml.safe_load(separator.join(lines))
    return parsed


Run = Callable[..., Build]


@pytest.fixture
def run(buildspec: dict[str, Any], tmp_path: Path) -> Run:
    """Return what runs a build: variables beside the usual ones, a repository's files, answers of the stand-ins."""

    def build(
        answers: dict[str, str] | None = None,
        files: dict[str, str] | None = None,
        **variables: str | None,
    ) -> Build:
        folders = {
            name: tmp_path / name
            for name in ("calls", "answers", "repository", "results", "phases", "bin", "work")
        }
        for folder in folders.values():
            folder.mkdir()
        for name, text in (files if files is not None else {"Dockerfile": "FROM scratch\n"}).items():
            if text.startswith("-> "):
                (folders["repository"] / name).symlink_to(text.removeprefix("-> "))
            else:
                (folders["repository"] / name).write_text(text, "utf-8")
        for name, text in (answers or {}).items():
            (folders["answers"] / name).write_text(text, "utf-8")
        for name in ("git", "docker", "aws"):
            script = STAND_IN
            values = {**folders, "name": name, "commit": COMMIT, "digest": DIGEST}
            for key, value in values.items():
                script = script.replace(f"{{{key}}}", str(value))
            (folders["bin"] / name).write_text(script, "utf-8")
            (folders["bin"] / name).chmod(0o755)
        for phase, content in buildspec["phases"].items():
            (folders["phases"] / phase).mkdir()
            for index, command in enumerate(content["commands"]):
                (folders["phases"] / phase / f"{index:02}").write_text(command, "utf-8")
        program = CODEBUILD.replace("{exported}", " ".join(buildspec["env"]["exported-variables"]))
        for key in ("phases", "results"):
            program = program.replace(f"{{{key}}}", str(folders[key]))
        environment = {
            "PATH": f"{folders['bin']}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "LC_ALL": "C.UTF-8",
            **VARIABLES,
            **variables,
        }
        done = subprocess.run(
            ["bash", "-c", program],
            cwd=folders["work"],
            env={key: value for key, value in environment.items() if value is not None},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=20,
        )
        return Build(
            succeeded=(folders["results"] / "succeeded").exists(),
            exported={
                path.name: path.read_text("utf-8").removesuffix("\n")
                for path in folders["results"].iterdir()
                if path.name != "succeeded"
            },
            calls=tuple(read_call(folder) for folder in sorted(folders["calls"].iterdir())),
            log=done.stdout,
        )

    return build


def read_call(folder: Path) -> Call:
    """Read what a stand-in wrote down."""
    variables = (folder / "environment").read_text("utf-8").split("\0")[:-1]
    given = folder / "input"
    return Call(
        program=(folder / "program").read_text("utf-8").strip(),
        arguments=tuple((folder / "arguments").read_text("utf-8").split("\0")[:-1]),
        environment=dict(variable.split("=", 1) for variable in variables),
        source=tuple((folder / "source").read_text("utf-8").splitlines()),
        input=given.read_text("utf-8") if given.exists() else None,
    )


def test_the_commands_run_in_bash_and_export_what_the_pipeline_reads(
    buildspec: dict[str, Any], definition: dict[str, Any]
) -> None:
    """Without `shell: bash` CodeBuild uses sh; what ParseImageUri filters for is what the build exports."""
    assert buildspec["version"] == 0.2
    assert buildspec["env"]["shell"] == "bash"
    read = re.findall(r"@\.Name == '(\w+)'", json.dumps(definition["States"]["ParseImageUri"]))
    assert read
    assert {*read} <= {*buildspec["env"]["exported-variables"]}


def test_the_patterns_are_those_of_the_inputs_schema(buildspec: dict[str, Any], root: Path) -> None:
    """The build's first command checks what the schema says, to the letter."""
    command = buildspec["phases"]["pre_build"]["commands"][0]
    schema = json.loads((root / "asl/validation-pipeline.input.schema.json").read_text("utf-8"))
    assert dict(re.findall(r"matches (\w+) '([^']*)'", command)) == {
        "SERVER_ID": schema["properties"]["serverId"]["pattern"],
        "REPOSITORY_NAME": schema["properties"]["repositoryName"]["pattern"],
        "ORIGINAL_REPOSITORY_NAME": schema["properties"]["originalRepositoryName"]["pattern"],
    }


def test_every_variable_is_given_by_the_project_or_the_pipeline(
    buildspec: dict[str, Any], template: dict[str, Any], definition: dict[str, Any]
) -> None:
    """The tests run with the variables that a build really has, and no other."""
    project = template["Resources"]["BuildProject"]["Properties"]["Environment"]["EnvironmentVariables"]
    overrides = definition["States"]["BuildMCPServerImage"]["Parameters"]["EnvironmentVariablesOverride"]
    given = {each["Name"] for each in [*project, *overrides]}
    assert given == {name for name in VARIABLES if not name.startswith("CODEBUILD_")}
    commands = "\n".join(command for phase in buildspec["phases"].values() for command in phase["commands"])
    used = {*re.findall(r"\$\{?([A-Z][A-Z0-9_]+)", commands)}
    made = {*re.findall(r"\b([A-Z][A-Z0-9_]+)=", commands)}
    assert used - made <= given | {"CODEBUILD_BUILD_ID", "CODEBUILD_LOG_PATH", "CODEBUILD_BUILD_SUCCEEDING"}


def test_a_good_build_exports_the_image_by_digest(run: Run) -> None:
    """The commit that was cloned is built for one platform, without an index, pushed, and named by its digest."""
    build = run()
    assert build.succeeded, build.log
    assert build.exported == {
        "IMAGE_URI": f"{REGISTRY}/toolshed/servers@{DIGEST}",
        "SOURCE_COMMIT": COMMIT,
    }
    tag = "maker-server-0b8b2d46-6f4e-4bb9-9ae1-3f2f0b0f9d5c"
    image = f"{REGISTRY}/toolshed/servers:{tag}"
    assert [(call.program, *call.arguments) for call in build.calls] == [
        (
            "git", "clone", "--quiet", "--depth", "1", "--no-tags", "--single-branch", "--",
            "https://git.example:8443/mirror/maker/server", "source",
        ),
        ("git", "-C", "source", "rev-parse", "HEAD"),
        ("docker", "info"),
        (
            "docker", "buildx", "build", "--platform", "linux/amd64", "--provenance=false", "--sbom=false", "--load",
            "--label", f"org.opencontainers.image.revision={COMMIT}", "--tag", image, "source",
        ),
        ("aws", "ecr", "get-login-password"),
        ("docker", "login", "--username", "AWS", "--password-stdin", REGISTRY),
        ("docker", "push", "--quiet", image),
        (
            "aws", "ecr", "describe-images", "--repository-name", "toolshed/servers", "--image-ids", f"imageTag={tag}",
            "--query", "imageDetails[0].imageDigest", "--output", "text",
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "answer", "seconds", "reason"),
    [
        ({}, "", "480", f"The repository has no file named Dockerfile at its root (commit {COMMIT})."),
        (
            {"Dockerfile": "-> /etc/hostname"},
            "",
            "480",
            f"The repository has no file named Dockerfile at its root (commit {COMMIT}).",
        ),
        (
            {"Dockerfile": "FROM nowhere"},
            "exit 1",
            "480",
            f"The Dockerfile does not build: docker ended with 1 (commit {COMMIT}, log 0b8b2d46).",
        ),
        (
            {"Dockerfile": "RUN sleep 9999"},
            "exec sleep 30",
            "0.2",
            f"The Dockerfile did not build in 0.2 seconds (commit {COMMIT}, log 0b8b2d46).",
        ),
        (
            {"Dockerfile": "RUN trap '' TERM"},
            "exit 137",
            "480",
            f"The Dockerfile did not build in 480 seconds (commit {COMMIT}, log 0b8b2d46).",
        ),
    ],
    ids=["no Dockerfile", "a symlink", "an error", "slow", "killed"],
)
def test_an_image_that_cannot_be_built_is_an_answer(
    run: Run, files: dict[str, str], answer: str, seconds: str, reason: str
) -> None:
    """The server's fault does not fail the build: it exports why, no image, and does not meet the registry."""
    build = run({"docker-buildx": answer}, files, DOCKER_BUILD_SECONDS=seconds)
    assert build.succeeded, build.log
    assert build.exported == {"BUILD_FAILURE": reason, "SOURCE_COMMIT": COMMIT}
    assert build.called("docker", "login") == build.called("docker", "push") == build.called("aws") == []


@pytest.mark.parametrize(
    "answers",
    [
        {"git-clone": "exit 128"},
        {"git--C": "exit 128"},
        {"docker-info": "exit 1"},
        {"docker-push": "exit 1"},
        {"docker-login": "exit 1"},
        {"aws-ecr": "exit 255"},
        {"aws-ecr": '[ "$2" = describe-images ] && { echo None; exit; }'},
        {"aws-ecr": '[ "$2" = describe-images ] && { echo sha256:abc; exit; }'},
        {"aws-ecr": '[ "$2" = describe-images ] && exit 254'},
    ],
    ids=[
        "clone",
        "commit",
        "docker",
        "push",
        "registry login",
        "no password",
        "no digest",
        "half a digest",
        "no answer",
    ],
)
def test_a_fault_of_ours_fails_the_build(run: Run, answers: dict[str, str]) -> None:
    """What the server's author cannot mend is no answer: the build fails, and names neither an image nor a reason."""
    build = run(answers)
    assert not build.succeeded, build.log
    assert {"IMAGE_URI", "BUILD_FAILURE"} & set(build.exported) == set()


def test_a_failed_clone_starts_nothing_else(run: Run) -> None:
    """Without a source there is nothing to build, and the token stays with git."""
    build = run({"git-clone": "exit 128"}, CLONE_TOKEN=TOKEN)
    assert [call.program for call in build.calls] == ["git"]


BAD = [
    ("SERVER_ID", None),
    ("SERVER_ID", ""),
    ("SERVER_ID", "a\nb"),
    ("SERVER_ID", "a\n"),
    ("SERVER_ID", "a;touch pwned"),
    ("SERVER_ID", "$(touch pwned)"),
    ("SERVER_ID", "`touch pwned`"),
    ("SERVER_ID", "ä"),
    ("SERVER_ID", "x" * 257),
    ("REPOSITORY_NAME", None),
    ("REPOSITORY_NAME", "-rf"),
    ("REPOSITORY_NAME", "../up"),
    ("REPOSITORY_NAME", "a b"),
    ("REPOSITORY_NAME", "a$(touch pwned)"),
    ("REPOSITORY_NAME", "a\nb"),
    ("REPOSITORY_NAME", "x" * 201),
    ("ORIGINAL_REPOSITORY_NAME", None),
    ("ORIGINAL_REPOSITORY_NAME", "owner"),
    ("ORIGINAL_REPOSITORY_NAME", "/name"),
    ("ORIGINAL_REPOSITORY_NAME", "owner/"),
    ("ORIGINAL_REPOSITORY_NAME", "owner/name/more"),
    ("ORIGINAL_REPOSITORY_NAME", "--upload-pack=touch/pwned"),
    ("ORIGINAL_REPOSITORY_NAME", "owner/na me"),
    ("ORIGINAL_REPOSITORY_NAME", "owner/.."),
    ("ORIGINAL_REPOSITORY_NAME", "owner/."),
    ("ORIGINAL_REPOSITORY_NAME", "owner/name;touch pwned"),
    ("ORIGINAL_REPOSITORY_NAME", "owner/$(touch pwned)"),
    ("ORIGINAL_REPOSITORY_NAME", "owner/name\n"),
    ("ORIGINAL_REPOSITORY_NAME", "@evil.example/name"),
    ("ORIGINAL_REPOSITORY_NAME", f"{'o' * 101}/name"),
    ("ORIGINAL_REPOSITORY_NAME", f"owner/{'n' * 101}"),
]


@pytest.mark.parametrize(("name", "value"), BAD, ids=[f"{name}={value!r:.30}" for name, value in BAD])
def test_input_that_does_not_fit_is_refused_before_anything_runs(
    run: Run, tmp_path: Path, name: str, value: str | None
) -> None:
    """The log names the variable; nothing of its value is run, and no program is called."""
    build = run(**{name: value})
    assert not build.succeeded
    assert build.log.startswith(f"{name} does not match ^")
    assert (build.exported, build.calls) == ({}, ())
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["a", "Maker/Server", "a" * 200, "a._-" * 50, "io.github.maker/server_1"],
    ids=lambda name: name[:24],
)
def test_every_repository_name_makes_a_tag(run: Run, name: str) -> None:
    """Whatever the pattern lets through becomes a tag that a registry takes (documentation: OCI distribution)."""
    build = run(REPOSITORY_NAME=name)
    assert build.succeeded, build.log
    (call,) = build.called("docker", "buildx")
    arguments = build.calls[call].arguments
    tag = arguments[arguments.index("--tag") + 1].rpartition(":")[2]
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", tag)


def test_two_builds_never_share_a_tag(run: Run, tmp_path: Path) -> None:
    """Tags are immutable, so each build has one of its own."""
    first = run()
    for folder in ("calls", "answers", "repository", "results", "phases", "bin", "work"):
        shutil.rmtree(tmp_path / folder)
    second = run(CODEBUILD_BUILD_ID="ToolShed-MCP-Server-Build:another")
    pushed = [build.calls[build.called("docker", "push")[0]].arguments[-1] for build in (first, second)]
    assert len({*pushed}) == 2


def test_the_clone_token_is_a_header_and_gone_before_the_build(run: Run) -> None:
    """It stands on no command line and in no file, git gets it as a header, and docker's environment has it no more."""
    build = run(CLONE_TOKEN=TOKEN)
    assert build.succeeded, build.log
    encoded = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    clone = build.calls[0]
    assert clone.environment["GIT_CONFIG_VALUE_0"] == f"Authorization: Basic {encoded}"
    assert clone.environment["GIT_TERMINAL_PROMPT"] == "0"
    assert clone.environment["GIT_ALLOW_PROTOCOL"] == "https"
    for call in build.calls:
        assert not [word for word in call.arguments if TOKEN in word or encoded in word]
    (position,) = build.called("docker", "buildx")
    for call in build.calls[position:]:
        assert not [value for value in call.environment.values() if TOKEN in value or encoded in value]
        assert not [name for name in call.environment if name.startswith("GIT_CONFIG")]
    assert build.calls[position].source == ("Dockerfile",)
    assert TOKEN not in build.log
    assert encoded not in build.log


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("https://git.example:8443/mirror/maker/server", True),
        ("https://git.example:8443/mirror/maker/server/info/refs", True),
        ("https://git.example/mirror/maker/server", False),
        ("https://git.example:8443/other/maker/server", False),
        ("https://evil.example/mirror/maker/server", False),
    ],
)
def test_git_sends_the_token_to_the_configured_place_only(run: Run, address: str, *, sent: bool) -> None:
    """The real git reads the header for addresses below the base URL, and for no other, such as a redirect's."""
    clone = run(CLONE_TOKEN=TOKEN).calls[0]
    environment = {key: value for key, value in clone.environment.items() if key.startswith("GIT_")}
    asked = subprocess.run(
        ["git", "config", "--get-urlmatch", "http.extraHeader", address],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.stdout.startswith("Authorization: Basic ") == sent


def test_without_a_token_git_gets_no_header(run: Run) -> None:
    """A public repository is cloned as anybody would."""
    clone = run().calls[0]
    assert [name for name in clone.environment if name.startswith("GIT_CONFIG")] == []


def test_the_docker_hub_login_is_gone_before_the_build(run: Run) -> None:
    """The password comes through standard input, before the build, and the build's environment has it no more."""
    build = run(DOCKER_HUB_USERNAME="shed", DOCKER_HUB_PASSWORD="hub password")  # noqa: S106  # nobody's
    assert build.succeeded, build.log
    login, registry = (build.calls[index] for index in build.called("docker", "login"))
    assert login.arguments == ("login", "--username", "shed", "--password-stdin")
    assert (login.input, registry.input) == ("hub password", "registry-password\n")
    (position,) = build.called("docker", "buildx")
    assert build.called("docker", "login")[0] < position < build.called("docker", "login")[1]
    for call in build.calls[position:]:
        assert not [value for value in call.environment.values() if "hub password" in value]
    assert not [word for call in build.calls for word in call.arguments if "password" in word and " " in word]


def test_a_failed_docker_hub_login_is_our_fault(run: Run) -> None:
    """The build fails before the Dockerfile is touched, and post_build does not push what was not built."""
    build = run(
        {"docker-login": "exit 1"},
        DOCKER_HUB_USERNAME="shed",
        DOCKER_HUB_PASSWORD="wrong",  # noqa: S106  # nobody's
    )
    assert not build.succeeded
    assert set(build.exported) == {"SOURCE_COMMIT"}
    assert build.called("docker", "buildx") == build.called("aws") == build.called("docker", "push") == []


def test_the_registry_is_met_only_after_the_strangers_code_has_run(run: Run) -> None:
    """While the Dockerfile builds, this machine holds no login to push with."""
    build = run()
    (built,) = build.called("docker", "buildx")
    assert min(build.called("aws")) > built
    assert min(build.called("docker", "login")) > built
