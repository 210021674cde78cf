"""What the tests share: the committed documents as parsed JSON, and a copy of the project to work in."""

import json
import shutil
from pathlib import Path
from typing import Any

import hypothesis
import pytest

ROOT = Path(__file__).parent.parent

# A machine that is busy is no failure: time is measured by the benchmark, not by each example.
hypothesis.settings.register_profile("project", deadline=None)
hypothesis.settings.load_profile("project")

PROJECT = (
    "README.md",
    "asl",
    "build.py",
    "docs",
    "generator",
    "review",
    "settings.yaml",
    "states_language",
    "templates",
    "validator",
)
"""What the commands read and write."""


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """Return the committed template; a test that changes it copies it first."""
    parsed: dict[str, Any] = json.loads(
        (ROOT / "templates/validation-pipeline.template.json").read_text("utf-8")
    )
    return parsed


@pytest.fixture(scope="session")
def definition() -> dict[str, Any]:
    """Return the committed definition; a test that changes it copies it first."""
    parsed: dict[str, Any] = json.loads((ROOT / "asl/validation-pipeline.asl.json").read_text("utf-8"))
    return parsed


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of the project that a test may change."""
    copy = tmp_path / "project"
    copy.mkdir()
    for name in PROJECT:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, copy / name)
    return copy
