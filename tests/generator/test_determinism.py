"""Same settings, same bytes: on other machines, days, hash seeds and locales."""

import ast
import os
import random
import shutil
import stat
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from generator.documents import generate

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("generator", "states_language")


def imports(module: Path) -> set[str]:
    """Return the dotted names that a module imports, inside its functions too, and what it takes from them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def files_of(name: str) -> list[Path]:
    """Return the files of ours that importing a dotted name runs."""
    steps = name.split(".")
    if steps[0] not in PACKAGES:
        return []
    places = [ROOT.joinpath(*steps[:count]) for count in range(1, len(steps) + 1)]
    files = [file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")]
    return [file for file in files if file.is_file()]


def reached() -> list[Path]:
    """Return the generator's modules, and those of the states language that they import, directly or not."""
    waiting = [*(ROOT / "generator").rglob("*.py")]
    # It offers the checker and the interpreter, and imports them only when somebody asks for them.
    offers_only = ROOT / "states_language/__init__.py"
    found: set[Path] = set()
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            if module != offers_only:
                waiting += [file for name in imports(module) for file in files_of(name)]
    return sorted(found)


MODULES = reached()

FORBIDDEN = {
    "asyncio", "boto3", "botocore", "calendar", "datetime", "ftplib", "getpass", "http", "httpx", "locale", "platform",
    "random", "requests", "secrets", "select", "smtplib", "socket", "socketserver", "ssl", "subprocess", "telnetlib",
    "threading", "time", "urllib", "urllib3", "uuid", "zoneinfo",
}  # fmt: skip
"""A clock, a random source, a network, or what differs between machines."""
MACHINE = {
    "environ",
    "getenv",
    "urandom",
    "getcwd",
    "cwd",
    "home",
    "expanduser",
    "gethostname",
    "getpid",
    "getlogin",
    "uname",
}

# Stands in for the clock of the machine: a process that starts with it believes that it is another day.
ANOTHER_DAY = """
import datetime, time
class Later(datetime.datetime):
    @classmethod
    def now(cls, tz=None): return cls(2041, 2, 3, 4, 5, 6, tzinfo=tz)
    utcnow = today = now
class LaterDate(datetime.date):
    @classmethod
    def today(cls): return cls(2041, 2, 3)
datetime.datetime, datetime.date = Later, LaterDate
time.time = lambda: 2243390706.0
time.time_ns = lambda: 2243390706 * 10**9
"""

ENVIRONMENTS: dict[str, dict[str, str]] = {
    "hash seed": {"PYTHONHASHSEED": "1"},
    "another hash seed": {"PYTHONHASHSEED": "4242"},
    "ASCII locale": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "Turkish locale": {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    "time zone": {"TZ": "Pacific/Kiritimati"},
    "another day": {"PYTHONPATH": "another-day"},
    "optimized": {"PYTHONOPTIMIZE": "2"},
    "no colours, wide": {"NO_COLOR": "1", "COLUMNS": "300", "HOME": "/nonexistent", "USER": "somebody"},
}


Files = dict[str, tuple[str, str]]


def made(project: Path) -> Files:
    """Return the digest and the mode of every file that generation and packaging write."""
    generated = [project / "README.md", project / "validator/package.lock.json"]
    for folder in ("asl", "templates", "docs", "dist"):
        generated += sorted(path for path in (project / folder).rglob("*") if path.is_file())
    return {
        path.relative_to(project).as_posix(): (
            sha256(path.read_bytes()).hexdigest(),
            oct(stat.S_IMODE(path.stat().st_mode)),
        )
        for path in generated
    }


def run(
    project: Path, environment: dict[str, str], *, folder: Path | None = None, umask: int = 0o022
) -> Files:
    """Generate and package everything anew in a process of its own."""
    runbook = (project / "docs/operating.md").read_text(
        "utf-8"
    )  # a person's page, some of which is filled in
    for name in ("asl/validation-pipeline.asl.json", "templates", "docs", "dist"):
        path = project / name
        shutil.rmtree(path, ignore_errors=True)
        path.unlink(missing_ok=True)
    (project / "docs").mkdir()
    (project / "docs/operating.md").write_text(runbook.replace("### `BuildFailed`", "old"), "utf-8")
    later = project.parent / "another-day"
    later.mkdir(exist_ok=True)
    (later / "sitecustomize.py").write_text(ANOTHER_DAY, "utf-8")
    if "PYTHONPATH" in environment:
        environment = {**environment, "PYTHONPATH": str(later)}
    for kept in (
        "README.md",
        "docs/operating.md",
        "validator/package.lock.json",
    ):  # a file that is there keeps its mode
        (project / kept).chmod(0o644)
    subprocess.run(
        [sys.executable, str(project / "build.py"), "package"],
        cwd=folder or project,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **environment},
        umask=umask,
        check=True,
        capture_output=True,
    )
    return made(project)


@pytest.fixture(scope="module")
def expected() -> Files:
    """Return what is committed of all that is generated."""
    paths = [*(str(each.path) for each in generate(ROOT).artifacts), "validator/package.lock.json"]
    return {path: (sha256((ROOT / path).read_bytes()).hexdigest(), "0o644") for path in paths}


@pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_the_environment_changes_no_byte(project: Path, expected: Files, environment: dict[str, str]) -> None:
    """Everything made anew, in a process of another kind, is what was committed."""
    found = run(project, environment)
    assert {path: each for path, each in found.items() if path in expected} == expected
    assert all(digest in path for path, (digest, _) in found.items() if path.startswith("dist/"))


def test_the_other_day_is_believed(tmp_path: Path) -> None:
    """A process that the test above starts with another day really has it."""
    (tmp_path / "sitecustomize.py").write_text(ANOTHER_DAY, "utf-8")
    program = "import datetime, time; print(datetime.date.today().year, time.gmtime(time.time()).tm_year)"
    environment = {"PYTHONPATH": str(tmp_path)}
    said = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout == "2041 2041\n"


@pytest.mark.parametrize("umask", [0o000, 0o077], ids=oct)
def test_the_umask_changes_no_mode(project: Path, expected: Files, umask: int) -> None:
    """What is made is readable by all and writable by its owner, as version control has it."""
    found = run(project, {}, umask=umask)
    assert {path: each for path, each in found.items() if path in expected} == expected


def test_the_folder_that_it_is_run_in_changes_no_byte(project: Path, expected: Files, tmp_path: Path) -> None:
    """The project is where build.py is, not where somebody stands."""
    found = run(project, {}, folder=tmp_path)
    assert {path: each for path, each in found.items() if path in expected} == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["another-day", "project"]


def test_the_order_and_the_comments_of_the_settings_change_no_byte(project: Path) -> None:
    """What counts is what the settings say."""
    before = generate(project).artifacts
    data: dict[str, Any] = yaml.safe_load((project / "settings.yaml").read_text("utf-8"))
    mixed = random.Random(7)  # noqa: S311  # any order will do
    sections = [*data.items()]
    mixed.shuffle(sections)
    shuffled = {name: dict(mixed.sample([*section.items()], len(section))) for name, section in sections}
    assert [*shuffled] != [*data]
    (project / "settings.yaml").write_text(
        yaml.safe_dump(shuffled, sort_keys=False, default_flow_style=True), "utf-8"
    )
    assert generate(project).artifacts == before


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_knows_the_time_chance_or_the_network(module: Path) -> None:
    """Nothing that could differ between two runs is imported or asked for, and no text is read in the machine's encoding."""
    tree = ast.parse(module.read_text("utf-8"))
    asked, unsaid = set(), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            asked.add(node.attr)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            asked.add(f"{node.func.id}()")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            named = {keyword.arg for keyword in node.keywords}
            given = node.func.attr == "read_text" and not node.args
            given = given or (node.func.attr == "write_text" and len(node.args) < 2)
            if given and "encoding" not in named:
                unsaid.append(node.lineno)
    assert {name.split(".")[0] for name in imports(module)} & FORBIDDEN == set()
    assert asked & (MACHINE | {"hash()", "open()", "input()", "eval()", "exec()"}) == set()
    assert unsaid == []


def test_the_walk_would_notice_a_clock(tmp_path: Path) -> None:
    """The test above looks at what it should: every module that is reached, and imports inside functions too."""
    names = {path.relative_to(ROOT).as_posix() for path in MODULES}
    assert {
        "generator/documents.py",
        "generator/resources/network.py",
        "states_language/graph.py",
        "states_language/pointer.py",
    } <= names
    module = tmp_path / "module.py"
    module.write_text("def f():\n    from datetime import datetime\n    import os.path\n", "utf-8")
    assert imports(module) == {"datetime", "datetime.datetime", "os.path"}


def test_what_was_generated_before_changes_no_byte(project: Path) -> None:
    """Pipelines of one process share parts; each comes out as in a process of its own."""
    settings = project / "settings.yaml"
    text = settings.read_text("utf-8")
    others = [
        text.replace("  Project: ToolShed", "  Project: Other\n  Team: Other"),
        text.replace("retention_days: 30 ", "retention_days: 60 "),
        text.replace("keep: 100", "keep: 7"),
    ]
    assert text not in others
    for each in (text, *others, text):
        settings.write_text(each, "utf-8")
        together = {str(artifact.path): artifact.text for artifact in generate(project).artifacts}
        found = run(project, {})
        assert {path: sha256(content.encode()).hexdigest() for path, content in together.items()} == {
            path: found[path][0] for path in together
        }
