"""The checker on real documents and on mutants of them, where the corpus is present (`ASL_CORPUS`)."""

from __future__ import annotations

import importlib.util
import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from states_language.checker import check
from states_language.diagnostics import Severity

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]


def load_bench() -> ModuleType:
    """Import the benchmark, which is a program and no package."""
    spec = importlib.util.spec_from_file_location("bench_check", ROOT / "bench" / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


BENCH = load_bench()
CORPUS: Path | None = BENCH.corpus()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CORPUS is None, reason="there is no corpus: set ASL_CORPUS to its folder"),
]


@pytest.fixture(scope="module")
def manifest() -> list[dict[str, Any]]:
    """Return the corpus's list of documents."""
    assert CORPUS is not None
    entries: list[dict[str, Any]] = json.loads((CORPUS / "manifest.json").read_text("utf-8"))
    return entries


@pytest.fixture(scope="module")
def documents(manifest: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the documents by their names."""
    assert CORPUS is not None
    return {row["file"]: json.loads((CORPUS / row["file"]).read_text("utf-8")) for row in manifest}


def test_the_mutants_are_found(documents: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Each class of mutants is found in the share that the benchmark asks for."""
    good = BENCH.print_mutants(BENCH.measure_mutants(CORPUS, documents), missed=True)
    assert good, capsys.readouterr().out


JUDGED = "41c3f3bd2e8a31e2"
"""What the digest of the manifest begins with whose documents docs/corpus.md judges."""


def test_every_error_in_a_document_meant_to_be_right_was_judged(
    manifest: list[dict[str, Any]], documents: dict[str, Any]
) -> None:
    """docs/corpus.md lists each of those documents, by repository and path, and says what is wrong with it."""
    assert CORPUS is not None
    if not sha256((CORPUS / "manifest.json").read_bytes()).hexdigest().startswith(JUDGED):
        pytest.skip("this is another corpus than the one whose documents were judged")
    page = (ROOT / "docs" / "corpus.md").read_text("utf-8")
    missing = [
        f"{row['repository']} {row['path']}"
        for row in manifest
        if row["intent"] == "positive"
        and not row["templated"]
        and any(entry.severity is Severity.ERROR for entry in check(documents[row["file"]]))
        and not (row["repository"] in page and row["path"] in page)
    ]
    assert [] == missing
