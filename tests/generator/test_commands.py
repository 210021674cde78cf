"""The commands as a person meets them: what they say, what they write, and how they end."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import build
from generator import commands
from generator import lint as linting
from generator.lint import Finding

Run = Callable[..., Result]
ESCAPE = "\x1b["


def files(folder: Path) -> dict[str, bytes]:
    """Return every file of the project, but for caches."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not {"__pycache__", ".cache"} & {*path.parts}
    }


def edit(path: Path, before: str, after: str) -> None:
    """Replace text that is there in a file."""
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), "utf-8")


@pytest.fixture
def run(project: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs a command on the copy of the project; cfn-lint is stood in for, and finds nothing."""
    monkeypatch.setattr(commands, "ROOT", project)
    monkeypatch.setattr(linting, "_run", lambda *_: [])

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(build.build, arguments)

    return invoke


def shell(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the project's own build.py in a process, as make does."""
    return subprocess.run(
        [sys.executable, "build.py", *arguments],
        cwd=project,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_generating_what_is_current_writes_nothing(run: Run, project: Path) -> None:
    """No file is touched, not even its time, and the command says so."""
    times = {path: path.stat().st_mtime_ns for path in project.rglob("*") if path.is_file()}
    result = run("template")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "unchanged: 15 of 15 files",
        "cfn-lint: clean in us-east-1, eu-central-1, ap-southeast-2, us-gov-west-1, cn-north-1",
    ]
    assert times == {path: path.stat().st_mtime_ns for path in times}


def test_generating_tells_what_it_wrote_and_what_changed(run: Run, project: Path) -> None:
    """Each file is named with the places that changed; once written, everything is current."""
    edit(project / "settings.yaml", "port: 8000", "port: 9000")
    result = run("template")
    assert result.exit_code == 0
    said = result.stdout.splitlines()
    assert [line for line in said if line.startswith("wrote")] == [
        "wrote asl/validation-pipeline.asl.json",
        "wrote asl/validation-pipeline.lock.json",
        "wrote templates/validation-pipeline.template.json",
    ]
    place = "/States/RegisterValidationTaskDef/Parameters/ContainerDefinitions/0/PortMappings/0/ContainerPort"
    assert f"      {place}: 8000 → 9000" in said
    assert "unchanged: 12 of 15 files" in said
    assert run("verify").exit_code == 0
    assert "unchanged: 15 of 15 files" in run("template").stdout


def test_a_missing_file_is_new(run: Run, project: Path) -> None:
    """A folder that is not there yet is made."""
    shutil.rmtree(project / "templates")
    assert "wrote templates/validation-pipeline.template.json\n      new\n" in run("template").stdout


def test_only_one_file_is_generated_where_there_is_no_readme(run: Run, project: Path) -> None:
    """A README is filled in, never made."""
    (project / "README.md").unlink()
    assert "unchanged: 14 of 14 files" in run("template", "--no-lint").stdout
    assert not (project / "README.md").exists()


@pytest.mark.parametrize("command", ["template", "package", "verify", "lint", "release"])
def test_wrong_settings_change_no_file(run: Run, project: Path, command: str) -> None:
    """The mistake is told with its line, relative to the project, and nothing is written, whatever else changed."""
    edit(project / "settings.yaml", "cpu: 256", "cpu: 300")
    edit(project / "validator/handler.py", '"""', '"""Changed. ')
    line = next(
        number
        for number, text in enumerate((project / "settings.yaml").read_text("utf-8").splitlines(), 1)
        if "cpu: 300" in text
    )
    before = files(project)
    result = run(command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"error: settings.yaml:{line}: 'task.cpu' must be one of 256, 512, 1024, 2048, 4096, 8192, 16384, not '300'\n"
    )
    assert files(project) == before


def test_missing_settings_are_told(run: Run, project: Path) -> None:
    """A file that is not there is named, without a traceback."""
    (project / "settings.yaml").unlink()
    result = run("template")
    assert (result.exit_code, result.stderr) == (1, "error: settings.yaml: No such file or directory\n")


def test_a_folder_that_cannot_be_written_is_told(run: Run, project: Path) -> None:
    """A file where the folder must be: the error names what could not be written, and no other file changed."""
    edit(project / "settings.yaml", "port: 8000", "port: 9000")
    shutil.rmtree(project / "templates")
    (project / "templates").write_text("a file", "utf-8")
    before = files(project)
    result = run("template")
    assert result.exit_code == 1
    assert re.fullmatch(
        r"error: templates/validation-pipeline\.template\.json: cannot be written \(.+\); no file is half written\n",
        result.stderr,
    )
    assert files(project) == before


def test_verifying_what_is_current_says_so(run: Run) -> None:
    """The committed files are what the settings and the validator's source give."""
    result = run("verify")
    assert (result.exit_code, result.stdout) == (0, "verified: 15 files and the package are current\n")


STALE = [
    "README.md",
    "asl/validation-pipeline.asl.json",
    "asl/validation-pipeline.input.schema.json",
    "asl/validation-pipeline.lock.json",
    "docs/faults.md",
    "docs/permissions.md",
    "docs/pipeline.md",
    "templates/validation-pipeline.template.json",
]


@pytest.mark.parametrize("path", STALE)
def test_verifying_finds_each_stale_file(run: Run, project: Path, path: str) -> None:
    """A change by hand is a refused gate, told by the file's name and the remedy; nothing is written."""
    text = (project / path).read_text("utf-8")
    changed = text.replace("Rejected", "Refused") if path == "README.md" else text.replace("\n", "\n\n", 1)
    assert changed != text
    (project / path).write_text(changed, "utf-8")
    result = run("verify")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == (
        f"error: {path}: is not what the settings give; run `make template`, and commit what it writes\n"
    )
    assert (project / path).read_text("utf-8") == changed


@pytest.mark.parametrize(
    "path", [path for path in STALE if path not in ("README.md", "asl/validation-pipeline.lock.json")]
)
def test_verifying_finds_each_missing_file(run: Run, project: Path, path: str) -> None:
    """A file that was not committed is stale too."""
    (project / path).unlink()
    result = run("verify")
    assert result.exit_code == 3
    assert f"error: {path}: is not what the settings give" in result.stderr


def test_verifying_finds_a_package_that_is_not_its_source(run: Run, project: Path) -> None:
    """Another source, another digest: the remedy is `make package`, and after it all is current."""
    edit(project / "validator/handler.py", '"""', '"""Changed. ')
    result = run("verify")
    assert result.exit_code == 3
    assert result.stderr == (
        "error: validator/package.lock.json: is not the digest of the validator's source; "
        "run `make package`, and commit what it writes\n"
    )
    assert run("package").exit_code == 0
    assert run("verify").exit_code == 0


def test_packaging_fills_dist_by_the_keys_that_the_template_names(run: Run, project: Path) -> None:
    """Each file lies under the key by which it is deployed, and its bytes are those of the key."""
    result = run("package")
    assert result.exit_code == 0
    made = {
        path.relative_to(project / "dist").as_posix(): path
        for path in (project / "dist").rglob("*")
        if path.is_file()
    }
    resources = json.loads((project / "templates/validation-pipeline.template.json").read_text("utf-8"))[
        "Resources"
    ]
    assert {*made} == {
        resources["Pipeline"]["Properties"]["DefinitionS3Location"]["Key"],
        resources["Sweeper"]["Properties"]["DefinitionS3Location"]["Key"],
        resources["ValidatorFunction"]["Properties"]["Code"]["S3Key"],
    }
    for key, path in made.items():
        assert sha256(path.read_bytes()).hexdigest() in key
        assert f"dist/{key}" in result.stdout


def test_packaging_another_source_changes_lock_and_template_together(run: Run, project: Path) -> None:
    """One command, and what is deployed is what is committed."""
    before = (project / "validator/package.lock.json").read_text("utf-8")
    edit(project / "validator/handler.py", '"""', '"""Changed. ')
    result = run("package")
    assert "wrote validator/package.lock.json" in result.stdout
    assert "wrote templates/validation-pipeline.template.json" in result.stdout
    after = json.loads((project / "validator/package.lock.json").read_text("utf-8"))["sha256"]
    assert after not in before
    assert after in (project / "templates/validation-pipeline.template.json").read_text("utf-8")


def test_a_broken_package_lock_is_mended_by_packaging(run: Run, project: Path) -> None:
    """The remedy that its error names works."""
    (project / "validator/package.lock.json").write_text("<<<<<<< HEAD\n", "utf-8")
    result = run("template")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: validator/package.lock.json: is no lock file (")
    assert run("package").exit_code == 0
    assert run("verify").exit_code == 0


def test_findings_of_the_linter_refuse_the_gate(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each finding is a line, and the exit code is that of findings, whichever command lints."""
    found = Finding(Path("templates/validation-pipeline.template.json"), 7, 3, "E3002", "is wrong")
    monkeypatch.setattr(linting, "_run", lambda *_: [found])
    before = files(project)
    for command in ("lint", "template"):
        result = run(command)
        assert result.exit_code == 3
        line = "error: templates/validation-pipeline.template.json:7:3: E3002 is wrong\n"
        assert line in result.stderr
    assert files(project) == before


def test_linting_what_is_not_there_is_an_error(run: Run, project: Path) -> None:
    """A missing template is named."""
    (project / "templates/validation-pipeline.template.json").unlink()
    result = run("lint")
    assert result.exit_code == 1
    assert result.stderr == "error: templates/validation-pipeline.template.json: No such file or directory\n"


def test_a_version_is_released_changed_refused_and_raised(run: Run, project: Path) -> None:
    """The whole way of a version, as a person goes it."""
    assert run("bump", "-m", "Nothing.").exit_code == 3
    assert run("release").stdout.endswith("validation-pipeline 1.0.0 is released\n")
    assert run("release").exit_code == 3
    edit(project / "settings.yaml", "timeout_seconds: 1800", "timeout_seconds: 2400")
    refused = run("template")
    assert refused.exit_code == 3
    assert "version 1.0.0 is released with other bytes; run `python build.py bump`" in refused.stderr
    raised = run("bump", "-m", "Waits longer.")
    assert raised.exit_code == 0, raised.stderr
    assert raised.stdout.startswith("1.0.0 → 1.0.1 (the changes ask for patch)\n")
    assert run("verify").exit_code == 0
    assert run("release").stdout.endswith("validation-pipeline 1.0.1 is released\n")
    assert run("bump", "--at-least", "major", "-m", "Another.").stdout.startswith("1.0.1 → 2.0.0")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch"], "No such command 'nosuch'"),
        (["template", "--nosuch"], "No such option"),
        (["template", "extra"], "unexpected extra argument"),
        (["bump"], "Missing option '--message'"),
        (["bump", "-m", "x", "--at-least", "huge"], "'huge' is not one of 'patch', 'minor', 'major'"),
        (["graph"], "Missing argument 'FILE'"),
        (["graph", "no/such/file"], "does not exist"),
        ([], "Usage:"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_that_is_typed_wrong_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """The exit code is 2, and the message says what was not understood."""
    monkeypatch.setattr(sys, "argv", ["build.py", *arguments])
    assert build.main() == 2
    assert message in capsys.readouterr().err


def test_an_interrupted_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C is no traceback, and its exit code is the usual one."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "_generate", interrupted)
    monkeypatch.setattr(sys, "argv", ["build.py", "template"])
    assert build.main() == 130
    assert "interrupted" in capsys.readouterr().err


def test_a_defect_keeps_its_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a person can mend is told in a line; our own mistakes are not hidden."""

    def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(commands, "_generate", broken)
    assert isinstance(run("template").exception, RuntimeError)


def test_every_command_is_listed_with_what_it_does(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The help names each command in the order of use, and each has help of its own."""
    context = click.Context(build.build)
    for name in build.COMMANDS:
        # Click keeps what the first caller called the help; a test of a command alone knows no `-h`.
        monkeypatch.setattr(build.build.get_command(context, name), "_help_option", None)
    listed = re.findall(r"^  ([\w-]+) {2,}\S", run("-h").stdout.partition("Commands:")[2], re.MULTILINE)
    assert listed == list(build.COMMANDS)
    for name in build.COMMANDS:
        result = run(name, "-h")
        assert result.exit_code == 0
        assert result.stdout.startswith(f"Usage: build {name}")


def test_the_help_imports_nothing_heavy(root: Path) -> None:
    """Neither troposphere nor cfn-lint, nor anything else that a command needs only when it runs."""
    program = (
        "import sys; sys.argv = ['build.py', '-h']; import build; build.main(); "
        "heavy = {'troposphere', 'awacs', 'cfnlint', 'yaml', 'rich', 'botocore', 'hypothesis'}; "
        "print(sorted(heavy & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("\n[]\n")


def test_a_pipe_gets_plain_text(project: Path) -> None:
    """No escape sequence is written to what is no terminal, for good news or bad."""
    edit(project / "docs/faults.md", "# Whose", "# Who's")
    verified, written = shell(project, "verify"), shell(project, "template", "--no-lint")
    assert (verified.returncode, written.returncode) == (3, 0)
    assert "error: docs/faults.md" in verified.stderr
    assert "wrote docs/faults.md" in written.stdout
    assert ESCAPE not in verified.stdout + verified.stderr + written.stdout + written.stderr


@pytest.mark.parametrize(
    ("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)], ids=["colours", "NO_COLOR"]
)
def test_a_terminal_gets_colours_unless_they_are_not_wanted(
    project: Path, environment: dict[str, str], *, coloured: bool
) -> None:
    """On a terminal an error is red; with NO_COLOR it is as plain as in a pipe."""
    (project / "settings.yaml").write_text("", "utf-8")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "build.py", "template"],
        cwd=project,
        env={"PATH": os.environ["PATH"], "TERM": "xterm", **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        said = os.read(ours, 4096).decode()
        process.wait(timeout=20)
    os.close(ours)
    assert "settings.yaml:1: is empty" in said
    assert (ESCAPE in said) == coloured


def test_the_graph_of_a_document_is_printed(run: Run, project: Path) -> None:
    """The whole graph, or its outline, as it stands in the documentation."""
    path = str(project / "asl/validation-pipeline.asl.json")
    whole, outline = run("graph", path), run("graph", path, "--outline")
    assert whole.exit_code == outline.exit_code == 0
    assert whole.stdout in (project / "docs/pipeline.md").read_text("utf-8")
    assert outline.stdout in (project / "README.md").read_text("utf-8")


def test_a_reader_that_has_had_enough_ends_quietly(project: Path) -> None:
    """`build.py graph … | head -1` writes no error."""
    states = {f"State{number}": {"Type": "Pass", "Next": f"State{number + 1}"} for number in range(9000)}
    document = {"StartAt": "State0", "States": {**states, "State9000": {"Type": "Succeed"}}}
    (project / "large.json").write_text(json.dumps(document), "utf-8")
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} build.py graph large.json | head -1"],
        cwd=project,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("flowchart TD\n", "")


def test_make_without_a_target_prints_the_targets(root: Path) -> None:
    """`make` alone is harmless, and names every target that the README speaks of."""
    done = subprocess.run(["make", "-s"], cwd=root, capture_output=True, text=True, check=True)
    listed = {line.split()[0] for line in done.stdout.splitlines()}
    assert {"template", "package", "lint", "verify", "check", "test"} <= listed
