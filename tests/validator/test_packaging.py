"""The Lambda's package: the same bytes, only what is locked, and it runs from there."""

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.validator.scripted_server import ScriptedServer
from validator import packaging


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the package once."""
    path = tmp_path_factory.mktemp("package") / "validator.zip"
    packaging.build_package(path)
    return path


def test_digest_is_that_of_the_written_bytes(tmp_path: Path) -> None:
    """The digest that is returned names the file that was written."""
    path = tmp_path / "nested" / "validator.zip"
    assert packaging.build_package(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [path] == list(path.parent.iterdir())


def test_two_builds_are_the_same_bytes(package: Path, tmp_path: Path) -> None:
    """Building again, in a process with another hash seed, locale and time zone, gives the same bytes."""
    again = tmp_path / "again.zip"
    program = "import sys, pathlib, validator.packaging as p; p.build_package(pathlib.Path(sys.argv[1]))"
    environment = {
        "PYTHONHASHSEED": "7",
        "LC_ALL": "C",
        "TZ": "Pacific/Kiritimati",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    subprocess.run(
        [sys.executable, "-c", program, str(again)], check=True, env=environment, cwd=packaging.PACKAGE.parent
    )
    assert package.read_bytes() == again.read_bytes()


def test_entries_carry_nothing_of_the_machine(package: Path) -> None:
    """Entries are stored, sorted, of one time and one mode, and none is native or compiled."""
    with zipfile.ZipFile(package) as archive:
        entries = archive.infolist()
    names = [entry.filename for entry in entries]
    assert sorted(names) == names
    assert {(zipfile.ZIP_STORED, packaging.TIMESTAMP, packaging.REGULAR_FILE_FOR_ALL, 3)} == {
        (entry.compress_type, entry.date_time, entry.external_attr, entry.create_system) for entry in entries
    }
    assert [] == [
        name for name in names if name.endswith((".so", ".pyd", ".pyc", "RECORD")) or "__pycache__" in name
    ]


def test_packaging_and_the_command_stay_out(package: Path) -> None:
    """What the Lambda does not run is not in its package; what it runs is."""
    with zipfile.ZipFile(package) as archive:
        names = set(archive.namelist())
    assert set() == {"validator/packaging.py", "validator/commands.py"} & names
    assert {"validator/handler.py", "jsonschema/validators.py"} <= names


def test_size_is_far_below_five_megabytes(package: Path) -> None:
    """The package is small, and what it holds is stored, so that this is its size on disk too."""
    assert package.stat().st_size < 1_000_000


def test_lock_names_what_is_installed() -> None:
    """The committed lock is what the pinned distributions give, so that nothing of theirs is missing."""
    assert packaging.LOCK.read_text(encoding="utf-8") == packaging.lock_dependencies()


def test_a_changed_dependency_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that is not the locked one ends the build with its name and the remedy."""
    lock = tmp_path / "dependencies.lock.json"
    text = packaging.LOCK.read_text(encoding="utf-8")
    digest = json.loads(text)["pyrsistent"]["files"]["pyrsistent/_pmap.py"]
    lock.write_text(text.replace(digest, "0" * 64), encoding="utf-8")
    monkeypatch.setattr(packaging, "LOCK", lock)
    with pytest.raises(packaging.PackageError, match=r"_pmap\.py is not what .* says: install"):
        packaging.build_package(tmp_path / "validator.zip")
    assert not (tmp_path / "validator.zip").exists()


def test_a_missing_dependency_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A distribution that is not installed ends the build with its name and the remedy."""
    lock = tmp_path / "dependencies.lock.json"
    lock.write_text('{"no-such-distribution": {"version": "1", "files": {}}}', encoding="utf-8")
    monkeypatch.setattr(packaging, "LOCK", lock)
    with pytest.raises(packaging.PackageError, match="no-such-distribution 1 is not installed"):
        packaging.build_package(tmp_path / "validator.zip")


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
