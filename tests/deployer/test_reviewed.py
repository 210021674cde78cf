"""What is deployed is what was reviewed: every way in which it could be something else is refused, and told."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer import reviewed
from deployer.console import EXIT_REFUSED, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

ASL = b'{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}\n'
PACKAGE = b"zip"


def sha256(content: bytes) -> str:
    """Return the digest of some bytes."""
    return hashlib.sha256(content).hexdigest()


def template_for(definition: bytes, package: bytes) -> dict[str, Any]:
    """Return a template that names both by their digests."""
    return {
        "Resources": {
            "Machine": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "DefinitionS3Location": {
                        "Bucket": {"Ref": "ArtifactBucket"},
                        "Key": f"asl/pipeline/{sha256(definition)}.asl.json",
                    },
                    "Tags": [{"Key": "a/b", "Value": "asl/no/key"}],
                },
            },
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Code": {
                        "S3Bucket": {"Ref": "ArtifactBucket"},
                        "S3Key": f"validator/{sha256(package)}.zip",
                    }
                },
            },
        }
    }


def put(root: Path, name: str, content: bytes | dict[str, Any]) -> None:
    """Write a file of the project."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


def git(root: Path, *arguments: str) -> None:
    """Run git there, as somebody."""
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments],
        cwd=root,
        check=True,
        capture_output=True,
    )


def fill(root: Path) -> None:
    """Write a small project, all of whose parts belong together."""
    put(root, "asl/pipeline.asl.json", ASL)
    put(root, "asl/pipeline.lock.json", {"version": "1.0.0", "sha256": sha256(ASL), "released": []})
    put(root, "validator/package.lock.json", {"sha256": sha256(PACKAGE)})
    put(root, "templates/validation-pipeline.template.json", template_for(ASL, PACKAGE))
    put(root, f"dist/validator/{sha256(PACKAGE)}.zip", PACKAGE)


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    """Return a small project that is committed, but for dist/."""
    fill(tmp_path)
    put(tmp_path, ".gitignore", b"dist/\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "All")
    return tmp_path


def refusal(root: Path, *, allow_uncommitted: bool = False) -> str:
    """Return why the project is refused."""
    with pytest.raises(Refused) as caught:
        reviewed.check(root, allow_uncommitted=allow_uncommitted)
    assert EXIT_REFUSED == caught.value.code
    return str(caught.value)


def test_what_is_committed_is_taken_as_it_is(committed: Path) -> None:
    """The artifacts by their keys, the definitions with their versions, and the commit that holds them."""
    found = reviewed.check(committed)
    key, zip_key = f"asl/pipeline/{sha256(ASL)}.asl.json", f"validator/{sha256(PACKAGE)}.zip"
    assert {key: ASL, zip_key: PACKAGE} == found.artifacts
    assert [("pipeline", "1.0.0", sha256(ASL))] == [(d.name, d.version, d.sha256) for d in found.definitions]
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=committed, capture_output=True, check=True, text=True
    )
    assert head.stdout.strip() == found.commit
    assert f"templates/{sha256(found.content)}.template.json" == found.template_key
    assert template_for(ASL, PACKAGE) == found.fields


def test_the_committed_project_is_fit(root: Path) -> None:
    """The template names what is in asl/ and in the package's lock file; only dist/ may be missing here."""
    try:
        reviewed.check(root, allow_uncommitted=True)
    except Refused as error:
        lines = str(error).splitlines()[1:]
        assert all("make package" in line for line in lines), lines


def test_a_folder_below_the_checkout_is_a_project_too(tmp_path: Path) -> None:
    """The project may be a folder of a larger repository."""
    below = tmp_path / "some/where"
    fill(below)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "All")
    assert reviewed.check(below).commit


FOREIGN = sha256(b"other")


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda root: put(root, "asl/pipeline.asl.json", ASL + b" "), "asl/pipeline.asl.json: has other bytes than asl/pipeline.lock.json says"),
        (lambda root: put(root, "asl/pipeline.asl.json", ASL + b" "), "names other bytes of pipeline"),
        (lambda root: (root / "asl/pipeline.lock.json").unlink(), "asl/pipeline.lock.json: is missing; `make template` writes it"),
        (lambda root: put(root, "asl/pipeline.lock.json", b"[]"), "asl/pipeline.lock.json: is no lock file"),
        (lambda root: put(root, "asl/pipeline.lock.json", {"version": "1.0.0", "sha256": "abc"}), "'abc' is no SHA-256"),
        (lambda root: put(root, "asl/other.asl.json", ASL), "does not name asl/other/"),
        (lambda root: (root / "asl/pipeline.asl.json").unlink(), "which is no document of asl/ and not the package"),
        (lambda root: put(root, "validator/package.lock.json", {"sha256": FOREIGN}), "names another package"),
        (lambda root: (root / "validator/package.lock.json").unlink(), "validator/package.lock.json: is missing"),
        (lambda root: shutil.rmtree(root / "dist"), ".zip: is missing; `make package` writes it"),
        (lambda root: put(root, f"dist/validator/{sha256(PACKAGE)}.zip", b"zop"), "does not hold the bytes that its name says"),
        (lambda root: (root / "templates/validation-pipeline.template.json").unlink(), "template.json: is missing"),
        (lambda root: put(root, "templates/validation-pipeline.template.json", b"{"), "template.json: is no JSON"),
        (lambda root: put(root, "templates/validation-pipeline.template.json", {"S3Key": {"Ref": "Key"}}), 'that only a deployment settles ({"Ref": "Key"})'),
    ],
)  # fmt: skip
def test_what_does_not_belong_together_is_refused(
    committed: Path, spoil: Callable[[Path], None], expected: str
) -> None:
    """Whatever git says: the digests decide, and `--allow-uncommitted` does not change that."""
    spoil(committed)
    assert expected in refusal(committed, allow_uncommitted=True)
    assert expected in refusal(committed)


def test_every_reason_is_told_at_once(committed: Path) -> None:
    """Nobody has to mend one to hear of the next."""
    shutil.rmtree(committed / "dist")
    put(committed, "asl/pipeline.lock.json", b"[]")
    assert 3 == len(refusal(committed).splitlines())


def rewrite(root: Path) -> None:
    """Change the definition, and all that goes with it, without a commit."""
    changed = ASL + b" "
    put(root, "asl/pipeline.asl.json", changed)
    put(root, "asl/pipeline.lock.json", {"version": "1.0.1", "sha256": sha256(changed), "released": []})
    put(root, "templates/validation-pipeline.template.json", template_for(changed, PACKAGE))


def stage(root: Path) -> None:
    """Change it, and stage that."""
    rewrite(root)
    git(root, "add", "-A")


def hide(root: Path) -> None:
    """Change it, and tell git to overlook that."""
    names = ["asl/pipeline.asl.json", "asl/pipeline.lock.json", "templates/validation-pipeline.template.json"]
    git(root, "update-index", "--assume-unchanged", *names)
    rewrite(root)
    assert (
        ""
        == subprocess.run(
            ["git", "status", "-s"], cwd=root, capture_output=True, check=True, text=True
        ).stdout
    )


@pytest.mark.parametrize("change", [rewrite, stage, hide])
def test_what_is_not_committed_is_refused(committed: Path, change: Callable[[Path], None]) -> None:
    """Staged is not committed; and git's own status is not believed, which can be told to overlook a file."""
    change(committed)
    told = refusal(committed)
    assert "asl/pipeline.asl.json: is not as it was committed" in told
    assert "asl/pipeline.lock.json: is not as it was committed" in told
    assert "template.json: is not as it was committed" in told
    assert "--allow-uncommitted" in told


def test_a_file_that_was_never_committed_is_named(committed: Path) -> None:
    """It is told apart from one that was changed."""
    git(committed, "rm", "-q", "--cached", "asl/pipeline.lock.json")
    git(committed, "commit", "-qm", "Forget the lock")
    assert "asl/pipeline.lock.json: is not committed" in refusal(committed)


def test_what_is_not_committed_can_be_allowed_loudly(
    committed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is deployed as it is here, each file is named on standard error, and no commit is claimed."""
    rewrite(committed)
    found = reviewed.check(committed, allow_uncommitted=True)
    assert found.commit is None
    assert "1.0.1" == found.definitions[0].version
    told = capsys.readouterr().err
    assert "WARNING: this was not committed" in told
    assert "asl/pipeline.asl.json: is not as it was committed" in told


def test_nothing_is_said_where_all_is_committed(committed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The option alone is no reason for a warning."""
    assert reviewed.check(committed, allow_uncommitted=True).commit
    assert "" == capsys.readouterr().err


@pytest.mark.parametrize("is_empty", [False, True], ids=["no checkout", "no commit"])
def test_without_git_nobody_can_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_empty: bool
) -> None:
    """A folder that is no checkout, or one without a commit, is refused in git's own words."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    fill(tmp_path)
    if is_empty:
        git(tmp_path, "init", "-q")
    assert "there is no commit to compare with: git says: fatal:" in refusal(tmp_path)
    assert reviewed.check(tmp_path, allow_uncommitted=True).commit is None


def test_a_machine_without_git_is_told(committed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no traceback."""
    monkeypatch.setenv("PATH", str(committed))
    assert "git is not installed" in refusal(committed)


def test_a_document_alone_is_committed_too(committed: Path) -> None:
    """The bucket's template names nothing else; it must be committed all the same."""
    path = Path("asl/pipeline.lock.json")
    assert (committed / path).read_bytes() == reviewed.document(committed, path)
    put(committed, str(path), b"other")
    with pytest.raises(Refused, match="is not as it was committed"):
        reviewed.document(committed, path)
    assert b"other" == reviewed.document(committed, path, allow_uncommitted=True)


@settings(max_examples=30)
@given(definition=st.binary(min_size=1, max_size=40), package=st.binary(min_size=1, max_size=40), spoiled=st.integers(0, 39), bit=st.integers(0, 7))  # fmt: skip
def test_no_changed_byte_goes_through(
    tmp_path_factory: pytest.TempPathFactory, definition: bytes, package: bytes, spoiled: int, bit: int
) -> None:
    """One bit of the definition or of the package that differs from its digest refuses the whole."""
    root = tmp_path_factory.mktemp("project")
    put(root, "asl/pipeline.asl.json", definition)
    put(root, "asl/pipeline.lock.json", {"version": "1.0.0", "sha256": sha256(definition), "released": []})
    put(root, "validator/package.lock.json", {"sha256": sha256(package)})
    put(root, "templates/validation-pipeline.template.json", template_for(definition, package))
    put(root, f"dist/validator/{sha256(package)}.zip", package)
    assert reviewed.check(root, allow_uncommitted=True).artifacts
    for name, content in (
        ("asl/pipeline.asl.json", definition),
        (f"dist/validator/{sha256(package)}.zip", package),
    ):
        at = spoiled % len(content)
        put(root, name, content[:at] + bytes([content[at] ^ (1 << bit)]) + content[at + 1 :])
        assert "bytes" in refusal(root, allow_uncommitted=True)
        put(root, name, content)
    shutil.rmtree(root)
