"""What the runner's tests share: an emulator with the committed template deployed, once for each process of tests."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner import session as sessions
from runner.stack import DIST, TEMPLATE, artifacts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.pipeline import Pipeline
    from runner.session import Session

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def packaged() -> Path:
    """Return the project's folder, with what the template deploys in `dist/`."""
    from generator.documents import generate  # noqa: PLC0415 - slow, and only these tests need it
    from generator.package import build  # noqa: PLC0415

    documents, package = generate(ROOT), build(ROOT)
    contents = {
        f"validator/{package.sha256}.zip": package.content,
        documents.definition.key: documents.definition.text.encode(),
    }
    for key, content in contents.items():
        path = ROOT / DIST / key
        if (
            not path.exists()
            or hashlib.sha256(path.read_bytes()).digest() != hashlib.sha256(content).digest()
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    assert artifacts_of(ROOT, json.loads((ROOT / TEMPLATE).read_text("utf-8")))
    return ROOT


@pytest.fixture(scope="session")
def session(packaged: Path) -> Iterator[Session]:
    """Open a session, with the pipeline deployed."""
    with sessions.opened(sessions.Settings(packaged)) as opened:
        yield opened


@pytest.fixture
def pipeline(session: Session) -> Pipeline:
    """Return that session's pipeline."""
    return session.pipeline
