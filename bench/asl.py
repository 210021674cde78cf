"""Compare the interpreter with the emulator's own engine on one suite of ASL's semantics, side by side.

The suite is the tests' own: `tests/states_language/cases/`, each case with its evidence. On the emulator a case is a
state machine that is created and started, its calls answered by MiniStack's mocks, its waits scaled to nothing. What
that cannot express is left out and counted: durations, time limits, heartbeats, sizes, the time of day, the context
object, S3's objects, a call that is answered differently when it is retried. States inside others are not compared:
MiniStack's history leaves them out. Prints a table of the cases that each engine gets right; with `--wrong`, also each case that one of them gets wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from runner import emulator  # noqa: E402 - found through the line before
from states_language.interpreter import TaskFailed, execute  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CASES = ROOT / "tests/states_language/cases"
COMPARED = ("output", "error", "status")
UNTIMED = {"seconds", "heartbeats", "large"}
PATIENCE_SECONDS = 20
NAME = "mocked"


@dataclass(frozen=True)
class Case:
    """One entry of the suite."""

    topic: str
    name: str
    document: Mapping[str, Any]
    input: Any
    answers: Mapping[str, list[dict[str, Any]]]
    expected: Mapping[str, Any]


Found = dict[str, Any]


def suite() -> tuple[list[Case], int]:
    """Return the cases that both engines can be asked, and the number of those that they cannot."""
    cases, left_out = [], 0
    for path in sorted(CASES.glob("*.yaml")):
        for entry in yaml.safe_load(path.read_text("utf-8")):
            answers = {
                state: given if isinstance(given, list) else [given]
                for state, given in entry.get("tasks", {}).items()
            }
            nested = any(state["Type"] in {"Parallel", "Map"} for state in document(entry)["States"].values())
            expected = {name: entry[name] for name in COMPARED if name in entry}
            expected |= {"visited": entry["visited"]} if "visited" in entry and not nested else {}
            timed = any(UNTIMED & answer.keys() for each in answers.values() for answer in each)
            timed = timed or "TimeoutSeconds" in entry.get("machine", {})
            varied = any(len(each) > 1 for each in answers.values())
            of_now = isinstance(expected.get("output"), dict) and "now" in expected["output"]
            hidden = timed or varied or of_now or "context" in entry or path.stem == "distributed"
            if not expected or hidden:
                left_out += 1
                continue
            cases.append(
                Case(path.stem, entry["name"], document(entry), entry.get("input", {}), answers, expected)
            )
    return cases, left_out


def document(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a case's document; a state alone is the end."""
    states = entry["states"] if "states" in entry else {"State": {**entry["state"]}}
    if "state" in entry and entry["state"]["Type"] not in {"Succeed", "Fail", "Choice"}:
        states["State"].setdefault("End", True)
    return {"StartAt": next(iter(states)), "States": states, **entry.get("machine", {})}


def is_right(case: Case, found: Found) -> bool:
    """Tell whether an engine did what is expected."""
    status = case.expected.get("status", "FAILED" if "error" in case.expected else "SUCCEEDED")
    return found.get("status") == status and all(
        found.get(name) == value for name, value in case.expected.items() if name != "status"
    )


def ours(case: Case) -> Found:
    """Execute a case with the interpreter."""
    left = {state: list(answers) for state, answers in case.answers.items()}

    def answer(resource: str, _parameters: Any, context: dict[str, Any]) -> Any:
        name = context["State"]["Name"]
        answers = left[name if name in left else resource]
        given = answers.pop(0) if len(answers) > 1 else answers[0]
        if "error" in given:
            raise TaskFailed(given["error"], given.get("cause"))
        return given.get("result")

    execution = execute(case.document, case.input, call_task=answer)
    return {
        "status": str(execution.status),
        "output": execution.output,
        "error": execution.error,
        "visited": list(execution.visited),
    }


def mocks(cases: list[Case]) -> dict[str, Any]:
    """Return the cases' answers as MiniStack's mocks: a response for each attempt, the last one for all after it."""
    tests, responses = {}, {}
    for number, case in enumerate(cases):
        tests[f"case{number}"] = {state: f"case{number}-{state}" for state in case.answers}
        for state, answers in case.answers.items():
            attempts = [*answers, *[answers[-1]] * 12]
            responses[f"case{number}-{state}"] = {
                str(attempt): {"Throw": {"Error": each["error"], "Cause": each.get("cause") or ""}}
                if "error" in each
                else {"Return": each.get("result")}
                for attempt, each in enumerate(attempts)
            }
    machines = {
        f"{NAME}{number}": {"TestCases": {f"case{number}": tests[f"case{number}"]}}
        for number in range(len(cases))
    }
    return {"StateMachines": machines, "MockedResponses": responses}


def theirs(running: emulator.Emulator, number: int, case: Case) -> Found:
    """Execute a case on the emulator."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - as in the project

    client = running.client("stepfunctions")
    role = f"arn:aws:iam::{emulator.ACCOUNT}:role/any"
    try:
        definition = json.dumps(case.document)
        arn = client.create_state_machine(name=f"{NAME}{number}", definition=definition, roleArn=role)[
            "stateMachineArn"
        ]
        suffix = f"#case{number}" if case.answers else ""
        started = client.start_execution(stateMachineArn=f"{arn}{suffix}", input=json.dumps(case.input))
    except ClientError as error:
        return {"status": "REFUSED", "error": error.response["Error"]["Code"]}
    deadline = time.monotonic() + PATIENCE_SECONDS
    described: dict[str, Any] = {"status": "RUNNING"}
    while described["status"] == "RUNNING" and time.monotonic() < deadline:
        time.sleep(0.01)
        described = client.describe_execution(executionArn=started["executionArn"])
    history = client.get_execution_history(executionArn=started["executionArn"], maxResults=1000)["events"]
    return {
        "status": described["status"],
        "output": json.loads(described["output"]) if "output" in described else None,
        "error": described.get("error"),
        "visited": [event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event],
    }  # fmt: skip


def on_emulator(cases: list[Case]) -> list[Found]:
    """Execute all cases on an emulator that lives as long."""
    with tempfile.TemporaryDirectory(prefix="toolshed-") as name:
        folder = Path(name)
        (folder / "mocks.json").write_text(json.dumps(mocks(cases)))
        python = emulator.make_environment(ROOT, print)
        settings = {"SFN_WAIT_SCALE": "0", "SFN_MOCK_CONFIG": str(folder / "mocks.json")}
        running = emulator.start(python, folder, settings=settings)
        try:
            with ThreadPoolExecutor(8) as threads:
                return list(threads.map(lambda pair: theirs(running, *pair), enumerate(cases)))
        finally:
            emulator.stop(running)


def rows(cases: list[Case], mine: list[bool], other: list[bool]) -> Iterator[tuple[str, int, int, int]]:
    """Yield a line for each topic, and one for all."""
    topics = sorted({case.topic for case in cases})
    for topic in topics:
        chosen = [number for number, case in enumerate(cases) if case.topic == topic]
        yield (
            topic,
            len(chosen),
            sum(mine[number] for number in chosen),
            sum(other[number] for number in chosen),
        )
    yield "all", len(cases), sum(mine), sum(other)


def main() -> int:
    """Print the table; ends with 3 where the interpreter gets a case wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wrong", action="store_true", help="also print each case that an engine gets wrong")
    arguments = parser.parse_args()
    cases, left_out = suite()
    began = time.perf_counter()
    mine = [is_right(case, ours(case)) for case in cases]
    seconds = time.perf_counter() - began
    found = on_emulator(cases)
    other = [is_right(case, each) for case, each in zip(cases, found, strict=True)]
    print(f"{'topic':12}{'cases':>7}{'interpreter':>13}{'MiniStack ' + emulator_version():>18}")
    for topic, count, right, right_there in rows(cases, mine, other):
        print(f"{topic:12}{count:7}{right:13}{right_there:18}")
    print(
        f"{left_out} cases of the suite cannot be asked of both; the interpreter took {seconds * 1000:.0f} ms for these"
    )
    if arguments.wrong:
        for case, right, right_there, each in zip(cases, mine, other, found, strict=True):
            if not (right and right_there):
                who = "both" if not (right or right_there) else "MiniStack" if right else "the interpreter"
                print(
                    f"{who}: {case.topic}: {case.name}\n    expected {dict(case.expected)}\n    MiniStack {each}"
                )
    return 0 if all(mine) else 3


def emulator_version() -> str:
    """Return the emulator's pinned version."""
    from runner.emulator_process import VERSION  # noqa: PLC0415 - only its name is needed

    return VERSION


if __name__ == "__main__":
    sys.exit(main())
