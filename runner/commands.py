"""The runner's commands: run, test-state, faults."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.faults_injected import InjectedFault
    from runner.gateway.server import Gateway
    from runner.pipeline import Outcome
    from runner.session import Session

ROOT = Path(__file__).parent.parent
EXIT_DONE, EXIT_ERROR, EXIT_USAGE, EXIT_REJECTED, EXIT_INTERRUPTED = 0, 1, 2, 3, 130
FILE = click.Path(path_type=Path, dir_okay=False)
OF_AN_EXECUTION = ("--input", "--history", "--json", "--verbose", "--repeat", "--parallel")
"""The options of `run` that say something of the executions that it begins itself."""


def _complain(message: str) -> None:
    for line in message.splitlines() or [""]:
        click.secho(f"error: {line}", fg="red", err=True)


@contextmanager
def told() -> Iterator[None]:
    """Turn what a person can mend into a message and an exit code; anything else is a defect and keeps its traceback."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the help needs none of these

    from deployer.change_sets import ChangeSetError  # noqa: PLC0415
    from runner.emulator import EmulatorError  # noqa: PLC0415
    from runner.faults_injected import FaultError  # noqa: PLC0415
    from runner.requests import RequestError  # noqa: PLC0415
    from runner.services.builds import BuildspecError  # noqa: PLC0415
    from runner.stack import StackError  # noqa: PLC0415
    from runner.state_test import StateTestError  # noqa: PLC0415
    from states_language.document import DocumentError  # noqa: PLC0415

    try:
        yield
    except (RequestError, FaultError, StateTestError) as error:
        _complain(str(error))
        sys.exit(EXIT_USAGE)
    except (
        EmulatorError,
        StackError,
        ChangeSetError,
        BuildspecError,
        DocumentError,
        BotoCoreError,
        ClientError,
    ) as error:
        _complain(str(error))
        sys.exit(EXIT_ERROR)
    except OSError as error:
        _complain(f"{error.filename or 'this machine'}: {error.strerror or error}")
        sys.exit(EXIT_ERROR)


@click.command()
@click.option(
    "--command",
    metavar="COMMAND",
    help="Judge the server that this starts; {port} is where it must listen, on every address; or {address} and {port}, its task's own.",
)
@click.option(
    "--repository",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Judge the server of this folder's Dockerfile, whose CMD can run here.",
)
@click.option(
    "--env",
    "env",
    multiple=True,
    metavar="NAME=VALUE",
    help="Add to the server's environment; {port} is filled in.",
)
@click.option("--input", "input_file", type=FILE, metavar="FILE", help="The execution's input.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="STATE=ERROR",
    help="Let a state's call fail, with *N only so often; `hangs` and `lost` are faults too.",
)
@click.option(
    "--history",
    "history_file",
    type=FILE,
    metavar="FILE",
    help="Write the execution's history, as GetExecutionHistory gives it.",
)
@click.option("--json", "is_json", is_flag=True, help="Print the outcome as JSON.")
@click.option("--verbose", "is_verbose", is_flag=True, help="Show every state of the timeline.")
@click.option("--keep", is_flag=True, help="Serve AWS's APIs until Ctrl-C, and tell how to reach them.")
@click.option("--serve", is_flag=True, help="The same, but execute nothing before.")
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="OWNER/NAME=DIR|COMMAND",
    help="What stands for a repository in executions that are started over the API; else what is judged here.",
)
@click.option(
    "--emulator-port",
    default=0,
    type=click.IntRange(0, 65535),
    help="Where the APIs are served; 0: somewhere.",
)
@click.option("--repeat", default=1, type=click.IntRange(1, 10000), help="Execute so often.")
@click.option("--parallel", default=1, type=click.IntRange(1, 100), help="So many at a time.")
@click.pass_context
def run(  # noqa: PLR0913 - its options
    ctx: click.Context, *, command: str | None, repository: Path | None, env: tuple[str, ...], input_file: Path | None,
    faults: tuple[str, ...], history_file: Path | None, is_json: bool, is_verbose: bool, keep: bool, serve: bool,
    sources: tuple[str, ...], emulator_port: int, repeat: int, parallel: int,
) -> None:  # fmt: skip
    """Run the committed pipeline here, on an MCP server: by default the sample that ships with the project."""
    from runner import requests  # noqa: PLC0415 - the help needs none of these
    from runner.pipeline import Request  # noqa: PLC0415
    from runner.progress import choose, summary  # noqa: PLC0415
    from runner.repositories import Repositories, Repository  # noqa: PLC0415
    from runner.session import Settings, alone, opened  # noqa: PLC0415

    _check_serving(ctx, serve=serve, is_served=keep or serve)
    with told(), alone():
        source = requests.source_of(ROOT, command, repository)
        named = requests.sources_of(ROOT, sources)
        given = requests.input_of(ROOT, input_file, source)
        progress = choose(is_json=is_json)
        port = 0 if keep or serve else emulator_port
        settings = Settings(ROOT, requests.environment_of(env), port, progress.tell)
        outcomes: list[Outcome | BaseException] = []
        gateway: Gateway | None = None
        with ExitStack() as stack:
            with progress:
                progress.tell("starting the emulator and deploying the template")
                session = stack.enter_context(opened(settings))
                judged = Repository(source, _faults(session, faults))
                if keep or serve:
                    all_named = {name: Repository(each, judged.faults) for name, each in named.items()}
                    gateway = stack.enter_context(
                        session.serving(Repositories(judged, all_named), emulator_port)
                    )
                observe = progress.event if repeat == 1 else lambda _event: None
                count = 0 if serve else repeat
                wanted = [Request(given, source, judged.own_faults(), observe) for _ in range(count)]
                for number, outcome in session.run(wanted, parallel):
                    outcomes.append(outcome if repeat == 1 else _shortened(session, outcome))
                    if repeat > 1:
                        progress.ended(number, outcome)
            if not serve:
                _show(outcomes, session, is_json=is_json, is_verbose=is_verbose)
            if history_file is not None:
                _write_history(history_file, outcomes)
            if gateway is not None:
                _hold(session, gateway, given)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                _complain(summary(outcome))
        sys.exit(_exit_code(outcomes))


def _check_serving(ctx: click.Context, *, serve: bool, is_served: bool) -> None:
    """Refuse what would be ignored. Raises `UsageError`."""
    from click.core import ParameterSource  # noqa: PLC0415

    given = [
        parameter.opts[0]
        for parameter in ctx.command.params
        if ctx.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
    ]
    if serve and (useless := [name for name in given if name in OF_AN_EXECUTION]):
        raise click.UsageError(f"--serve executes nothing by itself: leave out {', '.join(useless)}")
    if not is_served and "--source" in given:
        raise click.UsageError(
            "--source is for executions that are started over the API: add --serve, or --keep"
        )


def _faults(session: Session, texts: tuple[str, ...]) -> list[InjectedFault]:
    from runner import faults_injected  # noqa: PLC0415
    from states_language.document import Task  # noqa: PLC0415

    states = session.pipeline.stack.machine.states
    return faults_injected.parse(texts, [name for name, state in states.items() if isinstance(state, Task)])


def _shortened(session: Session, outcome: Outcome | BaseException) -> Outcome | BaseException:
    """Return an outcome of many without what takes memory, and let go of the rest."""
    from dataclasses import replace  # noqa: PLC0415

    if isinstance(outcome, BaseException):
        return outcome
    session.pipeline.forget(outcome)
    shown = [event for event in outcome.execution.history if "stateEnteredEventDetails" in event][-1:]
    output: dict[str, Any] | None = None if outcome.execution.output is None else {}
    execution = replace(outcome.execution, history=tuple(shown), output=output)
    return replace(outcome, tasks=(), build=None, execution=execution)


def _show(outcomes: list[Any], session: Session, *, is_json: bool, is_verbose: bool) -> None:
    import json  # noqa: PLC0415

    from runner import report  # noqa: PLC0415

    whole = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    if is_json:
        found = [report.as_json(outcome) for outcome in whole]
        click.echo(
            json.dumps(found[0] if len(outcomes) == 1 and found else found, indent=2, ensure_ascii=False)
        )
    elif len(outcomes) == 1:
        for outcome in whole:
            for text, style in report.lines(outcome, is_verbose=is_verbose):
                _styled(text, style)
        took = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in session.seconds.items())
        click.secho(f"\nBefore the execution: {took}", dim=True)
    else:
        counted: dict[str, int] = {}
        for outcome in whole:
            name = outcome.execution.error or str((outcome.record or {}).get("outcome"))
            counted[name] = counted.get(name, 0) + 1
        click.echo(
            f"{len(outcomes)} executions: {', '.join(f'{count} {name}' for name, count in counted.items())}"
        )


def _styled(text: str, style: str) -> None:
    words = style.split()
    colour = next((word for word in words if word not in {"bold", "dim"}), None)
    click.secho(text, fg=colour, bold="bold" in words or None, dim="dim" in words or None)


def _write_history(path: Path, outcomes: list[Any]) -> None:
    import json  # noqa: PLC0415

    events = [list(each.execution.history) for each in outcomes if not isinstance(each, BaseException)]
    text = json.dumps({"events": events[0] if events else []}, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", "utf-8")


def _hold(session: Session, gateway: Gateway, given: dict[str, Any]) -> None:
    """Serve until somebody interrupts."""
    import time  # noqa: PLC0415

    from runner.emulator import ACCOUNT, REGION, EmulatorError  # noqa: PLC0415
    from runner.stack import STACK  # noqa: PLC0415

    running = session.pipeline.emulator
    table = session.pipeline.stack.outputs["VerdictTableNameInUse"]
    whom = f"--repository {given['originalRepositoryName']} --server-id {given['serverId']}"
    click.echo(
        f"\nAWS's APIs are served at {gateway.url} until Ctrl-C. In another terminal:\n"
        f"  export AWS_ENDPOINT_URL={gateway.url} AWS_REGION={REGION} AWS_ACCESS_KEY_ID={ACCOUNT} AWS_SECRET_ACCESS_KEY=none\n"
        f"  python build.py start --endpoint-url {gateway.url} --stack-name {STACK} {whom}\n"
        f"  aws dynamodb scan --table-name {table}"
    )
    while running.process.exit is None:
        time.sleep(0.2)
    raise EmulatorError(f"the emulator ended ({running.process.exit})")


def _exit_code(outcomes: list[Any]) -> int:
    from runner.report import exit_code  # noqa: PLC0415

    codes = [EXIT_ERROR if isinstance(each, BaseException) else exit_code(each) for each in outcomes]
    return next((code for code in (EXIT_INTERRUPTED, EXIT_ERROR, EXIT_REJECTED) if code in codes), EXIT_DONE)


@click.command("test-state")
@click.argument("state")
@click.option("--input", "input_file", type=FILE, required=True, metavar="FILE", help="The state's input.")
@click.option(
    "--mock",
    "mock_file",
    type=FILE,
    metavar="FILE",
    help='What the state\'s call answers, or {"error": …, "cause": …}.',
)
@click.option(
    "--definition",
    "definition_file",
    type=FILE,
    metavar="FILE",
    help="Another document than the committed one.",
)
@click.option("--aws", "on_aws", is_flag=True, help="Ask the TestState API of AWS instead.")
@click.option(
    "--stack",
    "stack_name",
    default="toolshed-validation",
    show_default=True,
    help="With --aws: whose deployed definition and role.",
)
def test_state(  # noqa: PLR0913 - its options
    *,
    state: str,
    input_file: Path,
    mock_file: Path | None,
    definition_file: Path | None,
    on_aws: bool,
    stack_name: str,
) -> None:
    """Run one state alone, and print what it gives and where it leads. Exits with 3 where it fails."""
    import json  # noqa: PLC0415

    from runner import requests, state_test  # noqa: PLC0415

    with told():
        given = requests.read_json(input_file)
        mock = requests.read_json(mock_file) if mock_file is not None else state_test.NO_MOCK
        if on_aws:
            found = state_test.on_aws(stack_name, state, given, mock)
        else:
            found = state_test.here(definition_file or ROOT / state_test.DEFINITION, state, given, mock)
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        if found["status"] not in {"SUCCEEDED", "CAUGHT_ERROR"}:
            sys.exit(EXIT_REJECTED)


@click.command()
@click.option("--pairs", is_flag=True, help="Every pair of lasting faults too; half a minute.")
@click.option("--write", "is_written", is_flag=True, help="Write the table to docs/faults-table.md.")
def faults(*, pairs: bool, is_written: bool) -> None:
    """Execute the committed document under every fault of every call, and print what each comes to."""
    from runner import faults as enumeration  # noqa: PLC0415

    with told():
        found = enumeration.survey(ROOT, pairs=pairs)
        if is_written:
            (ROOT / enumeration.PAGE).write_text(enumeration.page(found), "utf-8")
            click.echo(f"wrote {enumeration.PAGE}")
        else:
            click.echo(enumeration.table(found))
        for line in enumeration.broken(found):
            _complain(line)
        click.echo(enumeration.count(found))
        if enumeration.broken(found):
            sys.exit(EXIT_REJECTED)
