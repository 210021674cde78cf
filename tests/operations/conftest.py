"""What the tests of the operators' commands share: an account that a test scripts, and the commands as processes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from deployer.account import Account
from tests.operations import scripted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let no profile of this machine's be found, retries wait for nothing, and the zone be one that is not UTC."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_REGION", scripted.REGION)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> scripted.Scripted:
    """Return an account in which the pipeline is deployed; a test changes what it answers."""
    found = scripted.healthy()
    make = Account._new_client

    def made(self: Account, service: str) -> Any:
        return found.watch(service, make(self, service))

    monkeypatch.setattr(Account, "_new_client", made)
    return found


@pytest.fixture
def run() -> Callable[..., Result]:
    """Return what runs a command in this process."""

    def invoke(command: Any, *arguments: str) -> Result:
        return CliRunner().invoke(command, arguments, catch_exceptions=False)

    return invoke
