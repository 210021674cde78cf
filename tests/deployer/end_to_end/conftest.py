"""What these tests share: an emulator, and in it an account for each test."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner import emulator
from runner.stack import DIST, TEMPLATE, artifacts_of
from tests.deployer.crossing import Crossing
from tests.deployer.world import World, copy_documents

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent.parent


@pytest.fixture(scope="session")
def packaged() -> Path:
    """Return the project's folder, with what the template deploys in `dist/`."""
    from generator.artifacts import write_bytes  # noqa: PLC0415
    from generator.documents import generate  # noqa: PLC0415 - slow, and only these tests need it
    from generator.package import build  # noqa: PLC0415

    documents, package = generate(ROOT), build(ROOT)
    contents = {
        f"validator/{package.sha256}.zip": package.content,
        **{each.key: each.text.encode() for each in documents.definitions},
    }
    # Whole or not at all: another process of tests may be reading.
    write_bytes(ROOT / DIST, contents)
    assert artifacts_of(ROOT, json.loads((ROOT / TEMPLATE).read_text("utf-8")))
    return ROOT


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
