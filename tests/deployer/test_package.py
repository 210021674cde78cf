"""The package's own map."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import deployer

if TYPE_CHECKING:
    from pathlib import Path


def test_the_map_names_every_module(root: Path) -> None:
    """A stranger begins there; the modules of commands are named together."""
    modules = {path.stem for path in (root / "deployer").glob("*.py")} - {"__init__"}
    named = set(re.findall(r"\w+", deployer.__doc__ or ""))
    assert set() == {name for name in modules if name not in named and not name.endswith("_commands")}
