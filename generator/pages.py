"""The pages of the documentation that are made from the documents: permissions, faults, the pipeline's picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator import faults, policy
from generator.artifacts import ArtifactError
from states_language import graph

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from generator.policy import Grant
    from states_language.document import StateMachine

NOTICE = "<!-- Made by `make template`; edit what it is made from instead. -->"
PICTURE_BEGINS, PICTURE_ENDS = "<!-- picture begins -->", "<!-- picture ends -->"


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
    before, begins, rest = readme.partition(PICTURE_BEGINS)
    _, ends, after = rest.partition(PICTURE_ENDS)
    if not (begins and ends):
        message = f"README.md: needs the lines {PICTURE_BEGINS} and {PICTURE_ENDS}, between which the picture stands"
        raise ArtifactError(message)
    return f"{before}{PICTURE_BEGINS}\n```mermaid\n{graph.outline(machine)}```\n{PICTURE_ENDS}{after}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table's lines; a bar inside a cell does not part it."""
    lines = (header, ["---"] * len(header), *rows)
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in lines]
