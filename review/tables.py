"""The review's knowledge of AWS, kept as data: `data/*.yaml` and the price table."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def table(name: str) -> Any:
    """Return a table by its path beside this module: `data/stateful.yaml`."""
    text = (Path(__file__).parent / name).read_text("utf-8")
    return yaml.load(text, Loader=LOADER)  # noqa: S506  # LOADER is a safe loader
