"""A world to deploy in: a copy of the documents, an account of the emulator's, and the way between them."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from deployer import change_sets, execute
from deployer.stacks import Pace
from runner.stack import DIST, TEMPLATE, artifacts_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.deployer.crossing import Crossing

ROOT = Path(__file__).parent.parent.parent
STACK = "toolshed-validation"
REGION = "us-east-1"
FAST = Pace(first=0.02, last=0.1, limit=60)
CODE = ("deployer", "generator", "operations", "review", "runner", "scan", "states_language")
"""What is run as it is; only the documents are copied."""
LONG = 60.0
"""Seconds that a command may take on a busy machine."""


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> Any:
        """What a program reads."""
        return json.loads(self.out)


@dataclass
class World:
    """An account with an artifact bucket, and the project's documents in a folder of their own."""

    root: Path
    crossing: Crossing
    account: str
    _port: int
    _running: list[Running] = field(default_factory=list)

    @property
    def packaged(self) -> Path:
        """The project itself, with what the committed template deploys in `dist/`."""
        return ROOT

    @property
    def bucket(self) -> str:
        """The artifact bucket."""
        return f"toolshed-{self.account}"

    @property
    def environment(self) -> dict[str, str]:
        """What a command finds in its environment: this account, and nothing of this machine's."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "TERM": "xterm-256color",
            "COLUMNS": "120",
            "LANG": "C.UTF-8",
        }

    def client(self, service: str, account: str = "") -> Any:
        """Return a client of this account, or another one, that does not pass the crossing."""
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{self._port}",
            region_name=REGION,
            aws_access_key_id=account or self.account,
            aws_secret_access_key="none",  # noqa: S106 - the emulator checks none
            config=Config(s3={"addressing_style": "path"}, inject_host_prefix=False),
        )

    # The documents

    @property
    def template(self) -> dict[str, Any]:
        """The template in this folder."""
        found: dict[str, Any] = json.loads((self.root / TEMPLATE).read_text("utf-8"))
        return found

    def change_a_description(self) -> None:
        """Change a property that is updated in place: the least that there is to deploy."""
        self.edit(
            lambda template: template["Resources"]["BuildProject"]["Properties"].update(Description="other")
        )

    def edit(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Change the template, as somebody does who reviewed nothing."""
        template = self.template
        change(template)
        (self.root / TEMPLATE).write_text(json.dumps(template, indent=2, ensure_ascii=False) + "\n", "utf-8")

    def edit_definition(self, name: str, change: Callable[[dict[str, Any]], object]) -> None:
        """Change a definition, and all that names it by its digest."""
        path, lock_path = self.root / f"asl/{name}.asl.json", self.root / f"asl/{name}.lock.json"
        before = hashlib.sha256(path.read_bytes()).hexdigest()
        definition = json.loads(path.read_text("utf-8"))
        change(definition)
        path.write_text(json.dumps(definition, indent=2, ensure_ascii=False) + "\n", "utf-8")
        after = hashlib.sha256(path.read_bytes()).hexdigest()
        for each in (lock_path, self.root / TEMPLATE):
            each.write_text(each.read_text("utf-8").replace(before, after), "utf-8")

    def wait_for(self, name: str, seconds: int = 60, *, before: str = "") -> None:
        """Add a resource that is under way until somebody signals it, or fails after so many seconds."""

        def add(template: dict[str, Any]) -> None:
            policy = {"ResourceSignal": {"Timeout": f"PT{seconds}S"}}
            template["Resources"][name] = {
                "Type": "AWS::CloudFormation::WaitCondition",
                "CreationPolicy": policy,
            }
            if before:
                template["Resources"][before]["DependsOn"] = name

        self.edit(add)

    def signal(self, name: str, status: str = "SUCCESS", stack: str = STACK) -> None:
        """Signal a resource that waits for it, as soon as it does."""
        client, deadline = self.client("cloudformation"), time.monotonic() + LONG
        while time.monotonic() < deadline:
            try:
                client.signal_resource(
                    StackName=stack, LogicalResourceId=name, UniqueId=str(time.time_ns()), Status=status
                )
            except client.exceptions.ClientError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"{name} never waited")

    # The stack, without the command

    def publish(self) -> str:
        """Put what the template names into the bucket; return the template's address."""
        content = (self.root / TEMPLATE).read_bytes()
        key = f"templates/{hashlib.sha256(content).hexdigest()}.template.json"
        s3 = self.client("s3")
        for name, body in {**artifacts_of(self.root, json.loads(content)), key: content}.items():
            s3.put_object(Bucket=self.bucket, Key=name, Body=body)
        return f"http://127.0.0.1:{self._port}/{self.bucket}/{key}"

    def plan(self, name: str = "theirs") -> change_sets.ChangeSet:
        """Create a change set, as somebody else does."""
        request = change_sets.Request(STACK, name, self.publish(), {"ArtifactBucket": self.bucket})
        return change_sets.create(self.client("cloudformation"), request, FAST)

    def deployed(self) -> None:
        """Deploy the documents as they are."""
        execute.execute(self.client("cloudformation"), self.plan(), pace=FAST)

    def begun(self, token: str = "somebody") -> None:  # noqa: S107 - it is no secret
        """Begin to deploy the documents as they are, and leave it going on."""
        client, change_set = self.client("cloudformation"), self.plan("begun")
        execute.start(client, change_set, token, execute.stream_of(client, change_set))

    def stack(self) -> dict[str, Any] | None:
        """Return the stack as it is; None where there is none."""
        client = self.client("cloudformation")
        try:
            found: dict[str, Any] = client.describe_stacks(StackName=STACK)["Stacks"][0]
        except client.exceptions.ClientError:
            return None
        return found

    @property
    def status(self) -> str:
        """The stack's status; empty where there is no stack."""
        found = self.stack()
        return found["StackStatus"] if found is not None else ""

    def until(self, *statuses: str) -> None:
        """Wait until the stack has one of these statuses; the empty one is that there is none."""
        deadline = time.monotonic() + LONG
        while self.status not in statuses:
            assert time.monotonic() < deadline, self.status
            time.sleep(0.05)

    def until_followed(self) -> None:
        """Wait until a command that is running follows what it has begun."""
        deadline = time.monotonic() + LONG
        while "DescribeStackEvents" not in _after(self.crossing.actions(), "ExecuteChangeSet"):
            assert time.monotonic() < deadline, self.crossing.actions()
            time.sleep(0.05)

    def change_sets(self) -> list[str]:
        """Return the names of the stack's change sets that can be executed."""
        if self.stack() is None:
            return []
        found = self.client("cloudformation").list_change_sets(StackName=STACK)["Summaries"]
        return [each["ChangeSetName"] for each in found if each["ExecutionStatus"] == "AVAILABLE"]

    def events(self) -> list[dict[str, Any]]:
        """Return the stack's events, the oldest first."""
        pages = self.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=STACK)
        return [each for page in pages for each in page["StackEvents"]][::-1]

    # The command

    def command(self, *arguments: str) -> list[str]:
        """Return the words of a command of ours, which passes the crossing."""
        return [sys.executable, str(self.root / "build.py"), *arguments, "--endpoint-url", self.crossing.url]

    def run(self, *arguments: str) -> Ended:
        """Run a command to its end, with no terminal."""
        done = subprocess.run(
            self.command(*arguments), cwd=self.root, env=self.environment, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=2 * LONG, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return Ended(done.returncode, done.stdout, done.stderr)

    def deploy(self, *arguments: str) -> Ended:
        """Run `deploy`; what is in the folder is committed nowhere."""
        return self.run("deploy", "--allow-uncommitted", "--bucket", self.bucket, *arguments)

    def start(self, *arguments: str, terminal: bool = False, **environment: str) -> Running:
        """Start a command, and leave it running."""
        command = self.command(*arguments)
        running = Running(command, self.root, {**self.environment, **environment}, has_terminal=terminal)
        self._running.append(running)
        return running

    def start_deploy(self, *arguments: str, terminal: bool = False, **environment: str) -> Running:
        """Start `deploy`, and leave it running."""
        given = ("deploy", "--allow-uncommitted", "--bucket", self.bucket, *arguments)
        return self.start(*given, terminal=terminal, **environment)

    def close(self) -> None:
        """End what still runs."""
        for running in self._running:
            running.close()
        self.crossing.close()


class Running:
    """A command that runs: on a terminal of its own, or with its output in a pipe."""

    def __init__(self, command: list[str], root: Path, environment: dict[str, str], *, has_terminal: bool):
        self._mine: int | None = None
        self.text = ""
        theirs: int | None = None
        streams: dict[str, Any] = {
            "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT,
        }  # fmt: skip
        if has_terminal:
            self._mine, theirs = pty.openpty()
            # Opened by the first process of a session, it is the one that Ctrl-C is typed on.
            command = ["sh", "-c", 'exec "$@" < "$0" > "$0" 2>&1', os.ttyname(theirs), *command]
            streams = {}
        self.process = subprocess.Popen(command, cwd=root, env=environment, start_new_session=True, **streams)
        self._theirs = theirs
        self._fd = self._mine if self._mine is not None else self.process.stdout.fileno()  # type: ignore[union-attr] # it was started with a pipe

    def read_until(self, *wanted: str) -> str:
        """Read what it prints until one of these has been printed."""
        deadline = time.monotonic() + LONG
        while not any(each in self.text for each in wanted):
            assert time.monotonic() < deadline, self.text
            if not self._read(0.2) and self.process.poll() is not None:
                break
        assert any(each in self.text for each in wanted), self.text
        return self.text

    def _read(self, seconds: float) -> bool:
        if not select.select([self._fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._fd, 65536)
        except OSError:  # a terminal whose other end is closed
            return False
        self.text += data.decode("utf-8", "replace")
        return bool(data)

    def type(self, text: str) -> None:
        """Type on its terminal."""
        assert self._mine is not None
        os.write(self._mine, text.encode())

    def interrupt(self, number: int = signal.SIGINT) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def hang_up(self) -> None:
        """Close its terminal, as a window is closed or a connection lost; return when it has ended."""
        assert self._mine is not None
        assert self._theirs is not None
        os.close(self._mine)
        os.close(self._theirs)
        self._mine = self._theirs = None
        self.process.wait(LONG)

    def end(self) -> int:
        """Wait for its end, reading all that it prints; return its exit code."""
        deadline = time.monotonic() + LONG
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.text
            self._read(0.1)
        while self._read(0.05):
            pass
        assert "Traceback" not in self.text, self.text
        return self.process.returncode

    def close(self) -> None:
        """End it, should it still run."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self._mine is not None and self._theirs is not None:
            os.close(self._mine)
            os.close(self._theirs)
        elif self.process.stdout is not None:
            self.process.stdout.close()


def _after(actions: list[str], last: str) -> list[str]:
    return actions[len(actions) - actions[::-1].index(last) :] if last in actions else []


def copy_documents(root: Path, packaged: Path) -> None:
    """Fill a folder with the project's documents, and links to its code."""
    import shutil  # noqa: PLC0415 - only here

    for name in CODE:
        (root / name).symlink_to(packaged / name)
    # A script's own folder is where it really is: a link would lead out of here.
    shutil.copy2(packaged / "build.py", root / "build.py")
    for name in ("asl", "templates"):
        shutil.copytree(packaged / name, root / name)
    (root / "validator").mkdir()
    for path in (packaged / "validator").iterdir():
        if path.name != "__pycache__":
            (root / "validator" / path.name).symlink_to(path)
    (root / "validator/package.lock.json").unlink()
    shutil.copy2(packaged / "validator/package.lock.json", root / "validator/package.lock.json")
    (root / DIST).symlink_to(packaged / DIST)
