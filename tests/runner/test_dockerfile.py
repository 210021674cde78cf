"""Dockerfiles: what is followed here, what is left out and said so, and what Docker would refuse too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.services.dockerfile import Built, DockerfileError, build, instructions
from runner.services.images import manifest

if TYPE_CHECKING:
    from pathlib import Path


def built(tmp_path: Path, dockerfile: str, **files: str) -> Built:
    """Build a Dockerfile beside some files."""
    context = tmp_path / "context"
    for name, text in {"Dockerfile": dockerfile, **files}.items():
        path = context / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return build(context, tmp_path / "image")


def test_a_usual_dockerfile(tmp_path: Path) -> None:
    """Files are where they belong, and the command is the image's."""
    found = built(
        tmp_path,
        'FROM python:3.13 AS base\nWORKDIR /app\nENV A=1 B="two words"\nRUN pip install x\nCOPY . .\nCMD ["python", "server.py"]\n',
        **{"server.py": "print()", "package__inner.py": ""},
    )
    assert ("/app", {"A": "1", "B": "two words"}, ("python", "server.py")) == (
        found.workdir,
        found.env,
        found.argv,
    )
    assert ("FROM python:3.13", "RUN pip install x") == found.skipped
    assert {"app/server.py", "app/package/inner.py", "app/Dockerfile"} == {
        path.relative_to(found.files).as_posix() for path in found.files.rglob("*") if path.is_file()
    }


def test_stages_copy_from_each_other(tmp_path: Path) -> None:
    """What an earlier stage laid out is there; what only its RUN would have made is not, and is said."""
    found = built(
        tmp_path,
        'FROM node AS build\nWORKDIR /src\nCOPY a.js .\nFROM node\nCOPY --from=build /src /app\nCOPY --from=other /x /y\nENTRYPOINT ["node"]\nCMD ["/app/a.js"]\n',
        **{"a.js": "1"},
    )
    assert "1" == (found.files / "app/a.js").read_text()
    assert ("node", "/app/a.js") == found.argv
    assert "COPY --from=other /x /y" in found.skipped


def test_a_stage_goes_on_from_another(tmp_path: Path) -> None:
    """FROM an earlier stage inherits its files, its folder, its environment and its command."""
    found = built(
        tmp_path, "FROM scratch AS one\nWORKDIR /w\nENV A=1\nCOPY f .\nCMD run\nFROM one\nENV B=$A-2\n", f="x"
    )
    assert ("/w", {"A": "1", "B": "1-2"}, ("/bin/sh", "-c", "run")) == (found.workdir, found.env, found.argv)
    assert (found.files / "w/f").is_file()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('CMD ["a", "b"]', ("a", "b")),
        ("CMD a b", ("/bin/sh", "-c", "a b")),
        ("CMD ['a']", ("/bin/sh", "-c", "['a']")),
        ('ENTRYPOINT ["e"]\nCMD ["c"]', ("e", "c")),
        ('CMD ["c"]\nENTRYPOINT ["e"]', ("e",)),
        ("CMD a \\\n  # a comment\n  b", ("/bin/sh", "-c", "a b")),
        ('cmd ["lower"]', ("lower",)),
    ],
)
def test_how_it_is_started(tmp_path: Path, line: str, expected: tuple[str, ...]) -> None:
    """Exec and shell form, entrypoint and command, continued lines."""
    assert expected == built(tmp_path, f"FROM x\n{line}\n").argv


@pytest.mark.parametrize(
    ("dockerfile", "message"),
    [
        ("", "no FROM"),
        ("CMD a", "CMD before FROM"),
        ("FROM a b", "FROM takes an image"),
        ("FROM a\nCOPI . .", "Dockerfile:2: unknown instruction: COPI"),
        ("FROM a\nCOPY missing.py .", 'Dockerfile:2: .*"/missing.py": not found'),
        ("FROM a\nCOPY onlyone", "takes sources and a destination"),
        ("FROM a\nRUN <<EOF\nx\nEOF", "heredocs"),
    ],
)
def test_what_docker_refuses(tmp_path: Path, dockerfile: str, message: str) -> None:
    """The message names the line."""
    with pytest.raises(DockerfileError, match=message):
        built(tmp_path, dockerfile)


def test_no_path_leaves_the_image(tmp_path: Path) -> None:
    """Neither a source nor a destination can reach what is outside."""
    (tmp_path / "secret").write_text("secret")
    found = built(tmp_path, "FROM a\nCOPY f ../../../../out\n", f="x")
    assert "x" == (found.files / "out").read_text()
    with pytest.raises(DockerfileError, match="not found"):
        built(tmp_path / "again", "FROM a\nCOPY ../../secret .\n")


def test_an_argument_is_filled_in(tmp_path: Path) -> None:
    """ARG before and after FROM, with its default."""
    found = built(tmp_path, "ARG V=3\nFROM python:$V\nARG D=/srv\nWORKDIR ${D}/${E:-x}\n")
    assert ("/srv/x", ("FROM python:3",)) == (found.workdir, found.skipped)


def test_images_differ_where_what_runs_differs(tmp_path: Path) -> None:
    """The same files and configuration give the same manifest; another command, or another byte, another one."""
    texts = [
        manifest(built(tmp_path / str(number), dockerfile, f=content))
        for number, (dockerfile, content) in enumerate(
            [
                ("FROM a\nCOPY f .\nCMD x", "1"),
                ("FROM a\nCOPY f .\nCMD x", "1"),
                ("FROM a\nCOPY f .\nCMD y", "1"),
                ("FROM a\nCOPY f .\nCMD x", "2"),
            ]
        )
    ]
    assert texts[0] == texts[1]
    assert 3 == len(set(texts))


def test_comments_and_blank_lines_are_none() -> None:
    """Instructions carry the line that they begin on."""
    text = "# c\n\nFROM a\n  # d\nRUN b \\\n    && c\n"
    assert [(3, "FROM", "a"), (5, "RUN", "b && c")] == [
        (each.line, each.name, each.text) for each in instructions(text)
    ]
