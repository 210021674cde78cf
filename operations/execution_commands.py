"""The commands about executions: start, execution, executions, logs."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deployer.console import (
    EXIT_ERROR,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    ROOT,
    Refused,
    account,
    note,
    of_stack,
    reaches_aws,
    table,
    told,
)
from operations.terminal import IS_JSON, echo, echo_json, width
from operations.times import Since

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from deployer.account import Account
    from operations.logs import Line
    from operations.outcome import Outcome
    from states_language.document import StateMachine

STATUSES = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
FILE = click.Path(path_type=Path, dir_okay=False)
LABELS = ("build", "task", "validator")
COLOURS = {"build": "cyan", "task": None, "validator": "magenta"}


@click.command()
@click.option("--repository", metavar="OWNER/NAME", help="What is built and judged.")
@click.option("--server-id", metavar="ID", help="The registry's name of the server.")
@click.option("--image-uri", metavar="URI", help="An image by digest, judged without a build.")
@click.option(
    "--input", "file", type=FILE, metavar="FILE", help="The whole input, as JSON, instead of these."
)
@click.option("--name", metavar="NAME", help="The execution's; else one is made from the server's ID.")
@click.option("--detach", is_flag=True, help="Start it, and do not follow it.")
@IS_JSON
@of_stack
@reaches_aws
def start(  # noqa: PLR0913 - its options
    *, repository: str | None, server_id: str | None, image_uri: str | None, file: Path | None, name: str | None,
    detach: bool, is_json: bool, stack_name: str, profile: str | None, region: str | None, endpoint_url: str | None,
) -> None:  # fmt: skip
    """Start a validation, follow it state by state, and print the verdict.

    Exits with 0 where the server is verified, 3 where it is rejected, 1 where the fault is ours. Ctrl-C stops
    watching; the execution goes on.
    """
    from operations import deployed, request  # noqa: PLC0415 - the help needs none of these
    from operations import start as starting  # noqa: PLC0415

    of = account(profile, region, endpoint_url)
    with told(of.access):
        _check_given(repository, server_id, image_uri, file, name)
        given = request.input_of(request.Wanted(repository, server_id, image_uri, file))
        stack = deployed.find(of, stack_name)
        named = name or request.name_of(given)
        text = request.text_of(given)
        try:
            arn = starting.start(of, stack.alias_arn, named, text, is_ours=name is None)
        except KeyboardInterrupt:
            note(f"it may have been started all the same: `python build.py execution {named}` tells")
            raise
        if not detach:
            if not is_json:
                note(f"started {named}")
            _follow(of, arn, named, stack.outputs, is_json=is_json, is_new=True)
        elif is_json:
            echo_json({"executionArn": arn, "name": named})
        else:
            click.echo(f"started {arn}")
            _note_ways(named)


def _check_given(repository: str | None, server_id: str | None, image_uri: str | None, file: Path | None, name: str | None) -> None:  # fmt: skip
    from operations.deployed import EXECUTION_NAME  # noqa: PLC0415 - the help needs it not

    if file is not None and (repository or server_id or image_uri):
        raise Refused(
            "--input holds the whole input: leave out --repository, --server-id and --image-uri", EXIT_USAGE
        )
    if file is None and (server_id is None or (repository is None and image_uri is None)):
        raise Refused(
            "what is to be validated? give --repository owner/name and --server-id ID, with --image-uri for an image "
            "that is built already; or --input FILE",
            EXIT_USAGE,
        )
    if name is not None and not EXECUTION_NAME.fullmatch(name):
        raise Refused(f"--name {name}: an execution's name has 1 to 80 letters, digits, - and _", EXIT_USAGE)


@click.command()
@click.argument("execution", metavar="EXECUTION|HISTORY-FILE")
@click.option("--follow", is_flag=True, help="Until it ends; exits as `start` does.")
@click.option("--stop", "is_stopped", is_flag=True, help="Stop it; what it leaves running is swept.")
@click.option("--reason", metavar="TEXT", help="With --stop: what its record says.")
@click.option("--output", "-o", type=FILE, metavar="FILE", help="Draw it as a page: the way it took, each input and output.")  # fmt: skip
@click.option("--definition", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The ASL document that was executed; else the deployed one, or one under asl/ that has its states.")  # fmt: skip
@IS_JSON
@of_stack
@reaches_aws
def execution(  # noqa: PLR0913 - its options
    *, execution: str, follow: bool, is_stopped: bool, reason: str | None, output: Path | None, definition: Path | None,
    is_json: bool, stack_name: str, profile: str | None, region: str | None, endpoint_url: str | None,
) -> None:  # fmt: skip
    """Show an execution: its verdict, the time in each state, its errors and what to do about them.

    EXECUTION is a name or an ARN; a HISTORY-FILE holds what `aws stepfunctions get-execution-history` or
    `build.py run --history` gave.
    """
    of = account(profile, region, endpoint_url)
    with told(of.access):
        drawing = _Drawing(definition, output)
        _check_wish(drawing, follow=follow, is_stopped=is_stopped, reason=reason, is_json=is_json)
        if Path(execution).is_file():
            _refuse_with_file(follow=follow, is_stopped=is_stopped)
            _show_history(Path(execution), drawing, is_json=is_json)
            return
        arn, outputs = _target(of, stack_name, execution, is_alone=is_stopped)
        if is_stopped:
            _stop(of, arn, reason, is_json=is_json)
        elif follow:
            _follow(of, arn, execution, outputs, is_json=is_json)
        else:
            _show_execution(of, arn, outputs, drawing, is_json=is_json)


@click.command()
@click.option("--failed", is_flag=True, help="Only those that did not end verified.")
@click.option("--status", type=click.Choice(STATUSES, case_sensitive=False), help="Only those that stand so.")
@click.option("--server", metavar="ID", help="Only a server's.")
@click.option("--since", type=Since(), metavar="AGE|DATE", help="Started since: 12h, 7d, 2026-11-20.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 100_000), metavar="N", help="At most so many, the latest.")  # fmt: skip
@IS_JSON
@of_stack
@reaches_aws
def executions(  # noqa: PLR0913 - its options
    *, failed: bool, status: str | None, server: str | None, since: datetime | None, limit: int, is_json: bool,
    stack_name: str, profile: str | None, region: str | None, endpoint_url: str | None,
) -> None:  # fmt: skip
    """List the recent executions: server, verdict, whose fault, duration, about what each cost."""
    from operations import deployed, outcome  # noqa: PLC0415 - the help needs none of these
    from operations import executions as recent  # noqa: PLC0415

    of = account(profile, region, endpoint_url)
    with told(of.access):
        if failed and status:
            raise Refused("--failed and --status exclude each other", EXIT_USAGE)
        stack = deployed.find(of, stack_name)
        statuses = recent.UNVERIFIED if failed else (status.upper(),) if status else ()
        query = recent.Query(stack.machine_arn, stack.output(outcome.TABLE), statuses, since, server, limit)
        found = recent.listed(of, query)
        if is_json:
            echo_json([each.as_json() for each in found])
            return
        if not found:
            note("no such executions; `python build.py start` starts one")
            return
        headings, shown = recent.table(found, width())
        click.echo(table(headings, [row for row, _ in shown], [style for _, style in shown]))
        if len(found) == limit:
            note(f"the latest {limit}; --limit shows more")


@click.command()
@click.argument("execution", metavar="EXECUTION")
@click.option("--follow", is_flag=True, help="As they come, until the execution ends.")
@click.option(
    "--source", "labels", multiple=True, type=click.Choice(LABELS), help="Only these lines; repeatable."
)
@click.option("--since", type=Since(), metavar="AGE|DATE", help="Printed since: 5m, 2h, 2026-11-20T14:30.")
@IS_JSON
@of_stack
@reaches_aws
def logs(  # noqa: PLR0913 - its options
    *, execution: str, follow: bool, labels: tuple[str, ...], since: datetime | None, is_json: bool,
    stack_name: str, profile: str | None, region: str | None, endpoint_url: str | None,
) -> None:  # fmt: skip
    """Print what an execution's build, task and validator wrote, in order of time, each line with its source."""
    from operations import logs as lines  # noqa: PLC0415 - the help needs none of these
    from operations.follow import PACE  # noqa: PLC0415
    from operations.history import History  # noqa: PLC0415
    from operations.log_sources import Groups  # noqa: PLC0415
    from operations.times import day  # noqa: PLC0415

    of = account(profile, region, endpoint_url)
    with told(of.access):
        arn, outputs = _target(of, stack_name, execution)
        history, reader = History(of, arn, has_data=True), lines.Reader(of, since, note)
        groups, wanted = Groups.of(outputs), labels or LABELS
        count = 0
        try:
            found = (
                lines.following(reader, history, groups, wanted, PACE)
                if follow
                else lines.so_far(reader, history, groups, wanted)
            )
            for line in found:
                count += 1
                if count == 1 and not is_json:
                    note(day(line.time))
                _echo_line(line, is_json=is_json)
        except KeyboardInterrupt:
            note("no longer watched; the execution goes on")
            _note_ways(execution)
            sys.exit(EXIT_INTERRUPTED)
        if count == 0:
            note(
                f"no lines from {', '.join(wanted)}; the build's come first, and each log keeps its lines for some days only"
            )


def _echo_line(line: Line, *, is_json: bool) -> None:
    from operations.logs import shown  # noqa: PLC0415

    if is_json:
        echo_json(line.as_json(), indent=None)
    else:
        click.secho(shown(line), fg=COLOURS[line.label])


@dataclass(frozen=True)
class _Drawing:
    """What is wanted of a page."""

    definition: Path | None
    output: Path | None


def _check_wish(drawing: _Drawing, *, follow: bool, is_stopped: bool, reason: str | None, is_json: bool) -> None:  # fmt: skip
    """Refuse options of which one would be passed over in silence."""
    draws = drawing.output is not None
    if sum((follow, is_stopped, draws)) > 1:
        raise Refused("--follow, --stop and --output exclude each other", EXIT_USAGE)
    if draws and is_json:
        raise Refused("--output draws a page: leave out --json", EXIT_USAGE)
    if drawing.definition is not None and not draws:
        raise Refused("--definition says what --output draws: name the page too", EXIT_USAGE)
    if reason is not None and not is_stopped:
        raise Refused("--reason says why --stop was given: give that too", EXIT_USAGE)


def _refuse_with_file(*, follow: bool, is_stopped: bool) -> None:
    if follow or is_stopped:
        raise Refused(
            "a history file is over: --follow and --stop need an execution's name or ARN", EXIT_USAGE
        )


def _target(
    of: Account, stack_name: str, execution: str, *, is_alone: bool = False
) -> tuple[str, Mapping[str, str]]:
    """Return the ARN that is meant, and the outputs of the stack, where it is there.

    `is_alone`: only the ARN is wanted.
    """
    from operations import deployed  # noqa: PLC0415 - the help, and a file, need none of these

    is_arn = deployed.EXECUTION_ARN.fullmatch(execution) is not None
    if not is_arn and not deployed.EXECUTION_NAME.fullmatch(execution):
        raise Refused(f"{execution} is neither an execution's name or ARN, nor a file", EXIT_USAGE)
    if is_arn and is_alone:
        return execution, {}
    try:
        stack = deployed.find(of, stack_name)
    except Refused as error:
        if not is_arn:
            raise
        note(f"{str(error).splitlines()[0]}: what only the stack's outputs name is left out")
        return execution, {}
    return execution if is_arn else stack.execution_arn(execution), stack.outputs


def _follow(  # noqa: PLR0913 - what it follows, and how it answers
    of: Account, arn: str, named: str, outputs: Mapping[str, str], *, is_json: bool, is_new: bool = False
) -> None:
    """Follow an execution to its end, tell what came of it, and exit by it. `named`: as a person names it."""
    from operations import follow, outcome, progress  # noqa: PLC0415 - the help needs none of these
    from operations.history import History  # noqa: PLC0415

    shown = progress.choose(is_json=is_json)
    history = History(of, arn)
    try:
        with shown:
            for event in follow.events(history, is_new=is_new):
                shown.event(event)
            found = outcome.ended(of, arn, outputs)
    except KeyboardInterrupt:
        note("no longer watched; the execution goes on")
        _note_ways(named)
        sys.exit(EXIT_INTERRUPTED)
    except Refused:
        raise
    except Exception:
        note("no longer watched; the execution goes on")
        _note_ways(named)
        raise
    _report(found, history.events, is_json=is_json)
    sys.exit(found.exit_code)


def _note_ways(execution: str) -> None:
    """Tell how a person comes back to an execution that goes on, or ends it."""
    import shlex  # noqa: PLC0415

    named = shlex.quote(execution)
    note(f"follow it  python build.py execution {named} --follow")
    note(f"stop it    python build.py execution {named} --stop")


def _report(found: Outcome, events: Sequence[Any], *, is_json: bool) -> None:
    from operations import report  # noqa: PLC0415
    from review.execution import tell  # noqa: PLC0415

    history = tell(events) if events else None
    if is_json:
        echo_json(report.as_json(found, history))
    else:
        echo(report.of_execution(found, history))


def _stop(of: Account, arn: str, reason: str | None, *, is_json: bool) -> None:
    from operations import start as starting  # noqa: PLC0415

    was_running = starting.stop(of, arn, reason or starting.REASON)
    if is_json:
        echo_json({"executionArn": arn, "stopped": was_running})
    elif was_running:
        click.echo(
            "stopped; its task, if one runs, is stopped by the sweeper, which records why there is no verdict"
        )
    else:
        click.echo("it had ended already")


def _show_execution(
    of: Account, arn: str, outputs: Mapping[str, str], drawing: _Drawing, *, is_json: bool
) -> None:
    from operations import outcome  # noqa: PLC0415
    from operations.history import History  # noqa: PLC0415

    history = History(of, arn, has_data=drawing.output is not None)
    history.look()
    found = (outcome.ended if history.is_over else outcome.read)(of, arn, outputs)
    if drawing.output is not None:
        _draw(history.events, drawing, lambda: _deployed_definition(of, arn))
    else:
        _report(found, history.events, is_json=is_json)


def _show_history(path: Path, drawing: _Drawing, *, is_json: bool) -> None:
    from operations import report  # noqa: PLC0415
    from review import execution as executions  # noqa: PLC0415

    with _documents():
        events = executions.read(path)
        found = executions.tell(events)
    if drawing.output is not None:
        _draw(events, drawing, lambda: None)
    elif is_json:
        echo_json(
            {"status": found.status, "error": found.error or None, "timeline": list(report.rows(found))}
        )
    else:
        echo(report.of_history(found))


def _draw(events: Sequence[Any], drawing: _Drawing, deployed: Callable[[], StateMachine | None]) -> None:
    """Write an execution's page, over the document that is named, deployed, or committed with its states."""
    from review import execution as executions  # noqa: PLC0415
    from review.render import execution_page  # noqa: PLC0415

    with _documents():
        found = executions.tell(events)
        machine = None if drawing.definition else deployed()
        machine = machine or executions.executed(drawing.definition, ROOT / "asl", found.names)
    if machine is None:
        note("no document under asl/ has these states; without --definition there is no graph")
    assert drawing.output is not None  # noqa: S101 - its callers have looked
    drawing.output.write_text(execution_page.render(found, machine), "utf-8")
    click.echo(f"{found.status}: {len(found.visits)} states entered; wrote {drawing.output}")


@contextmanager
def _documents() -> Iterator[None]:
    """Tell of a file that cannot be read as what it should be."""
    from review.model import ReviewError  # noqa: PLC0415
    from states_language.document import DocumentError  # noqa: PLC0415
    from states_language.sources import SourceError  # noqa: PLC0415

    try:
        yield
    except (ReviewError, DocumentError, SourceError) as error:
        raise Refused(str(error), EXIT_ERROR) from error


def _deployed_definition(of: Account, arn: str) -> StateMachine | None:
    """Return the definition that an execution has; None where that may not be asked."""
    import json  # noqa: PLC0415

    from botocore.exceptions import ClientError  # noqa: PLC0415

    from states_language.document import StateMachine  # noqa: PLC0415

    try:
        answer = of.client("stepfunctions").describe_state_machine_for_execution(executionArn=arn)
    except ClientError:
        return None
    return StateMachine.of(json.loads(answer["definition"]))
