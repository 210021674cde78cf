"""Run a distributed Map: each item, or batch of items, is an execution of its own with a history of its own.

Evidence: documentation (page "Distributed mode" and those of ItemReader, ItemBatcher, ResultWriter and
tolerated failures), unless a comment says otherwise.
"""

from __future__ import annotations

import csv
import io
import json
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from states_language.interpreter.branch import Branch
from states_language.interpreter.data import to_text
from states_language.interpreter.errors import (
    EXCEED_TOLERATED_FAILURE_THRESHOLD,
    ITEM_READER_FAILED,
    RESULT_WRITER_FAILED,
    RUNTIME,
    StateFailure,
    TaskFailed,
)
from states_language.interpreter.history import EVENT_LIMIT, History, HistoryFull, failure_details
from states_language.interpreter.inputs import iteration_input, number_field, selected_items
from states_language.interpreter.tasks import Took

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from states_language.document import Map, StateMachine
    from states_language.interpreter.data import View
    from states_language.interpreter.parallel import RunScope
    from states_language.interpreter.schedule import Flow, Job

CONCURRENCY = 10_000
"""Child executions that run at once at most."""

_DELIMITERS = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}


class Child(NamedTuple):
    """A child execution."""

    position: int
    input: Any
    branch: Branch
    job: Job


def run_distributed(branch: Branch, state: Map, view: View, run_scope: RunScope) -> Flow:
    """Run the child executions and give their outputs in the order of the items, or what the writer answers."""
    fields = state.fields
    items = _read_items(branch, fields, view) if "ItemReader" in fields else selected_items(fields, view)
    inputs = [iteration_input(fields, view, index, item) for index, item in enumerate(items)]
    if "ItemBatcher" in fields:
        inputs = list(_batches(inputs, fields["ItemBatcher"], view))
    branch.record("MapStateStarted", {"length": len(items)})
    arn = _map_run_arn(branch, state)
    branch.record("MapRunStarted", {"mapRunArn": arn})
    children = yield from _run_children(branch, state, view, run_scope, inputs)
    try:
        _check_tolerance(fields, view, children, len(inputs))
        result = _result(branch, state, view, children, arn)
    except StateFailure as failure:
        branch.record("MapRunFailed", failure_details(failure.error, failure.cause))
        branch.remark("MapStateFailed")
        raise
    branch.record("MapRunSucceeded")
    branch.remark("MapStateSucceeded")
    return result


# The items


def _call(branch: Branch, resource: str, parameters: Any, view: View, error: str) -> Any:
    """Call an integration that reads items or writes results; its failure gets the given name."""
    parameters = json.loads(to_text(parameters))
    try:
        answer = branch.run.call_task(resource, parameters, view.context)
    except TaskFailed as failure:
        raise StateFailure(error, f"{failure.error}: {failure.cause}") from failure
    if isinstance(answer, Took):
        if answer.failure is not None:
            raise StateFailure(error, f"{answer.failure.error}: {answer.failure.cause}")
        answer = answer.result
    return json.loads(to_text(answer))


def _read_items(branch: Branch, fields: Mapping[str, Any], view: View) -> list[Any]:
    """Read the data set through `call_task`: `s3:getObject` answers with `Body`, `s3:listObjectsV2` with `Contents`."""
    reader = fields["ItemReader"]
    resource = str(reader.get("Resource", ""))
    settings = reader.get("ReaderConfig", {})
    answer = _call(branch, resource, view.fill(reader.get(view.parameters, {})), view, ITEM_READER_FAILED)
    if resource.endswith(":listObjectsV2"):
        items = answer.get("Contents", []) if isinstance(answer, dict) else answer
    else:
        body = answer["Body"] if isinstance(answer, dict) and "Body" in answer else answer
        items = _parse(body, settings, view)
    if not isinstance(items, list):
        raise StateFailure(ITEM_READER_FAILED, "The data set that ItemReader reads must be an array.")
    most = number_field(view, settings, "MaxItems")
    return items if not most else items[: int(most)]


def _parse(body: Any, settings: Mapping[str, Any], view: View) -> Any:
    kind = settings.get("InputType", "JSON")
    if not isinstance(body, str):
        return body
    try:
        match kind:
            case "CSV":
                return _parse_csv(body, settings, view)
            case "JSONL":
                return [json.loads(line) for line in body.splitlines() if line.strip()]
            case "JSON":
                return _at_pointer(json.loads(body), settings.get("ItemsPointer", ""))
            case _:
                raise StateFailure(ITEM_READER_FAILED, f"Items of the type {kind} cannot be read here.")
    except ValueError as error:
        raise StateFailure(ITEM_READER_FAILED, f"The data set is no {kind}: {error}") from error


def _at_pointer(value: Any, pointer: str) -> Any:
    """Return what a JSON pointer leads to."""
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (LookupError, TypeError, ValueError) as error:
            raise StateFailure(ITEM_READER_FAILED, f"ItemsPointer '{pointer}' leads nowhere.") from error
    return value


def _parse_csv(body: str, settings: Mapping[str, Any], view: View) -> list[Any]:
    delimiter = _DELIMITERS.get(settings.get("CSVDelimiter", "COMMA"), ",")
    rows = [row for row in csv.reader(io.StringIO(body), delimiter=delimiter) if row]
    if settings.get("CSVHeaderLocation") == "GIVEN":
        header = view.fill(settings.get("CSVHeaders", []))
    else:
        header, rows = (rows[0], rows[1:]) if rows else ([], [])
    # A row that is too short leaves fields empty, one that is too long loses the rest (documentation).
    return [dict(zip(header, [*row, *[""] * (len(header) - len(row))], strict=False)) for row in rows]


def _batches(items: Iterable[Any], settings: Mapping[str, Any], view: View) -> Iterable[dict[str, Any]]:
    """Group items into the inputs of child executions, by number and by size."""
    most = number_field(view, settings, "MaxItemsPerBatch")
    largest = number_field(view, settings, "MaxInputBytesPerBatch")
    shared = {"BatchInput": view.fill(settings["BatchInput"])} if "BatchInput" in settings else {}
    batch: list[Any] = []
    for item in items:
        bigger = {**shared, "Items": [*batch, item]}
        is_full = (most and len(batch) >= most) or (largest and len(to_text(bigger).encode()) > largest)
        if batch and is_full:
            yield {**shared, "Items": batch}
            batch = []
        batch = [*batch, item]
    if batch:
        yield {**shared, "Items": batch}


# The child executions


def _run_children(branch: Branch, state: Map, view: View, run_scope: RunScope, inputs: list[Any]) -> Flow:
    """Run the children, as many at once as allowed, until all are done or too many have failed."""
    concurrency = min(int(number_field(view, state.fields, "MaxConcurrency") or CONCURRENCY), CONCURRENCY)
    machine = state.processor
    assert machine is not None  # noqa: S101 - a Map without one is refused before
    waiting = deque(enumerate(inputs))
    children: list[Child] = []
    running: list[Child] = []
    try:
        while waiting or running:
            while waiting and len(running) < concurrency:
                index, value = waiting.popleft()
                child = _child_branch(branch, state, index, value)
                flow = _child_flow(child, machine, value, run_scope)
                running.append(Child(index, value, child, branch.run.scheduler.start(flow)))
            if not any(child.job.done for child in running):
                yield [child.job for child in running]
            children += [child for child in running if child.job.done]
            running = [child for child in running if not child.job.done]
            if _is_over_tolerance(state.fields, view, children, len(inputs)):
                branch.run.abort(child.job for child in running)
                break
    except BaseException:
        branch.run.abort(child.job for child in running)
        raise
    return sorted(children, key=lambda child: child.position)


def _child_branch(branch: Branch, state: Map, index: int, value: Any) -> Branch:
    """Return the branch of a child execution: a history of its own, and no variables of the parent."""
    execution = branch.context["Execution"]
    name = f"{execution['Name']}-{state.name}-{index}"
    own = {**execution, "Name": name, "Input": value, "Id": f"{execution['Id']}/{state.name}:{name}"}
    run = replace(branch.run, history=History(branch.run.clock, None), aborting_event=None)
    return Branch(run, {**branch.context, "Execution": own})


def _child_flow(branch: Branch, machine: StateMachine, value: Any, run_scope: RunScope) -> Flow:
    try:
        return (yield from run_scope(branch, machine, value))
    except HistoryFull as full:
        cause = f"The execution reached the maximum number of history events ({EVENT_LIMIT})."
        raise StateFailure(RUNTIME, cause) from full


def _is_over_tolerance(fields: Mapping[str, Any], view: View, children: list[Child], total: int) -> bool:
    """Tell whether more children failed than are tolerated; with a count and a share, either may be exceeded."""
    failed = sum(1 for child in children if child.job.failure is not None)
    count = number_field(view, fields, "ToleratedFailureCount")
    share = number_field(view, fields, "ToleratedFailurePercentage")
    if count is None and share is None:
        return failed > 0
    return (count is not None and failed > count) or (share is not None and failed * 100 > share * total)


def _check_tolerance(fields: Mapping[str, Any], view: View, children: list[Child], total: int) -> None:
    if _is_over_tolerance(fields, view, children, total):
        raise StateFailure(
            EXCEED_TOLERATED_FAILURE_THRESHOLD,
            "The specified tolerated failure threshold was exceeded",
        )


def _map_run_arn(branch: Branch, state: Map) -> str:
    machine = branch.context["StateMachine"]["Id"].replace(":stateMachine:", ":mapRun:")
    return f"{machine}/{state.name}:{branch.run.random.getrandbits(128):032x}"


# The result


def _result(branch: Branch, state: Map, view: View, children: list[Child], arn: str) -> Any:
    writer = state.fields.get("ResultWriter", {})
    if "Resource" not in writer:
        # What stands in the place of a tolerated failure: unverified; here it is left out.
        return [child.job.value for child in children if child.job.failure is None]
    parameters = view.fill(writer.get(view.parameters, {}))
    bucket = str(parameters.get("Bucket", ""))
    folder = "/".join(
        part for part in (str(parameters.get("Prefix", "")).strip("/"), arn.rsplit(":", 1)[-1]) if part
    )
    files: dict[str, list[dict[str, Any]]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
    for status, rows in (
        ("SUCCEEDED", _rows(children, failed=False)),
        ("FAILED", _rows(children, failed=True)),
    ):
        if rows:
            key, body = f"{folder}/{status}_0.json", to_text(rows)
            files[status].append({"Key": key, "Size": len(body.encode())})
            _write(branch, view, writer["Resource"], {"Bucket": bucket, "Key": key, "Body": body})
    manifest = {"DestinationBucket": bucket, "MapRunArn": arn, "ResultFiles": files}
    key = f"{folder}/manifest.json"
    _write(branch, view, writer["Resource"], {"Bucket": bucket, "Key": key, "Body": to_text(manifest)})
    return {"MapRunArn": arn, "ResultWriterDetails": {"Bucket": bucket, "Key": key}}


def _write(branch: Branch, view: View, resource: str, parameters: dict[str, Any]) -> None:
    _call(branch, resource, parameters, view, RESULT_WRITER_FAILED)


def _rows(children: list[Child], *, failed: bool) -> list[dict[str, Any]]:
    """Return the entries of a result file, in the fields of DescribeExecution."""
    rows = []
    for child in children:
        failure = child.job.failure
        if (failure is not None) is not failed:
            continue
        execution = child.branch.context["Execution"]
        row = {"ExecutionArn": execution["Id"], "Input": to_text(child.input), "Name": execution["Name"]}
        if failure is None:
            row |= {"Output": to_text(child.job.value), "Status": "SUCCEEDED"}
        else:
            row |= {"Error": failure.error, "Cause": failure.cause or "", "Status": "FAILED"}
        rows.append(row)
    return rows
