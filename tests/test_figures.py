"""The page of figures tells what the benchmark measures."""

from __future__ import annotations

from pathlib import Path

from bench import figures, startup


def test_the_page_has_each_row_and_each_goal() -> None:
    """Renewed after a row is added: `make bench ARGS="--peers --write"`."""
    page = Path(figures.PAGE).read_text("utf-8")
    rows = [
        figures.BARE,
        figures.GENERATION,
        *(figures.many(count) for count in (1, 10, 100, 500)),
        figures.UNCHANGED,
        figures.CHANGED,
        figures.CHECK,
        figures.REVIEW,
        figures.LARGE_REVIEW,
        figures.LOAD,
        figures.CFN_LINT,
        figures.RUN,
        figures.APP,
        figures.SYNTH,
        *(figures.stacks(count) for count in (100, 500)),
    ]
    assert [] == [row for row in rows if f"| {row} |" not in page]
    assert [] == [name for name in (*startup.COMMANDS, startup.ALONE) if f"| {name} |" not in page]
    nothing = {row: figures.Figures(1, 1, 1) for row in rows}
    starts = [startup.Start(name, 1, 1) for name in startup.COMMANDS]
    goals = figures._goals(nothing, starts, 0)
    assert [] == [goal.words for goal in goals if f"| {goal.words} |" not in page]
