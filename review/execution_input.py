"""The input of an execution, compared with its contract before anything is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = Path("asl/validation-pipeline.input.schema.json")


def problems(root: Path, value: Any) -> Iterator[str]:
    """Yield what is wrong with an input, and where in it."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - a tenth of a second that the help does not need

    schema = json.loads((root / SCHEMA).read_text("utf-8"))
    for error in Draft202012Validator(schema).iter_errors(value):
        place = "".join(f".{part}" for part in error.absolute_path)
        yield f"${place}: {error.message}"
