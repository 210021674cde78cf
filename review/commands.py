"""The review's commands: review, execution, and graph with its drawing."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
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
        for line in str(error).splitlines():
            click.secho(f"error: {line}", fg="red", err=True)
        sys.exit(EXIT_ERROR)
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
def review(
    *, base: str | None, head: str | None, form: str, output: Path | None, fail_on: tuple[str, ...], patterns: tuple[str, ...], has_all: bool,
) -> None:  # fmt: skip
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
