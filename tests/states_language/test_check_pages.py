"""The pages of the checks: each is executed, so that none tells what the checker does not do."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from states_language.diagnostics import Severity
from states_language.files import check_files
from states_language.rules import RULES

PAGES = Path(__file__).parents[2] / "docs" / "checks"
_FENCE = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILES = {"json": "example.asl.json", "yaml": "example.allow.yaml", "schema": "example.input.schema.json"}


@dataclass
class Section:
    """The files of one half of a page, and what the checker is to find in them."""

    files: dict[str, str] = field(default_factory=dict)
    findings: str = ""


def sections(text: str) -> tuple[Section, Section]:
    """Return the faulty half of a page, and the mended one."""
    found = []
    for half in text.split("\n## Mended\n"):
        section = Section()
        for language, role, body in _FENCE.findall(half):
            if language == "findings":
                section.findings = body
            else:
                section.files[_FILES[role or language]] = body
        found.append(section)
    return found[0], found[1]


def found_in(section: Section, folder: Path, code: str) -> tuple[str, list[str]]:
    """Check a section's files; return its findings of one code, as a page writes them, and all errors."""
    for name, body in section.files.items():
        (folder / name).write_text(body, encoding="utf-8")
    diagnostics = check_files([str(folder / "example.asl.json")]).diagnostics
    lines = [
        f"{entry.severity.value} {entry.line}:{entry.column} {entry.message}\n"
        + (f"  help: {entry.help}\n" if entry.help else "")
        for entry in diagnostics
        if entry.code == code
    ]
    return "".join(lines), [entry.message for entry in diagnostics if entry.severity is Severity.ERROR]


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    """No code is left undescribed, and no page describes what is no code."""
    assert set(RULES) == {path.stem for path in PAGES.glob("*.md")} - {"README"}


@pytest.mark.parametrize("code", sorted(RULES))
def test_a_page_says_what_the_catalogue_says(code: str) -> None:
    """Title, severity and sentence of a page are the rule's, and the list of checks has them too."""
    rule = RULES[code]
    text = (PAGES / f"{code}.md").read_text("utf-8")
    assert text.startswith(f"# {code}\n\n**{rule.severity.value}** · {rule.summary}\n\n")
    row = f"| [{code}]({code}.md) | {rule.severity.value} | {rule.summary} |"
    assert row in (PAGES / "README.md").read_text("utf-8")


@pytest.mark.parametrize("code", sorted(RULES))
def test_a_page_finds_what_it_shows(code: str, tmp_path: Path) -> None:
    """The checker finds in a page's example just what the page says, at the same place."""
    faulty, _ = sections((PAGES / f"{code}.md").read_text("utf-8"))
    findings, _ = found_in(faulty, tmp_path, code)
    assert faulty.findings == findings
    assert findings


@pytest.mark.parametrize("code", sorted(RULES))
def test_a_page_mends_what_it_shows(code: str, tmp_path: Path) -> None:
    """The mended example has no such finding, and no error at all."""
    _, mended = sections((PAGES / f"{code}.md").read_text("utf-8"))
    assert ("", []) == found_in(mended, tmp_path, code)
