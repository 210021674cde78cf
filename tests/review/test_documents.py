"""Where the two sides come from, and what is said of what cannot be read."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from review.compare import compare
from review.documents import Kind, kind_of, sides
from review.model import ReviewError

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE: dict[str, Any] = {
    "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "a"}}}
}


def write(path: Path, value: Any) -> Path:
    """Write a document, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Make a repository with a main branch, a work branch, and a change that nobody committed."""

    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-b", "main")
    write(tmp_path / "templates/a.template.json", TEMPLATE)
    git("add", "-A")
    git("commit", "-m", "first")
    git("checkout", "-b", "work")
    changed = json.loads(json.dumps(TEMPLATE).replace('"a"', '"b"'))
    write(tmp_path / "templates/a.template.json", changed)
    git("commit", "-am", "second")
    write(tmp_path / "templates/a.template.json", json.loads(json.dumps(TEMPLATE).replace('"a"', '"c"')))
    return tmp_path


def test_the_default_is_the_merge_base_against_the_working_tree(repository: Path) -> None:
    """Without arguments a branch's own work is reviewed, what is not committed included."""
    before, after = sides(None, None, root=repository)
    (difference,) = compare(before, after).differences
    assert ("a", "c") == (difference.before, difference.after)


def test_two_revisions_are_compared(repository: Path) -> None:
    """Revisions are read from git, whatever the working tree holds."""
    before, after = sides("main", "work", root=repository)
    (difference,) = compare(before, after).differences
    assert ("a", "b") == (difference.before, difference.after)


def test_two_folders_are_compared_by_the_names_of_their_files(tmp_path: Path) -> None:
    """A folder is a side like a revision."""
    write(tmp_path / "old/x.template.json", TEMPLATE)
    write(tmp_path / "new/x.template.json", TEMPLATE)
    write(tmp_path / "new/y.template.json", TEMPLATE)
    before, after = sides(str(tmp_path / "old"), str(tmp_path / "new"), root=tmp_path)
    assert (["x.template.json"], ["x.template.json", "y.template.json"]) == (sorted(before), sorted(after))


def test_short_form_yaml_is_the_same_template_as_its_json(tmp_path: Path) -> None:
    """`!Sub` and `Fn::Sub` are one function."""
    text = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n    Properties:\n      DisplayName: !Sub '${AWS::Region}-a'\n"
    value = {
        "Resources": {
            "Topic": {
                "Type": "AWS::SNS::Topic",
                "Properties": {"DisplayName": {"Fn::Sub": "${AWS::Region}-a"}},
            }
        }
    }
    one, other = write(tmp_path / "a.yaml", text), write(tmp_path / "a.json", value)
    before, after = sides(str(one), str(other), root=tmp_path)
    assert () == compare(before, after).differences


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('{"Resources": {}', TEMPLATE, "no JSON"),
        ({"a": 1}, TEMPLATE, "is no CloudFormation template"),
        ([], TEMPLATE, "is no CloudFormation template"),
        ("", TEMPLATE, "empty"),
    ],
)
def test_what_is_no_document_is_refused(tmp_path: Path, before: Any, after: Any, message: str) -> None:
    """A file that holds no template and no definition is an error, never `nothing changed`."""
    one, other = write(tmp_path / "a.json", before), write(tmp_path / "b.json", after)
    with pytest.raises(ReviewError, match=message):
        sides(str(other), str(one), root=tmp_path)


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    """UTF-16 and Latin-1 are told by their names, not decoded into something else."""
    path = tmp_path / "a.json"
    path.write_bytes(json.dumps(TEMPLATE).encode("utf-16"))
    with pytest.raises(ReviewError, match=r"binary|UTF-8"):
        sides(str(path), str(path), root=tmp_path)
    path.write_bytes(b'{"Resources": {"\xe9": {}}}')
    with pytest.raises(ReviewError, match="UTF-8"):
        sides(str(path), str(path), root=tmp_path)


@pytest.mark.parametrize("base", ["no-such-revision", "--upload-pack=x", "HEAD~99"])
def test_a_base_that_is_not_there_is_told(repository: Path, base: str) -> None:
    """A revision that git does not know is an error with advice."""
    with pytest.raises(ReviewError, match="no revision that git knows"):
        sides(base, None, root=repository)


def test_a_folder_outside_of_git_asks_for_the_base(tmp_path: Path) -> None:
    """Without a main branch there is no default."""
    write(tmp_path / "templates/a.json", TEMPLATE)
    with pytest.raises(ReviewError, match="name the base"):
        sides(None, None, root=tmp_path)


def test_a_base_without_documents_makes_all_of_it_new(tmp_path: Path) -> None:
    """The first commit of a template is a review of additions, and says so."""
    (tmp_path / "old").mkdir()
    write(tmp_path / "new/x.template.json", TEMPLATE)
    found = compare(*sides(str(tmp_path / "old"), str(tmp_path / "new"), root=tmp_path))
    assert ["added"] == [change.verb.value for change in found.changes]
    assert "the base holds none of these documents: all of it is new" in found.notes


def test_neither_side_with_documents_is_an_error(tmp_path: Path) -> None:
    """Two empty folders are no review in which nothing changed."""
    (tmp_path / "a").mkdir()
    with pytest.raises(ReviewError, match="Neither side"):
        sides(str(tmp_path / "a"), str(tmp_path / "a"), root=tmp_path)


def test_a_document_is_known_by_its_content() -> None:
    """Names do not decide what a document is."""
    assert [Kind.TEMPLATE, Kind.DEFINITION, Kind.SCHEMA, Kind.LOCK, Kind.OTHER] == [
        kind_of(value)
        for value in (
            TEMPLATE,
            {"StartAt": "a", "States": {}},
            {"type": "object", "properties": {}},
            {"version": "1.0.0", "sha256": "", "released": []},
            ["x"],
        )
    ]


def test_only_formatting_is_said_to_mean_nothing(tmp_path: Path) -> None:
    """Other bytes of the same value are named, and are no change."""
    one = write(tmp_path / "a.json", TEMPLATE)
    other = write(tmp_path / "b.json", json.dumps(TEMPLATE, indent=4))
    found = compare(*sides(str(one), str(other), root=tmp_path))
    assert ((), ()) == (found.changes, found.differences)
    assert any("only its formatting" in note for note in found.notes)
