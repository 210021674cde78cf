"""Compare the review with @aws-cdk/cloudformation-diff on the cases of the tests, side by side.

What is right was written by hand (tests/review/expectations.yaml). The peer has one word for wider permissions and
for network exposure, `permissionsBroadened`; it does not speak of data loss or safeguards, and reads no definition.
Prints a table; ends with 3 where the peer is right and the review is not. Without npm it prints the review alone.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from review.classify import verdict
from review.compare import compare
from review.documents import read

ROOT = Path(__file__).parent.parent
CASES = ROOT / "tests/review/cases"
PEER = "@aws-cdk/cloudformation-diff@2.187.5"
CACHE = ROOT / ".cache/cloudformation-diff"
QUESTIONS = {"broadened": {"wider", "exposure"}, "replaced": {"replacement"}}
"""What both answer, and the gates that answer it here."""


def pairs() -> dict[str, tuple[Any, Any]]:
    """Return the documents of the cases."""
    return {
        folder.name: tuple(
            json.loads((folder / f"{side}.json").read_text("utf-8")) for side in ("before", "after")
        )
        for folder in sorted(CASES.iterdir())
    }


def ours(before: Any, after: Any) -> tuple[set[str], float]:
    """Return the gates that the review names, and how long it took, in milliseconds."""
    start = time.perf_counter()
    sides = [{"": read(json.dumps(value).encode(), "document.json")} for value in (before, after)]
    counts = verdict(compare(*sides)).counts
    return {gate for gate, count in counts.items() if count}, (time.perf_counter() - start) * 1000


def peer(documents: dict[str, tuple[Any, Any]]) -> dict[str, Any]:
    """Return what the peer says; nothing where there is no npm."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        return {}
    if not (CACHE / "node_modules").is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(CACHE), PEER],
            check=True,
        )
    done = subprocess.run(
        [
            "node",
            str(ROOT / "bench/review_peer.cjs"),
            str(CACHE / "node_modules/@aws-cdk/cloudformation-diff"),
        ],
        input=json.dumps(documents),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> int:
    """Print the table, and return the exit code."""
    documents = pairs()
    expectations = yaml.safe_load((CASES.parent / "expectations.yaml").read_text("utf-8"))
    said = peer({name: pair for name, pair in documents.items() if "Resources" in pair[0]})
    right = {"review": 0, "peer": 0}
    worse: list[str] = []
    asked = 0
    spent = 0.0
    print(f"{'case':42} {'question':10} {'right':6} {'review':7} {'peer':6}")
    definitions = 0
    for name, (before, after) in documents.items():
        if "Resources" not in before:
            definitions += 1  # the peer reads no definition: it is not held against it
            continue
        gates, milliseconds = ours(before, after)
        spent += milliseconds
        for question, meant in QUESTIONS.items():
            expected = bool(meant & set(expectations[name]["gates"]))
            answer = bool(meant & gates)
            other = said.get(name, {}).get(question) if said else None
            asked += 1
            right["review"] += answer is expected
            right["peer"] += other is expected
            if other is expected and answer is not expected:
                worse.append(f"{name}: {question}")
            if other is not expected or answer is not expected:
                shown = "-" if other is None else _word(is_so=other)
                print(f"{name:42} {question:10} {_word(is_so=expected):6} {_word(is_so=answer):7} {shown:6}")
    print(
        f"\n{len(documents) - definitions} templates, {asked} questions: the review is right in {right['review']}",
        end="",
    )
    print(
        f", {PEER} in {right['peer']}" if said else "; npm is not installed, the peer was not asked", end=""
    )
    print(
        f". The review took {spent / (len(documents) - definitions):.1f} ms a case. "
        f"{definitions} more cases are definitions, of which the peer says nothing."
    )
    for line in worse:
        print(f"the peer is right where the review is not: {line}")
    return 3 if worse else 0


def _word(*, is_so: bool) -> str:
    return "yes" if is_so else "no"


if __name__ == "__main__":
    sys.exit(main())
