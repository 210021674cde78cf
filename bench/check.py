"""Measure the checker on a corpus of real documents and of mutants of them, and its speed.

The corpus is the folder `$ASL_CORPUS` (by default `../shared/asl-corpus`): `manifest.json` and
`mutants.jsonl`. Prints tables; ends with 3 where a figure is missed. With `--peers` a sample of the mutants
goes to cfn-lint, and to asl-validator and statelint where they are installed. `--missed` lists the mutants
that were not found, `--errors` the errors in documents that are meant to be right.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from states_language.checker import findings, severity_of  # noqa: E402 - the project is not installed
from states_language.contract import infer  # noqa: E402
from states_language.diagnostics import Severity  # noqa: E402

DOCUMENT: Final = ROOT / "asl" / "validation-pipeline.asl.json"
GRAPH: Final = {"next_missing_state": 0.97, "unreachable_state": 0.97}
SHARES: Final = {
    **GRAPH,
    "dollar_suffix_spurious": 1.0,
    "dollar_suffix_missing": 0.9,
    "error_name_wrong": 0.9,
}
"""The share of each class to be found as errors; 98 % where nothing else is said."""
OTHERS: Final = 0.98
WITH_CONTRACT, WARNED = 0.95, 0.60
"""Where only the input decides: errors under the inferred contract; warnings or errors without one."""
FALSE_ALARMS: Final = 0.01
CORPUS_SECONDS, WALL_SECONDS, STATES_SECONDS, MEGABYTES = 2.0, 0.35, 10.0, 200


@dataclass
class Row:
    """The figures of one class of mutants."""

    total: int = 0
    errors: int = 0
    warnings: int = 0
    contract: int = 0
    missed: list[str] = field(default_factory=list)


def corpus() -> Path | None:
    """Return the corpus's folder; None where there is none."""
    path = Path(os.environ.get("ASL_CORPUS", ROOT.parent / "shared" / "asl-corpus"))
    return path if (path / "manifest.json").is_file() else None


def mutate(document: Any, operations: list[list[Any]]) -> Any:
    """Return a copy of a document with a mutant's operations done: set, del, rename."""
    document = copy.deepcopy(document)
    for kind, steps, *value in operations:
        *before, last = steps
        here = document
        for step in before:
            here = here[step]
        if kind == "set":
            here[last] = value[0]
        elif kind == "del":
            del here[last]
        else:
            entries = [(value[0] if key == last else key, entry) for key, entry in here.items()]
            here.clear()
            here.update(entries)
    return document


def new_findings(document: Any, mutant: Any, schema: Any = None) -> Counter[Severity]:
    """Count, by severity, what is found in a mutant and not in its document."""
    before = {(entry.code, entry.pointer, entry.message) for entry in findings(document, schema)}
    found = [
        entry
        for entry in findings(mutant, schema)
        if (entry.code, entry.pointer, entry.message) not in before
    ]
    return Counter(severity_of(entry) for entry in found)


def measure_mutants(folder: Path, documents: dict[str, Any]) -> dict[tuple[str, bool], Row]:
    """Check every mutant; return the rows by class and by whether the fault is certain."""
    rows: defaultdict[tuple[str, bool], Row] = defaultdict(Row)
    for line in (folder / "mutants.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        document = documents[entry["document"]]
        mutant = mutate(document, entry["operations"])
        found = new_findings(document, mutant)
        row = rows[entry["class"], entry["closed"]]
        row.total += 1
        is_found = found[Severity.ERROR] > 0
        row.errors += is_found
        row.warnings += not is_found and found[Severity.WARNING] > 0
        if not entry["closed"]:
            is_found = new_findings(document, mutant, infer(document))[Severity.ERROR] > 0
            row.contract += is_found
        if not is_found:
            row.missed.append(
                f"{entry['document']} {entry['where']}: {entry['before']!r} -> {entry['after']!r}"
            )
    return dict(rows)


def print_mutants(rows: dict[tuple[str, bool], Row], *, missed: bool) -> bool:
    """Print the table; return whether every figure is reached."""
    print(f"{'mutants whose fault is certain':34}{'number':>8}{'errors':>9}{'at least':>10}")
    good = True
    for (name, closed), row in sorted(rows.items()):
        if closed:
            share, least = row.errors / row.total, SHARES.get(name, OTHERS)
            good = good and share >= least
            print(
                f"  {name:32}{row.total:>8}{share:>9.0%}{least:>10.0%}{'' if share >= least else '  MISSED'}"
            )
            _list(row.missed, wanted=missed)
    open_rows = [(name, row) for (name, closed), row in sorted(rows.items()) if not closed]
    print(
        f"\n{'… only if the input lacks it':34}{'number':>8}{'contract':>9}{'open input: error or warning':>31}"
    )
    for name, row in open_rows:
        share = row.contract / row.total
        warned = (row.errors + row.warnings) / row.total
        print(f"  {name:32}{row.total:>8}{share:>9.0%}{warned:>31.0%}")
        _list(row.missed, wanted=missed)
    total = sum(row.total for _, row in open_rows) or 1
    share = sum(row.contract for _, row in open_rows) / total
    warned = sum(row.errors + row.warnings for _, row in open_rows) / total
    reached = share >= WITH_CONTRACT and warned >= WARNED
    print(f"  {'all of them':32}{total:>8}{share:>9.0%}{warned:>31.0%}{'' if reached else '  MISSED'}")
    return good and reached


def _list(missed: list[str], *, wanted: bool) -> None:
    for line in missed if wanted else ():
        print(f"      {line[:160]}")


def print_positives(documents: dict[str, Any], manifest: list[dict[str, Any]], *, shown: bool) -> None:
    """Print in how many documents that are meant to be right an error is found; docs/corpus.md judges each."""
    print()
    for templated in (False, True):
        files = [
            row["file"] for row in manifest if row["intent"] == "positive" and row["templated"] is templated
        ]
        found = {
            name: [entry for entry in findings(documents[name]) if severity_of(entry) is Severity.ERROR]
            for name in files
        }
        with_errors = {name: entries for name, entries in found.items() if entries}
        kind = "templated" if templated else "not templated"
        print(f"documents meant to be right, {kind}: {len(files)}, with errors: {len(with_errors)}")
        for name, entries in with_errors.items() if shown else ():
            print(f"      {name}: {', '.join(sorted({entry.code for entry in entries}))}")


def measure_speed(documents: dict[str, Any]) -> bool:
    """Print the times and the memory; return whether they are in bounds."""
    start = time.perf_counter()
    for document in documents.values():
        findings(document)
    corpus_time = time.perf_counter() - start
    walls = []
    for _ in range(7):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "build.py", "check", str(DOCUMENT)], cwd=ROOT, capture_output=True, check=False
        )
        walls.append(time.perf_counter() - start)
    big = large_document(5000)
    start = time.perf_counter()
    findings(big)
    big_time = time.perf_counter() - start
    start = time.perf_counter()
    findings(large_document(2500))
    half_time = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = [
        (f"{len(documents)} documents, one process", corpus_time, CORPUS_SECONDS, "s"),
        ("build.py check on our document, wall (median of 7)", statistics.median(walls), WALL_SECONDS, "s"),
        ("a document of 5,000 states", big_time, STATES_SECONDS, "s"),
        ("memory of all this", memory, MEGABYTES, "MB"),
    ]
    print()
    for name, figure, most, unit in figures:
        print(f"{name:54}{figure:>8.2f} {unit:3} at most {most} {unit}{'' if figure <= most else '  MISSED'}")
    print(f"{'5,000 states against 2,500':54}{big_time / half_time:>8.2f} times")
    return all(figure <= most for _, figure, most, _ in figures)


def large_document(states: int) -> dict[str, Any]:
    """Return a document of about so many states: tasks, waits and Choices that loop, each task with a Catch."""
    found: dict[str, Any] = {}
    blocks = states // 4
    task = "arn:aws:states:::aws-sdk:ecs:"
    for block in range(blocks):
        following = f"Run{block + 1}" if block < blocks - 1 else "Done"
        catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Done"}]
        tasks = f"States.Array($.run{block}.Tasks[0].TaskArn)"
        found[f"Run{block}"] = {
            "Type": "Task",
            "Resource": f"{task}runTask",
            "Parameters": {"TaskDefinition.$": "$.definition", "ClientToken.$": "States.UUID()"},
            "ResultPath": f"$.run{block}",
            "Catch": catch,
            "Next": f"Wait{block}",
        }
        found[f"Wait{block}"] = {"Type": "Wait", "Seconds": 2, "Next": f"Describe{block}"}
        found[f"Describe{block}"] = {
            "Type": "Task",
            "Resource": f"{task}describeTasks",
            "Parameters": {"Tasks.$": tasks},
            "ResultPath": f"$.described{block}",
            "Catch": catch,
            "Next": f"IsRunning{block}",
        }
        variable = f"$.described{block}.Tasks[0].LastStatus"
        rule = {"Variable": variable, "StringEquals": "RUNNING", "Next": following}
        found[f"IsRunning{block}"] = {"Type": "Choice", "Choices": [rule], "Default": f"Wait{block}"}
    found["Done"] = {"Type": "Succeed"}
    return {"StartAt": "Run0", "States": found}


# Peers


def print_peers(folder: Path, documents: dict[str, Any], sample: int) -> None:
    """Give a sample of the mutants to the other checkers that are here; print what each newly finds."""
    lines = (folder / "mutants.jsonl").read_text("utf-8").splitlines()
    entries = random.Random(0).sample([json.loads(line) for line in lines], min(sample, len(lines)))  # noqa: S311
    peers = {name: path for name in ("cfn-lint", "asl-validator", "statelint") if (path := _find(name))}
    print(f"\nof {len(entries)} mutants:")
    ours = sum(
        new_findings(documents[entry["document"]], mutate(documents[entry["document"]], entry["operations"]))[
            Severity.ERROR
        ]
        > 0
        for entry in entries
    )
    print(f"  {'this checker':16}{ours:>5} found")
    for name, path in peers.items():
        found = 0
        for entry in entries:
            document = documents[entry["document"]]
            found += _complaints(name, path, mutate(document, entry["operations"])) > _complaints(
                name, path, document
            )
        print(f"  {name:16}{found:>5} found")
    for name in {"asl-validator", "statelint"} - set(peers):
        print(f"  {name:16} is not installed")


def _find(name: str) -> str | None:
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.is_file() else shutil.which(name)


def _complaints(name: str, path: str, document: Any) -> int:
    """Return how many lines a peer has to say about a document."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "machine.json"
        if name == "cfn-lint":
            properties = {
                "RoleArn": "arn:aws:iam::123456789012:role/r",
                "DefinitionString": json.dumps(document),
            }
            machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
            file.write_text(json.dumps({"Resources": {"Machine": machine}}))
            command = [path, "--format", "parseable", str(file)]
        else:
            file.write_text(json.dumps(document))
            command = [path, *(["--json-path"] if name == "asl-validator" else []), str(file)]
        # There, so that no configuration of this project is read: it appends this checker to cfn-lint.
        result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    return len((result.stdout + result.stderr).splitlines())


def main() -> int:
    """Print the tables; return 3 where a figure is missed, 1 where there is no corpus."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", action="store_true", help="run other checkers side by side")
    parser.add_argument("--sample", type=int, default=40, metavar="N", help="mutants that the peers get")
    parser.add_argument("--missed", action="store_true", help="list the mutants that were not found")
    parser.add_argument(
        "--errors", action="store_true", help="list the documents meant to be right that have errors"
    )
    options = parser.parse_args()
    folder = corpus()
    if folder is None:
        print("There is no corpus: set ASL_CORPUS to its folder.", file=sys.stderr)
        return 1
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    documents = {row["file"]: json.loads((folder / row["file"]).read_text("utf-8")) for row in manifest}
    good = print_mutants(measure_mutants(folder, documents), missed=options.missed)
    print_positives(documents, manifest, shown=options.errors)
    fast = measure_speed(documents)
    if options.peers:
        print_peers(folder, documents, options.sample)
    return 0 if good and fast else 3


if __name__ == "__main__":
    sys.exit(main())
