"""The review's commands: review, and graph with its drawing."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from states_language.document import StateMachine

EXIT_ERROR, EXIT_USAGE, EXIT_GATE = 1, 2, 3
FORMATS = ("terminal", "markdown", "json", "sarif", "github", "html")
KINDS = ("never", "any-change", "wider", "exposure", "replacement", "data-loss", "safety")


@contextmanager
def told() -> Iterator[None]:
    """Turn what a person can mend into a message and an exit code; a defect keeps its traceback."""
    from review.model import ReviewError  # noqa: PLC0415  # the help needs none of these
    from states_language.document import DocumentError  # noqa: PLC0415
    from states_language.sources import SourceError  # noqa: PLC0415

    try:
        yield
    except (ReviewError, DocumentError, SourceError) as error:
        for line in (error.told if isinstance(error, SourceError) else str(error)).splitlines():
            click.secho(f"error: {line}", fg="red", err=True)
        sys.exit(EXIT_ERROR)
    except BrokenPipeError:  # whoever read the output has had enough: click ends quietly
        raise
    except OSError as error:
        click.secho(f"error: {error.filename}: {error.strerror}", fg="red", err=True)
        sys.exit(EXIT_ERROR)


@click.command()
@click.argument("base", required=False)
@click.argument("head", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="terminal",
    help="How to show it.",
    show_default=True,
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it to a file, and the verdict here.",
)
@click.option(
    "--fail-on", multiple=True, type=click.Choice(KINDS), help="End with 3 where there is one; repeatable."
)
@click.option(
    "--path", "patterns", multiple=True, metavar="PATTERN", help="Which files to look at; repeatable."
)
@click.option("--all", "has_all", is_flag=True, help="Show every note and every property, too.")
def review(  # noqa: PLR0913 - one for each option
    *,
    base: str | None,
    head: str | None,
    form: str,
    output: Path | None,
    fail_on: tuple[str, ...],
    patterns: tuple[str, ...],
    has_all: bool,
) -> None:
    """Tell what a change does: from BASE to HEAD, each a git revision, a folder or a file.

    BASE is the merge base with the main branch, and HEAD the working tree, unless they are given.
    """
    with told():
        from review import classify, compare, documents, render  # noqa: PLC0415  # the help needs none of these

        before, after = documents.sides(base, head, root=Path.cwd(), patterns=patterns)
        found = compare.compare(before, after)
        title = f"{base or 'merge base'} → {head or 'working tree'}"
        report = render.Report(found, before, after, title, has_all)
        text = render.render(report, form)
        if output is None:
            click.echo(text, nl=False)
        else:
            output.write_text(text, "utf-8")
            click.echo(report.verdict.line)
        refused = classify.refused(found, fail_on)
    if refused:
        click.secho(f"refused: {', '.join(refused)}", fg="red", err=True)
        sys.exit(EXIT_GATE)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--format",
    "form",
    type=click.Choice(["mermaid", "svg"]),
    default="mermaid",
    help="How to draw it.",
    show_default=True,
)
@click.option("--outline", is_flag=True, help="Only what the document calls, and how it ends (Mermaid).")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write it; else it is printed.",
)
def graph(*, file: Path, form: str, outline: bool, output: Path | None) -> None:
    """Write the state graph of an ASL document, or of those in a template, as Mermaid or SVG."""
    with told():
        from review.model import ReviewError  # noqa: PLC0415  # the help needs none of these
        from states_language.document import DocumentError, StateMachine  # noqa: PLC0415
        from states_language.sources import read_file  # noqa: PLC0415

        try:
            machines = {found.name: StateMachine.of(found.value) for found in read_file(file)}
        except DocumentError as error:
            raise ReviewError(f"{file}: {error}") from error
        if not machines:
            raise click.UsageError(f"{file} holds no state machine.")
        if form == "svg" and len(machines) > 1:
            raise click.UsageError(
                f"{file} holds {len(machines)} state machines; an SVG file holds one drawing."
            )
        text = "\n".join(_drawn(machine, form, outline=outline) for machine in machines.values())
        if output is None:
            click.echo(text, nl=False)
        else:
            output.write_text(text, "utf-8")


def _drawn(machine: StateMachine, form: str, *, outline: bool) -> str:
    from states_language import graph as mermaid  # noqa: PLC0415  # see `told`

    if form == "svg":
        from states_language.drawing import svg  # noqa: PLC0415

        return svg(machine) + "\n"
    return mermaid.outline(machine) if outline else mermaid.mermaid(machine)
