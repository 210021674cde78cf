"""Run one command so that nothing of it is left behind, whatever dies first. A script of its own: no imports of ours.

It is started by `runner.processes` as `python -I -S warden.py` and reads a JSON object from its first line of input:

    argv, env, cwd      what to run
    log, log_bytes      where its output goes, and how much of it is kept
    times               where it is noted when the log grew: "END MILLISECONDS" in each line; empty: nowhere
    memory              MiB that the command and all its children may hold together; more, and they are killed
    address, port       where connections are taken once the command listens, and passed to …
    target              … this port of the command
    remove              a folder that goes when whoever started this is gone without having said so

It answers with JSON objects, a line each: `{"event": "failed", "reason": …, "message": …}` when the command cannot
be started, else `started`; `listening` and `unreachable` as the command's port is seen; and at last `exited`, with
`code`, `signal` and `killed_for` ("memory" or null). `{"stop": seconds}` on its input ends the command, gently for
so many seconds. The end of its input means that whoever started it is gone: everything is killed at once.

The command gets a session of its own. On Linux it dies with the warden (PR_SET_PDEATHSIG), and what its children
leave behind becomes the warden's (PR_SET_CHILD_SUBREAPER), which kills it. Elsewhere only the session is killed.
"""

import contextlib
import ctypes
import errno
import json
import os
import resource
import select
import shutil
import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
TICK_SECONDS, WEIGHING_SECONDS = 0.05, 0.2
TCP_LISTEN = "0A"
EVERYWHERE = ("00000000", "0" * 32)
PAGE = os.sysconf("SC_PAGE_SIZE")
FILE_BYTES = 1 << 30
"""The largest file that a command may write."""


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process; only on Linux."""
    if LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def say(event: str, **details: object) -> None:
    """Tell whoever started this what happened; that nobody listens any more shows at the input's end."""
    with contextlib.suppress(OSError):
        os.write(1, json.dumps({"event": event, **details}).encode() + b"\n")


def start(spec: dict[str, Any], output: int) -> tuple[int, str | None]:
    """Start the command; returns its process, and why it could not be executed where that is so."""
    reader, writer = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child:
        os.close(writer)
        with os.fdopen(reader) as failure:
            return child, failure.read() or None
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
        os.chdir(spec["cwd"])
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        os.execvpe(spec["argv"][0], spec["argv"], spec["env"])  # noqa: S606 - what this is for
    except OSError as error:
        os.write(writer, f"{errno.errorcode.get(error.errno or 0, 'OSError')} {error.strerror}".encode())
    os._exit(127)


def children(process: int) -> list[int]:
    """Return the processes that one has started, or has been given. Linux only."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            with contextlib.suppress(OSError):
                found += [int(number) for number in (thread / "children").read_text().split()]
    return found


def descendants(root: int) -> list[int]:
    """Return every process below one. Linux only; elsewhere none."""
    found, todo = [], [root] if LINUX else []
    while todo:
        own = children(todo.pop())
        found += own
        todo += own
    return found


def kill(child: int | None, number: int) -> None:
    """Send a signal to the command's session, and to whatever else has come of it."""
    if child is not None:
        with contextlib.suppress(OSError):
            os.killpg(child, number)
    for process in descendants(os.getpid()):
        with contextlib.suppress(OSError):
            os.kill(process, number)


def kill_all(child: int | None) -> None:
    """Kill everything, until nothing is there any more: what is killed may have started something meanwhile."""
    for _ in range(100):
        kill(child, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while reaped := os.waitpid(-1, os.WNOHANG)[0]:
                child = None if reaped == child else child
        if not descendants(os.getpid()):
            return
        time.sleep(0.01)


def resident_mib(processes: list[int]) -> float:
    """Return the MiB of memory that processes hold for themselves; files, and what is shared, do not count."""
    pages = 0
    for process in processes:
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = Path(f"/proc/{process}/statm").read_text().split()
            pages += int(fields[1]) - int(fields[2])
    return pages * PAGE / (1 << 20)


def listeners(port: int) -> list[str]:
    """Return the addresses, in hexadecimal as the kernel writes them, that something listens on. Linux only."""
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                address, _, number = fields[1].partition(":")
                if fields[3] == TCP_LISTEN and int(number, 16) == port:
                    found.append(address)
    return found


def is_loopback(address: str) -> bool:
    """Tell whether only the machine itself, or the container itself, could connect to an address."""
    if len(address) == 8:
        return address == "0100007F"
    return address in {"00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}


class Forwarder:
    """Takes connections at the task's address while the command listens, and passes them on.

    A command that listens on 127.0.0.1 only is not passed anything: in a container nobody could reach it. One whose
    port is the task's own port listens at the address itself: that the address is free is then all that is seen to.
    """

    def __init__(self, address: str, port: int, target: int):
        self._place = (address, port)
        self._target = target
        self._listener: socket.socket | None = None
        self._reachable: bool | None = None
        self._own = {"".join(f"{byte:02X}" for byte in reversed(socket.inet_aton(address))), *EVERYWHERE}
        self._bound = self._bind()
        self._is_direct = target == port
        if self._is_direct:
            self._bound.close()

    def _bind(self) -> socket.socket:
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(self._place)
        return bound

    def look(self) -> None:
        """Begin or cease to take connections, as the command does."""
        addresses = listeners(self._target) if LINUX else self._probe()
        if self._is_direct:
            addresses = [address for address in addresses if address in self._own]
        reachable = any(not is_loopback(address) for address in addresses)
        if reachable and self._listener is None and not self._is_direct:
            self._bound.listen(128)
            self._listener = self._bound
            threading.Thread(target=self._accept, args=(self._bound,), daemon=True).start()
        elif not reachable and self._listener is not None:
            self.close()
            self._bound = self._bind()
        if reachable != self._reachable and addresses:
            say("listening" if reachable else "unreachable", target=self._target)
            self._reachable = reachable

    def close(self) -> None:
        """Take no more connections."""
        with contextlib.suppress(OSError):
            self._bound.shutdown(socket.SHUT_RDWR)
        self._bound.close()
        self._listener = None

    def _probe(self) -> list[str]:
        """Without the kernel's table: whether something answers, wherever it listens."""
        if self._listener is not None:
            return ["answers"]
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.settimeout(1)
            return ["answers"] if probe.connect_ex(("127.0.0.1", self._target)) == 0 else []

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                incoming, _ = listener.accept()
                threading.Thread(target=self._pass, args=(incoming,), daemon=True).start()

    def _pass(self, incoming: socket.socket) -> None:
        # What cannot be delivered is reset, not ended: an end would look like the server's own.
        incoming.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        try:
            outgoing = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            incoming.close()
            return
        back = threading.Thread(target=copy, args=(outgoing, incoming), daemon=True)
        back.start()
        copy(incoming, outgoing)
        back.join()
        incoming.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
        incoming.close()
        outgoing.close()


def copy(source: socket.socket, target: socket.socket) -> None:
    """Pass bytes on in one direction until there are no more, then say so; a failure ends both directions."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class Log:
    """Keeps so much of the command's output, and reads the rest away."""

    def __init__(self, path: str, limit: int, times: str):
        self._file = Path(path).open("ab", buffering=0)  # noqa: SIM115 - open as long as the process
        self._times = Path(times).open("ab", buffering=0) if times else None  # noqa: SIM115
        self._limit = self._left = limit

    def take(self, data: bytes) -> None:
        """Keep a piece of output; a full disk loses it, and nothing else."""
        if self._left > 0:
            with contextlib.suppress(OSError):
                if self._times is not None:
                    # First, so that whoever reads the piece finds its time.
                    end = self._limit - self._left + min(len(data), self._left)
                    self._times.write(b"%d %d\n" % (end, time.time() * 1000))
                self._file.write(data[: self._left])
                if len(data) >= self._left:
                    self._file.write(b"\n[the rest of the output is not kept]\n")
        self._left -= len(data)


class Warden:
    """The life of one command."""

    def __init__(self, spec: dict[str, Any]):
        self._spec = spec
        self._output, writer = os.pipe()
        self._log = Log(spec["log"], spec.get("log_bytes", 1 << 20), spec.get("times", ""))
        self._forwarder = None
        if spec.get("address"):
            self._forwarder = Forwarder(spec["address"], spec["port"], spec["target"])
        self._child, self.failure = start(spec, writer)
        os.close(writer)
        self._killed_for: str | None = None
        self._kill_at: float | None = None
        self._next_weighing = 0.0
        self._requests = b""

    def run(self) -> None:
        """Watch the command until it, or whoever started this, is gone."""
        if self.failure is not None:
            say("failed", reason=self.failure.partition(" ")[0], message=self.failure.partition(" ")[2])
            return
        say("started", pid=self._child)
        status = None
        while status is None:
            self._read()
            self._look()
            process, found = os.waitpid(self._child, os.WNOHANG)
            status = found if process else None
        if self._forwarder is not None:
            self._forwarder.close()
        # The number is free for another's session now. What the command has left is below this process, on Linux.
        kill_all(None if LINUX else self._child)
        self._drain()
        code = os.waitstatus_to_exitcode(status)
        say(
            "exited",
            code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            killed_for=self._killed_for,
        )

    def _read(self) -> None:
        ready, _, _ = select.select([0, self._output], [], [], TICK_SECONDS)
        if self._output in ready:
            data = os.read(self._output, 65536)
            self._log.take(data)
            if not data:
                time.sleep(TICK_SECONDS)
        if 0 in ready:
            data = os.read(0, 65536)
            if not data:
                kill_all(self._child)
                self._remove()
                os._exit(0)
            self._requests += data
            while b"\n" in self._requests:
                line, _, self._requests = self._requests.partition(b"\n")
                self._stop(json.loads(line)["stop"])

    def _remove(self) -> None:
        """Remove the folder of a run whose end nobody else will see; other wardens are ending meanwhile."""
        for _ in range(20 if self._spec.get("remove") else 0):
            time.sleep(TICK_SECONDS)
            shutil.rmtree(self._spec["remove"], ignore_errors=True)

    def _stop(self, seconds: float) -> None:
        self._kill_at = time.monotonic() + seconds
        kill(self._child, signal.SIGTERM)

    def _look(self) -> None:
        if self._forwarder is not None:
            self._forwarder.look()
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            kill(self._child, signal.SIGKILL)
        limit = self._spec.get("memory")
        if not limit or not LINUX or time.monotonic() < self._next_weighing:
            return
        self._next_weighing = time.monotonic() + WEIGHING_SECONDS
        if resident_mib(descendants(os.getpid())) > limit:
            self._killed_for = "memory"
            kill(self._child, signal.SIGKILL)

    def _drain(self) -> None:
        while select.select([self._output], [], [], 0)[0]:
            data = os.read(self._output, 65536)
            if not data:
                return
            self._log.take(data)


def main() -> None:
    """Read what to run, run it, and leave nothing."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # whoever started this decides; its end is the input's end
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    line = b""
    while not line.endswith(b"\n"):
        data = os.read(0, 1)
        if not data:
            return
        line += data
    try:
        Warden(json.loads(line)).run()
    except OSError as error:
        reason = errno.errorcode.get(error.errno or 0, "OSError")
        say("failed", reason=reason, message=f"{error.filename or ''} {error.strerror}".strip())


if __name__ == "__main__":
    main()
