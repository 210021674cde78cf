"""Shell completion: what is printed makes a shell complete commands, options and values, from any folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import build
from deployer.completion_commands import FUNCTIONS, script

ROOT = Path(__file__).parent.parent.parent
ASK = {
    "bash": """
        eval "$1"; cd /
        COMP_WORDS=({words}); COMP_CWORD={number}; COMPREPLY=()
        _buildpy_completion
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """,
    # With stand-ins for what only a line that is being edited has.
    "zsh": """
        function compdef {{ }}
        function compadd {{ print -l -- $completions }}
        function _describe {{ print -l -- ${{completions_with_descriptions%%:*}} }}
        eval "$1"; cd /
        words=({words}); CURRENT=$(({number} + 1))
        _buildpy_completion
    """,
    "fish": """
        echo $argv[1] | source; cd /
        complete --do-complete "{line}" | string split --fields 1 \\t; true
    """,
}
"""How each shell is asked what fits; `$1` is what was printed."""


@pytest.mark.parametrize("shell", sorted(ASK))
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("build.py dep", {"deploy"}),
        ("build.py deploy --no", {"--no-execute"}),
        ("build.py deploy --fail-on da", {"data-loss"}),
        ("build.py completion ", {"bash", "fish", "zsh"}),
    ],
)
def test_a_shell_completes(shell: str, line: str, expected: set[str]) -> None:
    """A real shell is asked, in another folder, with no more than what was printed."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    words = line + ('""' if line.endswith(" ") else "")
    asked = ASK[shell].format(line=line, words=words, number=len(line.split(" ")) - 1)
    named = [] if shell == "fish" else [shell]
    done = subprocess.run(
        [program, "-c", asked, *named, script(build.build, shell)],
        capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"], "HOME": "/"}, timeout=60,
    )  # fmt: skip
    assert expected == set(done.stdout.split())


@pytest.mark.parametrize("shell", sorted(FUNCTIONS))
def test_every_shell_gets_a_function_and_its_completion(shell: str) -> None:
    """The program is called by its path: what is completed is known in any folder."""
    text = script(build.build, shell)
    assert text.splitlines()[0] == FUNCTIONS[shell].format(program="build.py", command=_command())
    assert f"_BUILD_PY_COMPLETE={shell}_complete" in text
    assert f"{_command()})" in text
    assert "$1)" not in text


def test_the_function_runs_the_program() -> None:
    """With its arguments, from any folder."""
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run(
        [bash, "-c", 'eval "$1"; cd /; build.py deploy --help', "bash", script(build.build, "bash")],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert "Deploy the committed documents with a change set" in done.stdout


def _command() -> str:
    import sys  # noqa: PLC0415 - only here

    return f"{sys.executable} {ROOT / 'build.py'}"
