"""Stand-ins for the programs that the buildspec calls: git, docker and aws.

The buildspec itself is run as it is. What it calls is answered here: `git clone` copies the repository that is to
be judged, `docker build` lays out what `dockerfile` can follow, `docker push` puts the image's manifest into the
emulator's registry, and `aws ecr describe-images` asks that registry. A call that is not known fails, by name.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import socketserver
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.services import dockerfile
from runner.services.images import MEDIA_TYPE, Images, tree_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runner.emulator import Emulator

SCRIPT = Path(__file__).with_name("stand_in.py")
PROGRAMS = ("aws", "docker", "git")


@dataclass(frozen=True)
class Source:
    """The repository that a build clones: a folder, or a command that becomes a Dockerfile's CMD."""

    folder: Path | None = None
    command: tuple[str, ...] = ()

    def write(self, target: Path) -> None:
        """Put a copy of it where `git clone` would. Raises `OSError`."""
        if self.folder is None:
            target.mkdir()
            command = json.dumps(list(self.command))
            (target / "Dockerfile").write_text(f"FROM scratch\nCMD {command}\n")
            return
        shutil.copytree(self.folder, target, symlinks=True, ignore=shutil.ignore_patterns(".git"))

    def commit(self, copy: Path) -> str:
        """Return the commit that stands for it: the folder's own, or a digest of its files."""
        if self.folder is not None and (self.folder / ".git").exists():
            with contextlib.suppress(OSError, subprocess.CalledProcessError):
                command = ["git", "-C", str(self.folder), "rev-parse", "HEAD"]
                return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        return tree_digest(copy)[:40]


@dataclass(frozen=True)
class Answer:
    """What a program printed, and its exit code."""

    output: str = ""
    error: str = ""
    code: int = 0


@dataclass(frozen=True)
class Call:
    """A call of a program by a build."""

    build: Build
    argv: Sequence[str]
    cwd: Path


@dataclass
class Build:
    """What the stand-ins know of a running build."""

    source: Source
    folder: Path
    skipped: tuple[str, ...] = ()
    """What of its Dockerfile was not carried out."""


@dataclass
class StandIns:
    """Answers the calls of all builds that run."""

    emulator: Emulator
    images: Images
    folder: Path
    _builds: dict[str, Build] = field(default_factory=dict)
    _server: Any = None

    def start(self) -> None:
        """Write the programs, and begin to answer. Raises `OSError`."""
        programs = self.folder / "bin"
        programs.mkdir(parents=True)
        names = PROGRAMS if shutil.which("timeout") else (*PROGRAMS, "timeout")
        for name in names:
            program = programs / name
            python = shlex.quote(sys.executable)
            call = f'exec {python} -I -S {shlex.quote(str(SCRIPT))} {name} "$@"\n'
            # macOS has no timeout; there the build's own limit has to do.
            text = (
                'while [ "${1#-}" != "$1" ]; do shift; done; shift; exec "$@"\n'
                if name == "timeout"
                else call
            )
            program.write_text(f"#!/bin/sh\n{text}")
            program.chmod(0o755)
        stand_ins = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                # A build that is killed has asked half, or waits for no answer.
                with contextlib.suppress(ConnectionError):
                    if (asked := self.rfile.readline()).endswith(b"\n"):
                        answer = stand_ins.answer(json.loads(asked))
                        self.wfile.write(json.dumps(vars(answer)).encode() + b"\n")

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True
            request_queue_size = 64

        self._server = Server(str(self.socket), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    @property
    def socket(self) -> Path:
        """Where the programs find this."""
        return self.folder / "s"

    @property
    def programs(self) -> Path:
        """The folder that stands first on a build's PATH."""
        return self.folder / "bin"

    @contextlib.contextmanager
    def serving(self, identifier: str, known: Build) -> Any:
        """Answer the calls of a build as long as it runs."""
        self._builds[identifier] = known
        try:
            yield
        finally:
            del self._builds[identifier]

    def answer(self, request: dict[str, Any]) -> Answer:
        """Answer one call."""
        known = self._builds.get(request["build"])
        argv = request["argv"]
        if known is None:
            return Answer(error="no such build\n", code=125)
        words = [word for word in argv if not word.startswith("-")]
        for start, do in _CALLS.items():
            if tuple(words[: len(start)]) == start:
                try:
                    return do(self, Call(known, argv, Path(request["cwd"])))
                except OSError as error:
                    return Answer(error=f"{argv[0]}: {error}\n", code=1)
        return Answer(error=f"a local build has no answer to: {shlex.join(argv)}\n", code=125)

    def clone(self, call: Call) -> Answer:
        """Copy the repository."""
        # What follows `--`: the address, and the folder.
        address, target = call.argv[list(call.argv).index("--") + 1 :][:2]
        call.build.source.write(call.cwd / target)
        from_where = call.build.source.folder or shlex.join(call.build.source.command)
        return Answer(f"{address} is here {from_where}\n")

    def rev_parse(self, call: Call) -> Answer:
        """Say which commit it is."""
        copy = call.cwd / _option(call.argv, "-C", ".")
        return Answer(call.build.source.commit(copy) + "\n")

    def build(self, call: Call) -> Answer:
        """Lay out an image."""
        tag = _option(call.argv, "--tag", "")
        image = call.build.folder / "image"
        try:
            built = dockerfile.build(call.cwd / call.argv[-1], image)
        except dockerfile.DockerfileError as error:
            return Answer(error=f"ERROR: {error}\n", code=1)
        if not built.argv:
            return Answer(error="ERROR: the Dockerfile has neither CMD nor ENTRYPOINT: it could not be started here\n", code=1)  # fmt: skip
        self.images.tag(tag, built)
        call.build.skipped = built.skipped
        return Answer("".join(f"not carried out here: {line}\n" for line in built.skipped))

    def push(self, call: Call) -> Answer:
        """Put an image into the registry."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - only a build needs it

        name = call.argv[-1]
        image = self.images.tagged(name)
        if image is None:
            return Answer(error=f"An image does not exist locally with the tag: {name}\n", code=1)
        repository, _, tag = name.partition("/")[2].rpartition(":")
        try:
            put = self.emulator.client("ecr").put_image(
                repositoryName=repository,
                imageTag=tag,
                imageManifest=image.manifest,
                imageManifestMediaType=MEDIA_TYPE,
            )
        except ClientError as error:
            return Answer(error=f"{error}\n", code=1)
        self.images.push(name, put["image"]["imageId"]["imageDigest"])
        return Answer(f"{name}\n")

    def describe_images(self, call: Call) -> Answer:
        """Ask the registry for an image's digest."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        tag = _option(call.argv, "--image-ids", "").removeprefix("imageTag=")
        try:
            found = self.emulator.client("ecr").describe_images(
                repositoryName=_option(call.argv, "--repository-name", ""), imageIds=[{"imageTag": tag}]
            )
        except ClientError as error:
            return Answer(error=f"{error}\n", code=254)
        return Answer(found["imageDetails"][0]["imageDigest"] + "\n")


_CALLS: dict[tuple[str, ...], Callable[[StandIns, Call], Answer]] = {
    ("git", "clone"): StandIns.clone,
    ("git", "source", "rev-parse"): StandIns.rev_parse,
    ("docker", "buildx", "build"): StandIns.build,
    ("docker", "push"): StandIns.push,
    ("docker", "info"): lambda _stand_ins, _call: Answer("a stand-in of the local run\n"),
    ("docker", "login"): lambda _stand_ins, _call: Answer("Login Succeeded\n"),
    ("aws", "ecr", "get-login-password"): lambda _stand_ins, _call: Answer("none\n"),
    ("aws", "ecr", "describe-images"): StandIns.describe_images,
}
"""What is answered, by how a call begins once its options are left out."""


def _option(argv: Sequence[str], name: str, default: str) -> str:
    for position, word in enumerate(argv[:-1]):
        if word == name:
            return argv[position + 1]
    return default
