"""The pages of the documentation that are made from the documents: permissions, faults, pictures, the runbook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator import faults, policy
from generator.artifacts import ArtifactError
from generator.resources.alarms import meanings
from states_language import graph

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from generator.policy import Grant
    from states_language.document import StateMachine

NOTICE = "<!-- Made by `make template`; edit what it is made from instead. -->"
PICTURE_BEGINS, PICTURE_ENDS = "<!-- picture begins -->", "<!-- picture ends -->"
ALARMS_BEGIN, ALARMS_END = "<!-- alarms begin -->", "<!-- alarms end -->"
ERRORS_BEGIN, ERRORS_END = "<!-- errors begin -->", "<!-- errors end -->"
PICTURE = "the picture stands", PICTURE_BEGINS, PICTURE_ENDS
ALARMS = "the alarms stand", ALARMS_BEGIN, ALARMS_END
ERRORS = "the errors stand", ERRORS_BEGIN, ERRORS_END


def permissions(documents: Mapping[str, Sequence[Grant]]) -> str:
    """Return the page that says which state of which document needs which permission."""
    return "\n".join(
        [
            "# What the state machines may do",
            NOTICE,
            "",
            "The policy of each role is derived from its ASL document: each Task's integration, with its parameters, needs",
            "what `states_language/permissions.yaml` says. It is the union over the document and the two releases before it:",
            "a canary, a rollback or a running execution still uses an older one, and where the last release was rolled",
            "back, that is the one before.",
            "",
            *(line for name, grants in documents.items() for line in _permissions(name, grants)),
        ]
    )


def _permissions(name: str, grants: Sequence[Grant]) -> list[str]:
    rows = [
        [
            "<br>".join(f"`{action}` for {', '.join(states)}" for action, states in grant.needs),
            "<br>".join(f"`{resource}`" for resource in grant.resources),
            "<br>".join(f"`{key}` {operator} `{value}`" for operator, key, value in grant.condition) or "-",
        ]
        for grant in grants
    ]
    wide = [
        ["<br>".join(f"`{action}`" for action in grant.actions), grant.reason]
        for grant in grants
        if grant.reason
    ]
    return [
        f"## `{name}`",
        "",
        *_table(["Actions, and the states that need them", "Resources", "Condition"], rows),
        "",
        "### What cannot be narrowed",
        "",
        "AWS lets nothing narrower than `*` be said for these:",
        "",
        *_table(["Actions", "Why"], wide),
        "",
        f"{len(policy.needed_by(grants))} actions in {len(grants)} statements.",
        "",
    ]


def fault_table() -> str:
    """Return the page that says whose fault each end of a validation is, and what to do."""
    ends = {"server": "ValidationFailed", "pipeline": "PipelineFailed"}
    rows = [
        [
            f"`{fault.error}`",
            f"the {fault.fault}'s",
            f"`{ends[fault.fault]}`" if document == "validation-pipeline" else "recorded by the sweeper",
            fault.means,
            fault.do,
        ]
        for document in ("validation-pipeline", "task-sweeper")
        for fault in faults.table(document).values()
    ]
    return "\n".join(
        [
            "# Whose fault it was",
            NOTICE,
            "",
            "Every way in which a validation ends other than `ValidationSucceeded`, in the order of the pipeline. The error",
            "is the one that the execution fails with; its cause says why. An input that is missing or malformed ends the",
            "execution at once with `InvalidInput`, before anything is started.",
            "",
            *_table(["Error", "Fault", "Ends in", "What it means", "What to do"], rows),
            "",
        ]
    )


def picture(machine: StateMachine, title: str = "The validation pipeline") -> str:
    """Return the page with the whole state graph of a document."""
    return "\n".join(
        [
            f"# {title}, state by state",
            NOTICE,
            "",
            "Boxes call AWS, rhombi choose, rounded boxes reshape data, dotted edges are taken when a call failed.",
            "",
            "```mermaid",
            graph.mermaid(machine).rstrip("\n"),
            "```",
            "",
        ]
    )


def with_picture(readme: str, machine: StateMachine) -> str:
    """Return the README with its picture: what the pipeline calls, and how it ends.

    Raises `ArtifactError` where the README does not say where the picture stands.
    """
    picture = f"```mermaid\n{graph.outline(machine)}```"
    return _filled("README.md", readme, PICTURE, picture)


def operating(page: str) -> str:
    """Return the runbook with its sections: one for each alarm, one for each error.

    Raises `ArtifactError` where the page does not say where they stand.
    """
    path = "docs/operating.md"
    alarms = [
        line for each in meanings().values() for line in _section(each.alarm, each.means, each.look, each.do)
    ]
    errors = [
        line
        for document in ("validation-pipeline", "task-sweeper")
        for each in faults.table(document).values()
        for line in _section(each.error, f"The {each.fault}'s fault. {each.means}", each.look, each.do)
    ]
    page = _filled(path, page, ALARMS, "\n".join(alarms).rstrip())
    return _filled(path, page, ERRORS, "\n".join(errors).rstrip())


def _section(name: str, means: str, look: str, do: str) -> list[str]:
    return [f"### `{name}`", "", means, "", f"- **Look:** {look}", f"- **Do:** {do}", ""]


def _filled(path: str, text: str, place: tuple[str, str, str], content: str) -> str:
    """Return a page with its content between two of its lines; the rest is the author's.

    `place` is what stands there, and the two lines.
    """
    what, begins, ends = place
    before, begin, rest = text.partition(begins)
    _, end, after = rest.partition(ends)
    if not (begin and end):
        message = f"{path}: needs the lines {begins} and {ends}, between which {what}"
        raise ArtifactError(message)
    return f"{before}{begins}\n{content}\n{ends}{after}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table's lines; a bar inside a cell does not part it."""
    lines = (header, ["---"] * len(header), *rows)
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in lines]
