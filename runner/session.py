"""A local run from its begin to its end: everything that is started or written here is gone afterwards."""

from __future__ import annotations

import contextlib
import itertools
import queue
import shutil
import signal
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner import emulator, processes, stack
from runner.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from runner.gateway.server import Gateway
    from runner.pipeline import Outcome, Request
    from runner.repositories import Repositories

LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Settings:
    """How a session is to be."""

    root: Path
    env: Mapping[str, str] = field(default_factory=dict)
    """What the operator adds to the containers' environment."""
    port: int = 0
    """Of the emulator; 0 lets the system choose."""
    tell: Callable[[str], None] = lambda _text: None
    """Is told what takes a while."""


@dataclass(frozen=True)
class Session:
    """A deployed pipeline that takes executions."""

    pipeline: Pipeline
    folder: Path
    seconds: Mapping[str, float]
    """What the environment, the emulator's start and the deployment took."""

    def run(
        self, requests: Sequence[Request], parallel: int = 1
    ) -> Iterator[tuple[int, Outcome | BaseException]]:
        """Run executions, so many at a time; yields each one's place and outcome as it ends.

        Raises `EmulatorError` when the emulator ends meanwhile.
        """
        waiting: queue.SimpleQueue[tuple[int, Request]] = queue.SimpleQueue()
        ended: queue.SimpleQueue[tuple[int, Outcome | BaseException]] = queue.SimpleQueue()
        for number, request in enumerate(requests):
            waiting.put((number, request))

        def work() -> None:
            with contextlib.suppress(queue.Empty):
                while not self.pipeline.stopping.is_set():
                    number, request = waiting.get_nowait()
                    try:
                        ended.put((number, self.pipeline.execute(request)))
                    except BaseException as error:  # noqa: BLE001 - it is handed to whoever waits
                        ended.put((number, error))

        for _ in range(min(parallel, len(requests))):
            # They die with the process: an interruption waits for none of them.
            threading.Thread(target=work, daemon=True).start()
        for _ in requests:
            yield self._next(ended)

    @contextlib.contextmanager
    def serving(self, repositories: Repositories, port: int = 0) -> Iterator[Gateway]:
        """Serve AWS's APIs: the emulator's, and those that start, follow and stop executions of ours.

        `port` 0 lets the system choose. Raises `EmulatorError` where the port is taken.
        """
        from runner.gateway import open_gateway  # noqa: PLC0415 - most runs serve nobody

        with open_gateway(self.pipeline, repositories, port) as gateway:
            yield gateway

    def _next(self, ended: queue.SimpleQueue[Any]) -> Any:
        while True:
            with contextlib.suppress(queue.Empty):
                return ended.get(timeout=LOOK_SECONDS)
            if self.pipeline.emulator.process.exit is not None:
                raise emulator.EmulatorError(
                    f"the emulator ended while it was used ({self.pipeline.emulator.process.exit})"
                )


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Take this process over for a run: it ends by Ctrl-C, a polite kill and the terminal's end alike, and leaves nothing."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    # What is ignored stays so: `nohup` means it.
    wanted = [
        number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is not signal.SIG_IGN
    ]
    before = {number: signal.signal(number, interrupt) for number in wanted}
    try:
        with processes.without_orphans():
            try:
                yield
            except KeyboardInterrupt:
                # This process ends now; who goes on pressing Ctrl-C is heard already.
                before = dict.fromkeys((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), signal.SIG_IGN)
                for number in before:
                    signal.signal(number, signal.SIG_IGN)
                raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _interruptions() -> Iterator[Callable[[], None]]:
    """Give what makes this process deaf to interruptions; it hears them again at the end."""
    before: dict[int, Any] = {}

    def ignore() -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                before[number] = signal.signal(number, signal.SIG_IGN)

    try:
        yield ignore
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[Session]:
    """Make the environment, start the emulator, deploy the committed template; undo it all at the end.

    Raises `EmulatorError`, `StackError`, `ChangeSetError`, `OSError`.
    """
    marks = [time.monotonic()]
    python = emulator.make_environment(settings.root, settings.tell)
    marks.append(time.monotonic())
    with _interruptions() as ignore, contextlib.ExitStack() as undo, contextlib.ExitStack() as first:
        # The end is short, and an impatient second Ctrl-C would leave files.
        first.callback(ignore)
        folder = Path(tempfile.mkdtemp(prefix="toolshed-"))
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        running = emulator.start(python, folder, settings.port)
        undo.callback(emulator.stop, running)
        marks.append(time.monotonic())
        network = stack.claim_network()
        undo.callback(network.close)
        deployed = stack.deploy(settings.root, running, network.cidr, lambda _event: None)
        marks.append(time.monotonic())
        pipeline = Pipeline(running, deployed, folder, settings.env)
        undo.callback(pipeline.close)
        names = ("environment", "emulator", "deployment")
        yield Session(
            pipeline,
            folder,
            dict(
                zip(
                    names,
                    (after - before for before, after in itertools.pairwise(marks)),
                    strict=True,
                )
            ),
        )
