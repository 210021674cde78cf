"""The Lambda's package: the same bytes, only what is locked, and it runs from there."""

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from generator import package as packaging
from generator.artifacts import ArtifactError
from tests.validator.scripted_server import ScriptedServer

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the package once."""
    path = tmp_path_factory.mktemp("package") / "validator.zip"
    path.write_bytes(packaging.build(ROOT).content)
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Copy what the package is built from."""
    shutil.copytree(ROOT / "validator", tmp_path / "validator", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_digest_is_that_of_the_bytes() -> None:
    """The digest names the bytes."""
    built = packaging.build(ROOT)
    assert built.sha256 == hashlib.sha256(built.content).hexdigest()


def test_committed_lock_names_the_package() -> None:
    """What the template deploys is what the committed source gives."""
    assert (
        json.loads((ROOT / "validator/package.lock.json").read_text("utf-8"))["sha256"]
        == packaging.build(ROOT).sha256
    )


def test_two_builds_are_the_same_bytes(package: Path) -> None:
    """Building again, in a process with another hash seed, locale and time zone, gives the same bytes."""
    program = "import sys, pathlib, generator.package as p; sys.stdout.buffer.write(p.build(pathlib.Path.cwd()).content)"
    environment = {
        "PYTHONHASHSEED": "7",
        "LC_ALL": "C",
        "TZ": "Pacific/Kiritimati",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    again = subprocess.run(
        [sys.executable, "-c", program], check=True, env=environment, cwd=ROOT, capture_output=True
    )
    assert package.read_bytes() == again.stdout


def test_entries_carry_nothing_of_the_machine(package: Path) -> None:
    """Entries are stored, sorted, of one time and one mode, and none is native or compiled."""
    with zipfile.ZipFile(package) as archive:
        entries = archive.infolist()
    names = [entry.filename for entry in entries]
    assert sorted(names) == names
    assert {(zipfile.ZIP_STORED, packaging.TIMESTAMP, packaging.REGULAR_FILE_FOR_ALL, 3)} == {
        (entry.compress_type, entry.date_time, entry.external_attr, entry.create_system) for entry in entries
    }
    assert [
        name for name in names if name.endswith((".so", ".pyd", ".pyc", "RECORD")) or "__pycache__" in name
    ] == []


def test_the_command_stays_out(package: Path) -> None:
    """What the Lambda does not run is not in its package; what it runs is."""
    with zipfile.ZipFile(package) as archive:
        names = set(archive.namelist())
    assert set() == {"validator/commands.py", "generator/package.py"} & names
    assert {"validator/handler.py", "jsonschema/validators.py"} <= names


def test_size_is_far_below_five_megabytes(package: Path) -> None:
    """The package is small, and what it holds is stored, so that this is its size on disk too."""
    assert package.stat().st_size < 1_000_000


def test_lock_names_what_is_installed() -> None:
    """The committed lock is what the pinned distributions give, so that nothing of theirs is missing."""
    assert (ROOT / packaging.LOCK).read_text("utf-8") == packaging.lock_dependencies(ROOT)


def test_a_changed_dependency_is_refused(project: Path) -> None:
    """A file that is not the locked one ends the build with its name and the remedy."""
    lock = project / packaging.LOCK
    text = lock.read_text("utf-8")
    digest = json.loads(text)["pyrsistent"]["files"]["pyrsistent/_pmap.py"]
    lock.write_text(text.replace(digest, "0" * 64), "utf-8")
    with pytest.raises(ArtifactError, match=r"_pmap\.py is not what .* says: install"):
        packaging.build(project)


def test_a_missing_dependency_is_refused(project: Path) -> None:
    """A distribution that is not installed ends the build with its name and the remedy."""
    (project / packaging.LOCK).write_text('{"no-such-distribution": {"version": "1", "files": {}}}', "utf-8")
    with pytest.raises(ArtifactError, match="no-such-distribution 1 is not installed"):
        packaging.build(project)


def test_a_changed_module_changes_the_digest(project: Path) -> None:
    """The package follows its source."""
    before = packaging.build(project).sha256
    (project / "validator/handler.py").write_text("# changed\n", "utf-8")
    assert before != packaging.build(project).sha256


PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from validator.handler import handler
print(json.dumps(handler({"endpoint": sys.argv[2]}, None)))
"""


@pytest.mark.parametrize("unpacked", [False, True], ids=["zip", "unpacked"])
def test_runs_from_the_package_alone(package: Path, tmp_path: Path, unpacked: bool) -> None:
    """An interpreter without any installed package judges a server with the zip, and with its content."""
    place = package
    if unpacked:
        place = tmp_path / "task"
        with zipfile.ZipFile(package) as archive:
            archive.extractall(place)
    with ScriptedServer() as server:
        command = [sys.executable, "-I", "-S", "-B", "-W", "error", "-c", PROGRAM, str(place), server.url]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "" == done.stderr
    assert "verified" == json.loads(done.stdout)["outcome"]
