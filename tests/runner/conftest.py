"""What the runner's tests share: an emulator with the committed template deployed, once for each process of tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner import session as sessions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.pipeline import Pipeline
    from runner.session import Session


@pytest.fixture(scope="session")
def session(packaged: Path) -> Iterator[Session]:
    """Open a session, with the pipeline deployed."""
    with sessions.opened(sessions.Settings(packaged)) as opened:
        yield opened


@pytest.fixture
def pipeline(session: Session) -> Pipeline:
    """Return that session's pipeline."""
    return session.pipeline
