"""Print one table: what generation and the checks take, beside what others take for the same. `--quick`, `--peers`.

Each row is a process of its own, measured from outside: CPU and wall time and peak memory, the median of several runs;
the rows take turns, so that a busy machine slows all of them. `--quick` runs each once; `--peers` adds the CDK with many
pipelines, which takes a minute.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from bench.generation import bare_import  # noqa: E402

CDK = ROOT / ".cache/bench-cdk"
CDK_FILES = ("app.js", "cdk.json", "package.json", "package-lock.json")
GENERATION = "from pathlib import Path; from generator.documents import generate; generate(Path('.'))"
LINT = "import sys, cfnlint.api as api; api.lint(open(sys.argv[1]).read(), regions=['us-east-1'])"
TEMPLATE = "templates/validation-pipeline.template.json"


@dataclass
class Row:
    """One thing that is measured."""

    name: str
    command: list[str]
    folder: Path = ROOT
    runs: int = 5
    environment: dict[str, str] = field(default_factory=dict)
    edit: bool = False
    """Change a setting before each run."""
    taken: list[tuple[float, float, float]] = field(default_factory=list)

    def run(self) -> None:
        """Run it once, and keep its CPU and wall time in seconds and its peak memory in MiB."""
        if self.edit:
            _edit(self.folder)
        begin = time.perf_counter()
        with subprocess.Popen(
            self.command,
            cwd=self.folder,
            env={**os.environ, **self.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            error = process.stderr.read() if process.stderr else b""
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"error: {self.name} ended with {process.returncode}: {error.decode()[-400:]}")
        unit = 1024 * 1024 if sys.platform == "darwin" else 1024
        self.taken.append(
            (usage.ru_utime + usage.ru_stime, time.perf_counter() - begin, usage.ru_maxrss / unit)
        )

    @property
    def medians(self) -> list[float]:
        """CPU and wall time in seconds, peak memory in MiB."""
        return [statistics.median(column) for column in zip(*self.taken, strict=True)]


def rows(project: Path, *, peers: bool) -> list[Row]:
    """Return what is measured; `project` is a copy of this one, whose files may be changed."""
    python = sys.executable

    def program(name: str, code: str, *arguments: str, runs: int = 5) -> Row:
        return Row(name, [python, "-c", code, *arguments], runs=runs)

    found = [
        program("bare import of troposphere and awacs", bare_import(), runs=15),
        program("generation of all documents", GENERATION, runs=15),
        *(
            Row(f"{count} pipelines in one process", [python, "bench/many.py", str(count)], runs=runs)
            for count, runs in ((1, 5), (10, 5), (100, 3), (500, 3))
        ),
        Row("make template, unchanged", [python, "build.py", "template"], folder=project),
        Row("make template, changed", [python, "build.py", "template"], folder=project, runs=3, edit=True),
        Row("check of both documents", [python, "build.py", "check", "asl"]),
        program("cfn-lint of the template, one region", LINT, TEMPLATE, runs=3),
    ]
    if (cdk := _cdk()) is not None:
        found += [
            Row("CDK: the original stack, its app alone", ["node", "app.js"], folder=cdk, runs=3),
            Row("CDK: the original stack, cdk synth", ["npx", "cdk", "synth", "-q"], folder=cdk, runs=3),
        ]
        if peers:
            found += [
                Row(
                    f"CDK: {count} stacks, its app alone",
                    ["node", "app.js"],
                    cdk,
                    1,
                    {"PIPELINES": str(count)},
                )
                for count in (100, 500)
            ]
    return found


def main() -> int:
    """Print the table, and what it says of the goals; 3 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="run each row once")
    parser.add_argument("--peers", action="store_true", help="measure the CDK with many pipelines too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = rows(_copy(Path(folder)), peers=options.peers)
        for row in measured:
            if not options.quick and row.runs > 1:
                row.run()  # the first run compiles and fills caches
        for row in measured:
            row.taken.clear()
        for turn in range(max(row.runs for row in measured)):
            for row in measured:
                if turn < (1 if options.quick else row.runs):
                    row.run()
    print(f"{'median':<44}{'runs':>5}{'CPU s':>9}{'wall s':>9}{'MiB':>7}")
    for row in measured:
        cpu, wall, memory = row.medians
        print(f"{row.name:<44}{len(row.taken):>5}{cpu:>9.3f}{wall:>9.3f}{memory:>7.0f}")
    # Only now: what this process holds in memory would be counted as its children's.
    from bench.critical_path import paths  # noqa: PLC0415

    print()
    slowest = max(each.ours for each in paths())
    for each in paths():
        print(
            f"a task that starts in {each.start:>2.0f} s: {each.ours:4.1f} s of waiting, the original {each.original:4.1f} s"
        )
    return _goals({row.name: row.medians for row in measured}, slowest)


def _goals(medians: dict[str, list[float]], slowest: float) -> int:
    bare, generation = (medians[name][0] for name in list(medians)[:2])
    hundred, many = medians["100 pipelines in one process"][0], medians["500 pipelines in one process"][0]
    one = medians["1 pipelines in one process"][0]
    goals = [
        ("generation: at most 1.5 x the bare import + 0.15 s of CPU", generation, 1.5 * bare + 0.15),
        ("500 pipelines: at most 3 s of CPU", many, 3.0),
        ("from 100 to 500 pipelines: at most linear, with a tenth more", many - one, (hundred - one) * 5.5),
        ("unchanged make template: at most 0.3 s", medians["make template, unchanged"][1], 0.3),
        ("critical path: at most 5 s beyond AWS", slowest, 5.0),
    ]
    if "CDK: the original stack, cdk synth" in medians:
        synth = medians["CDK: the original stack, cdk synth"][0]
        goals.append(("generation: at most a fiftieth of cdk synth's CPU", generation, synth / 50))
    print()
    for goal, taken, allowed in goals:
        print(f"{'met   ' if taken <= allowed else 'missed'} {goal}: {taken:.3f} of {allowed:.3f}")
    return 0 if all(taken <= allowed for _, taken, allowed in goals) else 3


def _copy(folder: Path) -> Path:
    """Copy what `make template` reads and writes, with its cache, so that nothing here is changed."""
    for name in ("generator", "states_language", "validator", "asl", "templates", "docs", ".cache/lint"):
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
    shutil.rmtree(project / ".cache", ignore_errors=True)


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
