"""How the operators' commands answer: lines that fit the terminal for a person, JSON for a program."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

IS_JSON = click.option("--json", "is_json", is_flag=True, help="For programs: times in UTC.")


def width() -> int | None:
    """Return how wide the terminal is; None where there is none."""
    import shutil  # noqa: PLC0415

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _wrapped(text: str, columns: int | None) -> str:
    """Return a line as several that fit, each further one indented a little more than the first."""
    import textwrap  # noqa: PLC0415

    if columns is None or len(text) <= columns:
        return text
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    return textwrap.fill(
        text, columns, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )


def echo(lines: Iterable[tuple[str, str]]) -> None:
    """Print lines, each in its style, as wide as the terminal."""
    columns = width()
    for text, style in lines:
        words = style.split()
        colour = next((word for word in words if word not in {"bold", "dim"}), None)
        shown = _wrapped(text, columns)
        click.secho(shown, fg=colour, bold="bold" in words or None, dim="dim" in words or None)


def echo_json(value: Any, indent: int | None = 2) -> None:
    """Print a document. Letters stay as they are; what would steer a terminal is escaped, as JSON may have it."""
    import json  # noqa: PLC0415

    text = json.dumps(value, indent=indent, ensure_ascii=False)
    # Outside of its texts a document has no such character but its line breaks.
    click.echo(
        "".join(
            letter if letter.isprintable() or letter == "\n" else json.dumps(letter)[1:-1] for letter in text
        )
    )
