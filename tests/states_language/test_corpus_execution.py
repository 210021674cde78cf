"""Real documents, executed with made-up answers: whatever happens, it happens inside the execution.

The corpus is no part of the project: the test runs where `ASL_CORPUS` (or a folder beside the
project) holds `*.asl.json` files.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest

from states_language.document import DocumentError
from states_language.interpreter import TaskFailed, Took, execute
from states_language.paths import PathError, PathNotFound, parse_path, set_reference_path

CORPUS = Path(os.environ.get("ASL_CORPUS", Path(__file__).parents[2].parent / "shared/asl-corpus"))
DOCUMENTS = sorted(CORPUS.rglob("*.asl.json"))
LEAVES: list[Any] = [
    1,
    "x",
    "2026-01-01T00:00:00Z",
    True,
    [1, 2],
    ["a"],
    {"id": "a"},
    [{"id": "a"}],
    '{"a":1}',
]


def data_for(text: str, random: Random) -> Any:
    """Make an object in which most paths of a document lead somewhere."""
    data: Any = {}
    for found in dict.fromkeys(re.findall(r"\$\.[A-Za-z_][\w.]*\w", text)):
        try:
            data = set_reference_path(data, parse_path(found), random.choice(LEAVES))
        except (PathError, PathNotFound):
            continue
    return {**data, "Payload": data}


@pytest.mark.slow
@pytest.mark.skipif(not DOCUMENTS, reason="ASL_CORPUS names no documents")
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_real_document_never_breaks_the_interpreter(path: Path) -> None:
    """It succeeds, fails, times out or is refused as no document; no other error comes out."""
    text = path.read_text("utf-8")
    for seed in range(10):
        random = Random(f"{path.name} {seed}")  # noqa: S311 - reproducible on purpose
        data = data_for(text, random)

        def call(*_: Any, random: Random = random, data: Any = data) -> Any:
            if random.random() < 0.05:
                raise TaskFailed(random.choice(["States.TaskFailed", "States.Timeout", "X"]), "by chance")
            return Took(random.choice([0, 5, 1e6]), data)

        try:
            execution = execute(json.loads(text), data, call_task=call, seed=seed)
        except DocumentError:
            return
        assert execution.history[-1]["type"].startswith("Execution")
