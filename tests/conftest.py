"""What the tests share: the committed documents as parsed JSON, and a copy of the project to work in."""

from __future__ import annotations

import json
import os
import shutil
import signal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from botocore.loaders import JSONFileLoader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.runner.served import Served

ROOT = Path(__file__).parent.parent

# A machine that is busy is no failure: time is measured by the benchmark, not by each example. In CI the examples are
# the same each time, so that a change is judged by what it changes; elsewhere they are drawn anew.
hypothesis.settings.register_profile("project", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("project")

# A shell without job control lets what it starts in the background ignore Ctrl-C, and so would all that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

_read = JSONFileLoader.load_file


@cache
def _read_once(path: str) -> Any:
    """Return what botocore reads from a file; each client that a test makes would read its service's files anew."""
    return _read(JSONFileLoader(), path)


pytest.MonkeyPatch().setattr(JSONFileLoader, "load_file", lambda _loader, path: _read_once(path))

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


@pytest.fixture(scope="session")
def packaged() -> Path:
    """Return the project's folder, with what the template deploys in `dist/`."""
    from generator.artifacts import write_bytes  # noqa: PLC0415
    from generator.documents import generate  # noqa: PLC0415 - slow, and only these tests need it
    from generator.package import build  # noqa: PLC0415
    from runner.stack import DIST, TEMPLATE, artifacts_of  # noqa: PLC0415

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
def served(packaged: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve AWS's APIs, with the pipeline deployed, as `build.py run --serve` does; a second to open.

    `served.url` is the endpoint; `served.client("stepfunctions")` a boto3 client of it; `served.environment` what a
    process needs to reach it; `served.outputs` the outputs of the stack `served.stack`; `served.session` what is
    behind it. `served.start(REPOSITORY)` starts an execution, `served.ended(arn)` waits for its end. The repositories
    of `tests.runner.served` each end in their way: HONEST, REJECTED, UNBUILDABLE, FAULTY, and HANGING, which runs on.
    As on AWS, an execution that ends otherwise than well is swept some six seconds later. Other tests use the same
    endpoint meanwhile: look for your own executions, not for all.
    """
    from tests.runner.served import serving  # noqa: PLC0415 - slow, and only some tests need it

    with serving(packaged, tmp_path_factory.mktemp("served")) as opened:
        yield opened
