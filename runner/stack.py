"""The committed template, deployed to the emulator through a change set: what differs is parameters."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer import change_sets, execute, stacks
from runner.workflows import Workflow, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deployer.events import StackEvent
    from runner.emulator import Emulator
    from states_language.document import StateMachine

TEMPLATE = Path("templates/validation-pipeline.template.json")
DIST = Path("dist")
BUCKET = "toolshed-artifacts"
STACK = "toolshed-local"

NETWORKS = range(77, 127)
"""On Linux every address of 127.0.0.0/8 is this machine's: a task's address is then real. The second numbers of the
networks that runs may have, one for each that goes on at the same time."""
TASK_PORT = 8000
"""Where the template lets the validator connect to."""

DIGEST_KEY = re.compile(r"([0-9a-f]{64})\.(?:zip|asl\.json)$")


class StackError(Exception):
    """The template cannot be deployed here; the message is for the person at the terminal."""


@dataclass(frozen=True)
class Stack:
    """What was deployed."""

    outputs: Mapping[str, str]
    workflow: Workflow
    """What the alias leads to."""
    cidr: str

    @property
    def alias_arn(self) -> str:
        """Where executions are started."""
        return self.workflow.alias_arn or ""

    @property
    def version_arn(self) -> str:
        """The version that the alias leads to."""
        return self.workflow.version_arn or ""

    @property
    def role_arn(self) -> str:
        """The state machine's role."""
        return self.workflow.role_arn

    @property
    def machine(self) -> StateMachine:
        """That version's definition, as the emulator holds it: tokens substituted."""
        return self.workflow.machine


@dataclass(frozen=True)
class Network:
    """The addresses that a run's tasks may have, claimed for as long as it goes on."""

    cidr: str
    """Empty where a machine has no addresses to give."""
    claim: socket.socket | None = None

    def close(self) -> None:
        """Let other runs have it."""
        if self.claim is not None:
            self.claim.close()


def claim_network() -> Network:
    """Return addresses that no other run on this machine uses. Raises `StackError` where all are taken.

    Without a claim one run's validator could reach another's server, at an address that both have given out.
    """
    if not has_real_addresses():
        return Network("")
    for number in NETWORKS:
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            claim.bind((f"127.{number}.0.1", TASK_PORT))
        except OSError:
            claim.close()
            continue
        try:
            _check_task_port(f"127.{number}.0.1")
        except StackError:
            claim.close()
            raise
        return Network(f"127.{number}.0.0/16", claim)
    raise StackError(f"{len(NETWORKS)} runs go on already on this machine, or it has no loopback network")


def _check_task_port(address: str) -> None:
    """Refuse a machine on which something listens on the task's port, whatever the address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, TASK_PORT))
        except OSError as error:
            raise StackError(
                f"port {TASK_PORT} is taken on every address of this machine ({error.strerror}): "
                "a task could not have it; end what listens there first"
            ) from error


def deploy(root: Path, emulator: Emulator, cidr: str, on_event: Callable[[StackEvent], None]) -> Stack:
    """Upload what the template names, and deploy it, with these addresses for its VPC where any are given.

    Raises `StackError`, `ChangeSetError`.
    """
    template = (root / TEMPLATE).read_bytes()
    artifacts = artifacts_of(root, json.loads(template))
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    template_key = f"templates/{hashlib.sha256(template).hexdigest()}.template.json"
    for key, content in {**artifacts, template_key: template}.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=content)
    parameters = {"ArtifactBucket": BUCKET}
    if cidr:
        parameters["VpcCidr"] = cidr
    request = change_sets.Request(STACK, "local", f"{emulator.url}/{BUCKET}/{template_key}", parameters)
    pace = stacks.Pace(first=0.02, last=0.2, limit=60)
    client = emulator.client("cloudformation")
    change_set = change_sets.create(client, request, pace)
    outputs = execute.execute(client, change_set, on_event=on_event, pace=pace)
    return _read(emulator, outputs, parameters.get("VpcCidr", ""))


def has_real_addresses() -> bool:
    """Tell whether a task's address can be bound on this machine as it is."""
    return sys.platform == "linux"


def artifacts_of(root: Path, template: Mapping[str, Any]) -> dict[str, bytes]:
    """Return what a template wants to find in its bucket, by key, from `dist/`.

    Raises `StackError` where something is missing, or is not the bytes that its key names.
    """
    found = {}
    for key in sorted(set(_keys(template))):
        path = root / DIST / key
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise StackError(f"{DIST / key} is missing; `make package` writes it") from error
        digest = DIGEST_KEY.search(key)
        if digest is None or hashlib.sha256(content).hexdigest() != digest[1]:
            raise StackError(f"{DIST / key} does not hold the bytes that its name says; run `make package`")
        found[key] = content
    return found


def _keys(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [
            value[name]
            for name in ("S3Key", "Key")
            if isinstance(value.get(name), str) and "/" in value[name]
        ]
        return own + [key for inner in value.values() for key in _keys(inner)]
    if isinstance(value, list):
        return [key for inner in value for key in _keys(inner)]
    return []


def _read(emulator: Emulator, outputs: Mapping[str, str], cidr: str) -> Stack:
    return Stack(dict(outputs), resolve(emulator, outputs["PipelineArn"]), cidr)
