"""What these tests share: an emulator, and in it an account for each test."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from runner import emulator
from tests.deployer.crossing import Crossing
from tests.deployer.world import World, copy_documents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def port(packaged: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run the emulator; give its port."""
    python = emulator.make_environment(packaged, lambda _text: None)
    running = emulator.start(python, tmp_path_factory.mktemp("emulator") / "it")
    yield running.port
    emulator.stop(running)


@pytest.fixture
def world(packaged: Path, port: int, tmp_path: Path) -> Iterator[World]:
    """Give a new account with an artifact bucket, and a folder with the committed documents."""
    root = tmp_path / "project"
    root.mkdir()
    copy_documents(root, packaged)
    account = str(random.randrange(10**11, 10**12))  # noqa: S311 - no secret
    found = World(root, Crossing(port), account, port)
    found.client("s3").create_bucket(Bucket=found.bucket)
    yield found
    found.close()
