"""Print what generation, the checks and a run take, beside what others take for the same work.

Each row is a process of its own, measured from outside: CPU time with that of all it starts, wall time, and the memory
of its largest process, as medians. The rows take turns, so that a busy machine slows all of them; each has been run
once before, uncounted, with the caches that a second run of a person's finds. `--quick` counts one run of each;
`--peers` adds the CDK with many stacks, which takes minutes; `--write` renews docs/figures.md. Ends with 3 where a goal
is missed.
"""

from __future__ import annotations

import argparse
import ast
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from bench import large, startup  # noqa: E402 - after the path to them

CDK = ROOT / ".cache/bench-cdk"
CDK_FILES = ("app.js", "cdk.json", "package.json", "package-lock.json")
PAGE = ROOT / "docs/figures.md"
TEMPLATE = "templates/validation-pipeline.template.json"

GENERATE = "from pathlib import Path; from generator.documents import generate; generate(Path('.'))"
LINT = "import sys, cfnlint.api as api; api.lint(open(sys.argv[1]).read(), regions=['us-east-1'])"

BARE = "bare import of troposphere and awacs"
GENERATION = "generation of all documents"
UNCHANGED = "`make template`, nothing changed"
CHANGED = "`make template`, a setting changed"
CHECK = "check of both ASL documents"
REVIEW = "review of a changed setting, folder against folder"
LARGE_REVIEW = "review of a template whose 500 resources all changed"
LOAD = "the validator's load, not compiled, as in a cold start"
CFN_LINT = "cfn-lint of the template, one region"
RUN = "`build.py run`: the sample server to its verdict"
SYNTH = "CDK: the original stack, `cdk synth`"
APP = "CDK: the original stack, its app alone"


def many(count: int) -> str:
    """Return the name of the row of so many pipelines."""
    return f"{count} pipeline{'s' if count > 1 else ''} in one process"


def stacks(count: int) -> str:
    """Return the name of the CDK's row for as many."""
    return f"CDK: {count} stacks, its app alone"


@dataclass(frozen=True)
class Figures:
    """What one thing takes: CPU and wall time in seconds, the memory of its largest process in MiB."""

    cpu: float
    wall: float
    memory: float


@dataclass
class Row:
    """One thing that is measured."""

    name: str
    command: list[str]
    folder: Path = ROOT
    runs: int = 5
    environment: dict[str, str] = field(default_factory=dict)
    is_edited: bool = False
    """Change a setting before each run."""
    taken: list[Figures] = field(default_factory=list)

    def run(self) -> None:
        """Run it once more."""
        if self.is_edited:
            _edit(self.folder)
            shutil.rmtree(self.folder / ".cache", ignore_errors=True)
        begin = time.perf_counter()
        with subprocess.Popen(
            self.command,
            cwd=self.folder,
            env={**_environment(), **self.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            error = process.stderr.read() if process.stderr else b""
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"error: {self.name} ended with {process.returncode}: {error.decode()[-400:]}")
        unit = 1024 * 1024 if sys.platform == "darwin" else 1024
        cpu = usage.ru_utime + usage.ru_stime
        self.taken.append(Figures(cpu, time.perf_counter() - begin, usage.ru_maxrss / unit))

    @property
    def median(self) -> Figures:
        """The median of each figure."""
        return Figures(
            *(
                statistics.median(getattr(each, name) for each in self.taken)
                for name in ("cpu", "wall", "memory")
            )
        )


def rows(folder: Path, *, peers: bool) -> list[Row]:
    """Return what is measured, in copies of the project below a folder."""
    python = sys.executable
    project, edited, reviewed, cold = (
        _copy(folder / name) for name in ("project", "edited", "reviewed", "cold")
    )
    _edit(reviewed)
    subprocess.run(
        [python, "build.py", "template", "--no-lint"], cwd=reviewed, check=True, capture_output=True
    )
    return [
        Row(BARE, [python, "-c", bare_import()], runs=15),
        Row(GENERATION, [python, "-c", GENERATE], runs=15),
        *(
            Row(many(count), [python, "bench/many.py", str(count)], runs=runs)
            for count, runs in ((1, 5), (10, 5), (100, 3), (500, 3))
        ),
        Row(UNCHANGED, [python, "build.py", "template"], project),
        Row(CHANGED, [python, "build.py", "template"], edited, 3, is_edited=True),
        Row(CHECK, [python, "build.py", "check", "asl"]),
        Row(REVIEW, [python, "build.py", "review", str(project), str(reviewed)]),
        Row(LARGE_REVIEW, [python, "build.py", "review", *large.write(folder)], runs=3),
        Row(LOAD, [python, "-B", "-c", "import validator.handler"], cold),
        Row(CFN_LINT, [python, "-c", LINT, TEMPLATE], runs=3),
        Row(RUN, [python, "build.py", "run", "--json"], runs=3),
        *_cdk_rows(peers=peers),
    ]


def _cdk_rows(*, peers: bool) -> list[Row]:
    cdk = _cdk()
    if cdk is None:
        return []
    return [
        Row(APP, ["node", "app.js"], cdk, 3),
        Row(SYNTH, ["npx", "cdk", "synth", "-q"], cdk, 3),
        *(
            Row(stacks(count), ["node", "app.js"], cdk, 1, {"PIPELINES": str(count)})
            for count in ((100, 500) if peers else ())
        ),
    ]


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


def main() -> int:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="count one run of each row")
    parser.add_argument("--peers", action="store_true", help="measure the CDK with many stacks too")
    parser.add_argument("--write", action="store_true", help="write docs/figures.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = rows(Path(folder), peers=options.peers)
        disturbance = _measure(measured, is_quick=options.quick)
    figures = {row.name: row.median for row in measured}
    starts = startup.measure(runs=1 if options.quick else 9)
    # Only now: what this process holds in memory would be counted as its children's.
    from bench.critical_path import paths  # noqa: PLC0415

    waits = paths()
    goals = _goals(figures, starts, max(each.ours for each in waits))
    sections = [
        ["| Median | runs | CPU s | wall s | MiB |", "| --- | ---: | ---: | ---: | ---: |"]
        + [_line(row.name, len(row.taken), figures[row.name]) for row in measured],
        ["| Median, to the first request | CPU s | wall s |", "| --- | ---: | ---: |"]
        + [f"| {each.name} | {each.cpu:.3f} | {each.wall:.3f} |" for each in starts],
        ["| CPU time, compared | times |", "| --- | ---: |", *_compared(figures)],
        ["| A task starts in | waiting beyond AWS | the original's |", "| ---: | ---: | ---: |"]
        + [f"| {each.start:.0f} s | {each.ours:.1f} s | {each.original:.1f} s |" for each in waits],
        ["| Goal | | taken | allowed |", "| --- | --- | ---: | ---: |", *(goal.line for goal in goals)],
    ]
    print("\n\n".join("\n".join(section) for section in sections))
    print(f"\n{_machine()}; {disturbance}")
    if options.write:
        PAGE.write_text(_page(sections, disturbance), "utf-8")
        print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0 if all(goal.is_met for goal in goals) else 3


def _line(name: str, runs: int, figures: Figures) -> str:
    return f"| {name} | {runs} | {figures.cpu:.3f} | {figures.wall:.3f} | {figures.memory:.0f} |"


def _compared(figures: dict[str, Figures]) -> list[str]:
    pairs = [
        (SYNTH, GENERATION),
        (SYNTH, many(1)),
        (APP, GENERATION),
        (CFN_LINT, GENERATION),
        (CFN_LINT, CHECK),
        (stacks(100), many(100)),
        (stacks(500), many(500)),
        (GENERATION, BARE),
    ]
    return [
        f"| {more}, against: {less} | {figures[more].cpu / figures[less].cpu:.1f} |"
        for more, less in pairs
        if more in figures
    ]


@dataclass(frozen=True)
class Goal:
    """What was aimed at, and what it came to."""

    words: str
    taken: float
    allowed: float

    @property
    def is_met(self) -> bool:
        """Whether it is no more than allowed."""
        return self.taken <= self.allowed

    @property
    def line(self) -> str:
        """Its line of the table."""
        met = "met" if self.is_met else f"missed, {self.taken / self.allowed:.2f} times"
        return f"| {self.words} | {met} | {self.taken:.3f} | {self.allowed:.3f} |"


def _goals(figures: dict[str, Figures], starts: list[startup.Start], slowest: float) -> list[Goal]:
    bare, generation = figures[BARE].cpu, figures[GENERATION].cpu
    one, hundred, most = (figures[many(count)].cpu for count in (1, 100, 500))
    goals = [
        Goal(
            "generation: at most 1.5 times the bare import and 0.15 s of CPU", generation, 1.5 * bare + 0.15
        ),
        Goal("500 pipelines: at most 3 s of CPU", most, 3.0),
        Goal(
            "from 100 to 500 pipelines: linear, within a tenth (s of CPU)", most - one, (hundred - one) * 5.5
        ),
        Goal("`make template`, nothing changed: at most 0.3 s", figures[UNCHANGED].wall, 0.3),
        Goal("a review of our documents: at most 0.6 s of CPU", figures[REVIEW].cpu, 0.6),
        Goal("a review of 500 changed resources: at most 3 s of CPU", figures[LARGE_REVIEW].cpu, 3.0),
        Goal("the validator's load: at most 0.25 s of CPU", figures[LOAD].cpu, 0.25),
        Goal("a command's first request to AWS: within 0.3 s", max(each.wall for each in starts), 0.3),
        Goal("the critical path: at most 5 s beyond AWS", slowest, 5.0),
    ]
    if SYNTH in figures:
        goals.append(
            Goal("generation: at most a fiftieth of the CPU of `cdk synth`", generation, figures[SYNTH].cpu / 50)
        )  # fmt: skip
    if stacks(500) in figures:
        goals.append(
            Goal(
                "500 pipelines: at most a thirteenth of the CPU of the CDK's 500 (3 s where it takes 39)",
                most,
                figures[stacks(500)].cpu / 13,
            )
        )
    return goals


def _page(sections: list[list[str]], disturbance: str) -> str:
    measured, starts, compared, waits, goals = ("\n".join(section) for section in sections)
    return f"""# The figures

<!-- Made by `make bench ARGS="--peers --write"`. -->

Measured on {datetime.now(UTC):%Y-%m-%d}: {_machine()};
{disturbance}.

Seconds are this machine's, and change with it, by the hour where it is shared; how often one thing goes into another
changes less. Each row is a process of its own, and the rows take turns. CPU time is that of a process and of all that it
starts; memory is that of its largest process.

## What it takes

{measured}

The CDK's app is the original pipeline, written from its description (`bench/cdk/`); `cdk synth` runs with its
defaults. Our documents hold more than the original's: two state machines, alarms, flow logs, the sweeper, a dashboard,
two more templates and six pages. Many pipelines in one process share the parts of the template that their settings agree
in; each has names, documents and policies of its own.

## Until a command asks AWS

From a command's start to its first request, which a server on this machine takes: Python's start, the imports, the
check of the documents, the client. What AWS takes then is not in it.

{starts}

## Beside others

{compared}

## The goals

The goals in seconds are for a machine on which the bare import takes 0.1 s of CPU, and the CDK 21 to 39 s for 500 stacks.

{goals}

## The critical path

An execution on the virtual clock, with published times of a task's start. What AWS takes itself is not counted.

{waits}
"""


def _machine() -> str:
    return f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"


def _busy_seconds() -> float:
    """Return how long this machine's cores have worked, for whomever; 0 where the system does not tell."""
    try:
        fields = Path("/proc/stat").read_text("utf-8").splitlines()[0].split()[1:9]
    except OSError:
        return 0.0
    idle = int(fields[3]) + int(fields[4])
    return (sum(map(int, fields)) - idle) / os.sysconf("SC_CLK_TCK")


def _measure(measured: list[Row], *, is_quick: bool) -> str:
    """Run every row as often as it wants, in turns; returns how busy others kept the machine meanwhile."""
    for row in measured:
        if row.runs > 1:
            row.run()
            row.taken.clear()
    begin, busy = time.perf_counter(), _busy_seconds()
    turns = 1 if is_quick else max(row.runs for row in measured)
    for turn in range(turns):
        for row in measured:
            if turn * row.runs % turns < row.runs:  # so many times, spread over all turns
                row.run()
    others = _busy_seconds() - busy - sum(each.cpu for row in measured for each in row.taken)
    cores = (time.perf_counter() - begin) * (os.cpu_count() or 1)
    return (
        f"other work took {max(0.0, others / cores):.0%} of the cores meanwhile"
        if busy
        else "under Linux it would be told how busy others kept the cores"
    )


def _environment() -> dict[str, str]:
    """Return this process's environment; what is imported again is compiled no second time, as for a person."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _copy(folder: Path) -> Path:
    """Copy what `make template` reads and writes, with its cache, so that nothing here is changed."""
    for name in (
        "generator",
        "review",
        "states_language",
        "validator",
        "asl",
        "templates",
        "docs",
        ".cache/lint",
    ):
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("build.py", "settings.yaml", "README.md", ".cfnlintrc"):
        shutil.copy(ROOT / name, folder)
    return folder


def _edit(project: Path) -> None:
    path = project / "settings.yaml"
    text = path.read_text("utf-8")
    old = next(line for line in text.splitlines() if line.lstrip().startswith("retention_days:"))
    days = "60" if " 30 " in old else "30"
    path.write_text(
        text.replace(old, old.replace(" 30 ", f" {days} ").replace(" 60 ", f" {days} ")), encoding="utf-8"
    )


def _cdk() -> Path | None:
    """Put the CDK into the cache, by its lock, where npm is at hand."""
    if not (shutil.which("npm") and shutil.which("node")):
        print("the CDK is not measured: npm is not at hand")
        return None
    current = "".join((ROOT / "bench/cdk" / name).read_text("utf-8") for name in CDK_FILES)
    stamp = CDK / ".installed"
    if not stamp.exists() or stamp.read_text("utf-8") != current:
        print("fetching the CDK (a minute, once)")
        CDK.mkdir(parents=True, exist_ok=True)
        for name in CDK_FILES:
            shutil.copy(ROOT / "bench/cdk" / name, CDK)
        install = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
        subprocess.run(install, cwd=CDK, check=True)
        stamp.write_text(current, encoding="utf-8")
    return CDK


if __name__ == "__main__":
    sys.exit(main())
