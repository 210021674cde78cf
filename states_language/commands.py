"""The checker's commands: check, types, contract, shapes. What they need is imported when they run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from states_language.diagnostics import Diagnostic, Severity
    from states_language.document import DocumentError
    from states_language.files import Report
    from states_language.sources import SourceError

SEVERITIES = ("error", "warning", "note")
FILES = click.argument("files", nargs=-1, required=True, metavar="FILE…")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Check Amazon States Language documents before AWS sees them."""


@click.command()
@FILES
@click.option(
    "--format", "style", type=click.Choice(["text", "json", "sarif", "github", "junit"]), default="text",
    show_default=True, help="How findings are written.",
)  # fmt: skip
@click.option(
    "--fail-on", type=click.Choice([*SEVERITIES, "never"]), default="error", show_default=True,
    help="The least severe finding that makes the exit code 3.",
)  # fmt: skip
@click.option(
    "--level", type=click.Choice(SEVERITIES), default=None,
    help="The least severe finding that is written. [default: warning; the level of --fail-on if that is note]",
)  # fmt: skip
@click.option(
    "--input-schema", type=click.Path(path_type=Path), help="The JSON Schema of the execution's input."
)
@click.option("--explain", is_flag=True, help="Also tell where knowledge ended, and why.")
@click.option("--output", type=click.Path(path_type=Path), help="Write there instead of to the terminal.")
@click.option("--color/--no-color", default=None, help="Colour the text. [default: on a terminal]")
def check(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    files: tuple[str, ...],
    style: str,
    fail_on: str,
    level: str | None,
    input_schema: Path | None,
    explain: bool,
    output: Path | None,
    color: bool | None,
) -> None:
    """Check FILE…: documents, CloudFormation and SAM templates, folders, patterns, or - for standard input."""
    from states_language import files as reading  # noqa: PLC0415
    from states_language.diagnostics import Severity  # noqa: PLC0415

    report = reading.check_files(files, input_schema)
    least = Severity(level or ("note" if fail_on == "note" else "warning"))
    shown = [entry for entry in report.diagnostics if entry.severity.weight >= least.weight]
    if report.checked or report.diagnostics or not report.unreadable:
        _write(_rendered(report, shown, style, colour=_has_colour(color, output)), output)
    if explain:
        _explain(files, input_schema)
    for error in report.unreadable:
        click.echo(f"{error.file}: {error.message}", err=True)
    if report.unreadable:
        sys.exit(1)
    if fail_on != "never" and _has(report.diagnostics, Severity(fail_on)):
        sys.exit(3)


def _rendered(report: Report, shown: list[Diagnostic], style: str, *, colour: bool) -> str:
    from states_language import render  # noqa: PLC0415

    return (
        render.text(report, shown, colour=colour) if style == "text" else render.FORMATS[style](report, shown)
    )


def _has_colour(color: bool | None, output: Path | None) -> bool:
    if color is not None:
        return color
    import os  # noqa: PLC0415

    return output is None and sys.stdout.isatty() and "NO_COLOR" not in os.environ


def _write(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        click.echo(f"{output}: it cannot be written: {error.strerror}.", err=True)
        sys.exit(1)


def _has(diagnostics: list[Diagnostic], least: Severity) -> bool:
    return any(entry.severity.weight >= least.weight for entry in diagnostics)


def _explain(files: tuple[str, ...], input_schema: Path | None) -> None:
    """Write to the standard error the paths that were read into what is not known, and why that is so."""
    from states_language.checker import facts_of  # noqa: PLC0415
    from states_language.document import DocumentError, StateMachine  # noqa: PLC0415
    from states_language.files import find_files, read_definitions, read_schema  # noqa: PLC0415
    from states_language.sources import SourceError  # noqa: PLC0415
    from states_language.types import Unknown  # noqa: PLC0415

    for name in find_files(files):
        try:
            for definition in read_definitions(name) if name != "-" else ():
                facts = facts_of(StateMachine.of(definition.value), read_schema(name, input_schema))
                for read in facts.reads:
                    kind = read.resolution.type
                    if isinstance(kind, Unknown) and read.resolution.failure is None:
                        line, column = definition.locate(read.pointer, read.offset)
                        click.echo(
                            f"{definition.file}:{line}:{column}: {read.path.text}: not known: {kind.reason}",
                            err=True,
                        )
        except (SourceError, DocumentError):
            continue  # the check has said so


@click.command()
@click.argument("file")
@click.option("--at", "state", help="Only this state.")
@click.option(
    "--depth", type=click.IntRange(0, 12), default=2, show_default=True, help="Levels that are written."
)
@click.option(
    "--input-schema", type=click.Path(path_type=Path), help="The JSON Schema of the execution's input."
)
def types(file: str, state: str | None, depth: int, input_schema: Path | None) -> None:
    """Show the data at each state of FILE: what comes in, what the work gives, what goes out."""
    from states_language.checker import facts_of  # noqa: PLC0415
    from states_language.document import DocumentError, StateMachine  # noqa: PLC0415
    from states_language.files import read_definitions, read_schema  # noqa: PLC0415
    from states_language.show import tree  # noqa: PLC0415
    from states_language.sources import SourceError  # noqa: PLC0415
    from states_language.spelling import listed, nearest, printable  # noqa: PLC0415

    names: list[str] = []
    try:
        schema = read_schema(file, input_schema)
        for definition in read_definitions(file):
            machine = StateMachine.of(definition.value)
            facts = facts_of(machine, schema)
            for entry in machine.walk():
                names.append(entry.name)
                if state not in (None, entry.name):
                    continue
                click.echo(f"{entry.type} {printable(entry.name)}")
                here = facts.entries.get(entry.pointer)
                if here is None:
                    click.echo("  is never reached\n")
                    continue
                sections = [("input", "$", here.data)]
                sections += [
                    ("variable", f"${name}", member.type) for name, member in here.variables.members.items()
                ]
                sections += (
                    [("result", "$", facts.results[entry.pointer])] if entry.pointer in facts.results else []
                )
                sections += (
                    [("output", "$", facts.outputs[entry.pointer])] if entry.pointer in facts.outputs else []
                )
                for title, path, kind in sections:
                    click.echo(f"  {title}")
                    for line in tree(path, kind, depth):
                        click.echo(f"    {printable(line)}")
                click.echo()
    except (SourceError, DocumentError) as error:
        _refuse(file, error)
    if state is not None and state not in names:
        meant = nearest(state, names)
        advice = f"did you mean '{meant}'?" if meant else f"there are {listed(names)}."
        raise click.UsageError(f"There is no state '{state}'; {advice}")


def _refuse(file: str, error: SourceError | DocumentError) -> None:
    from states_language.sources import SourceError  # noqa: PLC0415

    # What cannot be read may be another file: the contract beside it.
    told = error.told if isinstance(error, SourceError) and error.file else f"{file}: {error}"
    click.echo(told, err=True)
    sys.exit(1)


@click.command()
@click.argument("file")
def contract(file: str) -> None:
    """Write a JSON Schema of the input that FILE reads: a contract to start from."""
    import json  # noqa: PLC0415

    from states_language.contract import infer  # noqa: PLC0415
    from states_language.document import DocumentError  # noqa: PLC0415
    from states_language.files import read_definitions  # noqa: PLC0415
    from states_language.sources import SourceError  # noqa: PLC0415

    try:
        for definition in read_definitions(file):
            click.echo(json.dumps(infer(definition.value), indent=2, ensure_ascii=False))
    except (SourceError, DocumentError) as error:
        _refuse(file, error)


@click.command()
@click.option(
    "--regenerate", is_flag=True, help="Write the index again, from the botocore that is installed."
)
def shapes(regenerate: bool) -> None:
    """Tell whose API shapes the checker knows."""
    from states_language import shapes as index  # noqa: PLC0415

    if regenerate:
        from states_language.shape_index import write  # noqa: PLC0415

        write(index.INDEX)
        index.load.cache_clear()
    try:
        found = index.load()
    except index.ShapeIndexError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    click.echo(f"botocore {found.version}: {len(found.places)} services")


COMMANDS = (check, types, contract, shapes)
"""What the project's command line composes."""
for _command in COMMANDS:
    main.add_command(_command)
