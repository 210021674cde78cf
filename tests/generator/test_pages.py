"""The pages that are made: every row of what they are made from, in tables that Markdown reads as tables."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from generator import faults, pages
from generator import settings as settings_file
from generator.artifacts import ArtifactError
from generator.policy import Grant
from generator.resources.alarms import meanings
from states_language.document import StateMachine
from states_language.graph import mermaid, outline

MACHINE = StateMachine.of({"StartAt": "Only", "States": {"Only": {"Type": "Succeed"}}})
README = f"# Title\n\nBefore.\n\n{pages.PICTURE_BEGINS}\nold\n{pages.PICTURE_ENDS}\n\nAfter ü.\n"


def cells(line: str) -> list[str]:
    """Part a table's row as GitHub's Markdown does."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def rows(page: str) -> list[list[list[str]]]:
    """Return the tables of a page."""
    found: list[list[list[str]]] = [[]]
    for line in page.splitlines():
        if line.startswith("|"):
            found[-1].append(cells(line))
        elif found[-1]:
            found.append([])
    return [table for table in found if table]


@pytest.mark.parametrize("page", ["docs/faults.md", "docs/permissions.md"])
def test_every_row_has_a_cell_for_each_heading(root: Path, page: str) -> None:
    """A table with a cell too many or an empty one is drawn wrong."""
    tables = rows((root / page).read_text("utf-8"))
    assert tables
    for header, rule, *body in tables:
        assert rule == ["---"] * len(header)
        assert body
        assert [row for row in body if len(row) != len(header) or not all(row)] == []


@pytest.mark.parametrize(
    "page", ["docs/faults.md", "docs/permissions.md", "docs/pipeline.md", "docs/sweeper.md"]
)
def test_a_page_that_is_made_says_so(root: Path, page: str) -> None:
    """Nobody edits by hand what the next run overwrites."""
    assert (root / page).read_text("utf-8").splitlines()[1] == pages.NOTICE


def test_the_table_of_faults_is_the_whole_table() -> None:
    """Each fault in its order, with whose it is and where the execution ends."""
    (table,) = rows(pages.fault_table())
    ends = {"server": "`ValidationFailed`", "pipeline": "`PipelineFailed`"}
    assert table[2:] == [
        [f"`{fault.error}`", f"the {fault.fault}'s", ends[fault.fault], fault.means, fault.do]
        for fault in faults.table().values()
    ] + [
        [f"`{fault.error}`", f"the {fault.fault}'s", "recorded by the sweeper", fault.means, fault.do]
        for fault in faults.table("task-sweeper").values()
    ]


def test_every_fault_of_the_pipeline_is_in_the_table_and_none_is_left_over(
    definition: dict[str, Any],
) -> None:
    """What the states put down is what the table says, with its owner; no row describes what cannot happen."""
    noted = {
        state["Parameters"]["Error"]: state["Parameters"]["Fault"]
        for state in definition["States"].values()
        if state["Type"] == "Pass" and state.get("Parameters", {}).get("Error")
    }
    assert noted == {error: fault.fault for error, fault in faults.table().items()}


def test_only_a_servers_fault_rejects_it() -> None:
    """A fault of ours says nothing about the server."""
    assert {(fault.fault, fault.outcome) for fault in faults.table().values()} == {
        ("server", "rejected"),
        ("pipeline", "inconclusive"),
    }


def grant(**fields: Any) -> Grant:
    """Return a grant with usual fields."""
    usual: dict[str, Any] = {
        "needs": (("a:One", ("A",)),),
        "resources": ("arn:1",),
        "condition": (),
        "reason": "",
    }
    return Grant(**{**usual, **fields})


def test_the_page_of_permissions_names_states_conditions_and_reasons() -> None:
    """Each statement is a row; what is wide stands a second time, with its reason."""
    statements = [
        grant(needs=(("a:One", ("A",)), ("a:Two", ("A", "B")))),
        grant(needs=(("b:Three", ("C",)),), resources=("*",), reason="It takes none."),
        grant(condition=(("StringEquals", "k", "v"),)),
    ]
    page = pages.permissions({"machine": statements})
    narrow, wide = rows(page)
    assert narrow[2:] == [
        ["`a:One` for A<br>`a:Two` for A, B", "`arn:1`", "-"],
        ["`b:Three` for C", "`*`", "-"],
        ["`a:One` for A", "`arn:1`", "`k` StringEquals `v`"],
    ]
    assert wide[2:] == [["`b:Three`", "It takes none."]]
    assert page.endswith("\n3 actions in 3 statements.\n")


def test_a_bar_in_a_cell_does_not_part_it() -> None:
    """Whatever text a table holds, its columns stay."""
    page = pages.permissions({"machine": [grant(resources=("*",), reason="One | two.")]})
    assert rows(page)[1][2] == ["`a:One`", r"One \| two."]


def test_the_committed_page_is_that_of_the_committed_policy(root: Path, template: dict[str, Any]) -> None:
    """Every action of the template's policy has its row, with its states."""
    page = rows((root / "docs/permissions.md").read_text("utf-8"))[0][2:]
    listed = {action for row in page for action in re.findall(r"`([\w:-]+)`", row[0])}
    assert listed == template["Resources"]["PipelinePolicy"]["Metadata"]["NeededBy"].keys()


def test_the_picture_replaces_only_what_stands_between_its_lines() -> None:
    """The rest of the README is the author's, and doing it again changes nothing."""
    filled = pages.with_picture(README, MACHINE)
    assert filled == (
        f"# Title\n\nBefore.\n\n{pages.PICTURE_BEGINS}\n```mermaid\n{outline(MACHINE)}```\n{pages.PICTURE_ENDS}\n\nAfter ü.\n"
    )
    assert pages.with_picture(filled, MACHINE) == filled


@pytest.mark.parametrize(
    "readme",
    ["", "# Title\n", f"{pages.PICTURE_BEGINS}\n", f"{pages.PICTURE_ENDS}\n{pages.PICTURE_BEGINS}\n"],
    ids=["empty", "neither", "no end", "the wrong way round"],
)
def test_a_readme_without_a_place_for_the_picture_is_refused(readme: str) -> None:
    """The message says which lines it needs."""
    with pytest.raises(ArtifactError, match=rf"^README\.md: needs the lines {pages.PICTURE_BEGINS}"):
        pages.with_picture(readme, MACHINE)


def test_the_page_of_the_pipeline_holds_the_whole_graph(root: Path, definition: dict[str, Any]) -> None:
    """The committed page shows the committed document, in a block that code hosts draw."""
    page = (root / "docs/pipeline.md").read_text("utf-8")
    assert f"\n```mermaid\n{mermaid(StateMachine.of(definition))}```\n" in page
    assert page == pages.picture(StateMachine.of(json.loads(json.dumps(definition))))


@pytest.fixture(scope="module")
def runbook(root: Path) -> str:
    """Return the committed runbook."""
    return (root / "docs/operating.md").read_text("utf-8")


def sections(page: str) -> dict[str, str]:
    """Return what stands under each heading of the third level that is a name in code."""
    parts = re.split(r"^### `(\w+)`$", page, flags=re.MULTILINE)
    found = dict(
        zip(
            parts[1::2], (re.split(r"^## ", each, flags=re.MULTILINE)[0] for each in parts[2::2]), strict=True
        )
    )
    assert len(parts[1::2]) == len(found), "a name has two sections"
    return found


def own_errors(states: dict[str, Any]) -> set[str]:
    """Return the errors that Fail states of a document name themselves, at every depth."""
    found = {state["Error"] for state in states.values() if "Error" in state and state["Type"] == "Fail"}
    for state in states.values():
        for inner in (*state.get("Branches", []), state.get("ItemProcessor", {"States": {}})):
            found |= own_errors(inner["States"])
    return found


def test_the_runbook_is_about_every_alarm_and_every_error_and_nothing_else(
    root: Path, runbook: str, template: dict[str, Any]
) -> None:
    """Of the template, of the table of faults, and of the Fail states of both documents."""
    alarms = {
        name for name, each in template["Resources"].items() if each["Type"] == "AWS::CloudWatch::Alarm"
    }
    errors = {*faults.table(), *faults.table("task-sweeper")}
    for name in ("validation-pipeline", "task-sweeper"):
        errors |= own_errors(json.loads((root / f"asl/{name}.asl.json").read_text("utf-8"))["States"])
    assert alarms | errors == sections(runbook).keys()
    assert alarms == meanings().keys()


def test_each_section_says_what_it_means_where_to_look_and_what_to_do(runbook: str) -> None:
    """Briefly: nobody reads a screenful at night."""
    for name, text in sections(runbook).items():
        if name == "SweepFailed":
            assert "(#sweepsfailedalarm)" in text
            continue
        *about, look, do = [line for line in text.splitlines() if line and not line.startswith("<!--")]
        means = " ".join(about)
        assert means.endswith(".")
        assert look.startswith("- **Look:** ")
        assert do.startswith("- **Do:** ")
        assert all(line.endswith(".") for line in (look, do))
        assert len(text.split()) < 90


def test_an_errors_section_says_whose_fault_it_was(runbook: str) -> None:
    """As the table of faults does."""
    found = sections(runbook)
    for document in ("validation-pipeline", "task-sweeper"):
        for fault in faults.table(document).values():
            assert f"The {fault.fault}'s fault." in found[fault.error]


def test_every_link_of_the_runbook_leads_somewhere(root: Path, runbook: str) -> None:
    """To a heading of its own, or to a file."""
    headings = {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", runbook, flags=re.MULTILINE)
    }
    links = re.findall(r"\]\(([^)]+)\)", runbook)
    assert links
    for link in links:
        file, _, anchor = link.partition("#")
        assert (root / "docs" / file).exists() if file else anchor in headings


def test_the_alarms_lead_to_their_sections(template: dict[str, Any]) -> None:
    """By the heading's own address, and in few enough characters for an alarm (documentation: PutMetricAlarm)."""
    for name, each in template["Resources"].items():
        if each["Type"] == "AWS::CloudWatch::Alarm":
            description = each["Properties"]["AlarmDescription"]
            assert description.startswith(meanings()[name].means)
            assert description.endswith(f"docs/operating.md#{name.lower()}")
            assert len(description) <= 1024


def test_what_the_runbook_names_is_there(root: Path, runbook: str, template: dict[str, Any]) -> None:
    """Outputs, parameters, alarms and settings; every log group is in its table, with the days that it keeps."""
    groups = {
        name
        for name, output in template["Outputs"].items()
        if template["Resources"].get(output["Value"].get("Ref") if isinstance(output["Value"], dict) else None, {}).get("Type") == "AWS::Logs::LogGroup"
    }  # fmt: skip
    table = runbook.partition("| Log group (output) |")[2].partition("\n\n")[0]
    assert groups == set(re.findall(r"`(\w+)`", table))
    settings = settings_file.load(root / "settings.yaml")
    assert f"kept for {settings.logs.task_retention_days} days" in table
    for name in ("DashboardName", "PipelineVersionsServed", "SweeperArn", "UndeliveredEventsUrl"):
        assert name in template["Outputs"]
        assert name in runbook
    assert "DeploymentType" in template["Parameters"]
    for path in re.findall(r"`(pipeline|startup)\.(\w+)`", runbook):
        assert hasattr(getattr(settings, path[0]), path[1])


def test_the_runbook_is_filled_and_never_made() -> None:
    """The rest is the author's, doing it again changes nothing, and a page without its lines is refused."""
    page = f"# Title\n{pages.ALARMS_BEGIN}\n{pages.ALARMS_END}\nBetween ü.\n{pages.ERRORS_BEGIN}\nold\n{pages.ERRORS_END}\nAfter.\n"
    filled = pages.operating(page)
    assert filled.startswith(f"# Title\n{pages.ALARMS_BEGIN}\n### `PipelineFaultAlarm`\n")
    assert "\nBetween ü.\n" in filled
    assert filled.endswith(f"\n{pages.ERRORS_END}\nAfter.\n")
    assert filled == pages.operating(filled)
    for broken in (page.replace(pages.ALARMS_END, ""), page.replace(pages.ERRORS_BEGIN, "")):
        with pytest.raises(ArtifactError, match=r"^docs/operating\.md: needs the lines <!-- "):
            pages.operating(broken)
