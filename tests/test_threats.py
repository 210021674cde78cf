"""The threat model names what keeps each defence, and that is there."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from states_language.pointer import Pointer

ROOT = Path(__file__).parent.parent
ROWS = [
    [cell.strip() for cell in line.split("|")[1:-1]]
    for line in (ROOT / "docs/threats.md").read_text("utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| ---", "| They could"))
]
KEEPERS = [keeper for row in ROWS for keeper in re.findall(r"`([^`]+)`", row[2])]


def test_every_defence_names_what_keeps_it() -> None:
    """A defence that nothing keeps is a hope."""
    assert len(ROWS) > 20
    assert [] == [row for row in ROWS if len(row) != 3 or not re.search(r"`[^`]+(::|#)[^`]+`", row[2])]


@pytest.mark.parametrize("keeper", sorted(set(KEEPERS)))
def test_what_keeps_a_defence_is_there(keeper: str) -> None:
    """A test or a name of the source, by file; a place in a document, by pointer."""
    if "#" in keeper:
        file, _, place = keeper.partition("#")
        value = json.loads((ROOT / file).read_text("utf-8"))
        for step in place.strip("/").split("/"):
            value = value[int(step)] if isinstance(value, list) else value[step]
        assert value
        assert str(Pointer(tuple(place.strip("/").split("/")))) == place
    else:
        file, _, name = keeper.partition("::")
        tree = ast.parse((ROOT / file).read_text("utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
