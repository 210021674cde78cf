"""Measure generation against the bare import of the troposphere modules that it uses, side by side.

Prints a table of medians; ends with 3 where generation takes more than its share. Each run is a process of its own,
and the two kinds take turns, so that a busy machine slows both.
"""

from __future__ import annotations

import ast
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
RUNS = 15
FACTOR, ALLOWANCE = 1.5, 0.150
"""Generation may take this many times the bare import, and this many seconds of CPU on top."""

GENERATION = "from pathlib import Path; from generator.documents import generate; generate(Path('.'))"


def bare_import() -> str:
    """Return a program that imports the troposphere and awacs modules that the generator imports, and nothing else."""
    modules: set[str] = set()
    for path in (ROOT / "generator").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module in ("troposphere", "awacs"):
                # `from troposphere import ec2` names a module; `from troposphere import Ref` does not.
                modules |= {node.module} | {
                    f"{node.module}.{alias.name}" for alias in node.names if alias.name.islower()
                }
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module)
    return "import " + ", ".join(
        sorted(each for each in modules if each.split(".")[0] in ("troposphere", "awacs"))
    )


def measure(program: str) -> tuple[float, float, float]:
    """Run a program, and return its CPU and wall time in seconds and its peak memory in MiB."""
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"error: the program ended with {process.returncode}: {program}")
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - begin, usage.ru_maxrss / unit


def main() -> int:
    """Print the table."""
    programs = {"bare import of troposphere": bare_import(), "generation of all documents": GENERATION}
    for program in programs.values():
        measure(program)  # the first run compiles
    runs: dict[str, list[tuple[float, float, float]]] = {name: [] for name in programs}
    for _ in range(RUNS):
        for name, program in programs.items():
            runs[name].append(measure(program))
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in runs.items()
    }
    print(f"{'medians of ' + str(RUNS) + ' runs':<30}{'CPU s':>8}{'wall s':>8}{'MiB':>8}")
    for name, (cpu, wall, memory) in medians.items():
        print(f"{name:<30}{cpu:>8.3f}{wall:>8.3f}{memory:>8.0f}")
    bare, generation = (row[0] for row in medians.values())
    allowed = FACTOR * bare + ALLOWANCE
    print(
        f"allowed: {FACTOR} x {bare:.3f} + {ALLOWANCE:.3f} = {allowed:.3f} s of CPU; taken: {generation:.3f}"
    )
    return 0 if generation <= allowed else 3


if __name__ == "__main__":
    sys.exit(main())
