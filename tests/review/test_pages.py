"""The pages in a real browser: nothing overflows, nothing is loaded, every state is drawn, in dark and light."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from review import execution
from review.render import execution_page
from review.render.page import page
from states_language.document import StateMachine
from states_language.interpreter import TaskFailed, execute

pytest.importorskip("grandalf")
from review.render import Report, render  # only where graphs can be laid out

CASES = Path(__file__).parent / "cases"
BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
in_a_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")

PROBE = """<script>
addEventListener('load', () => {
  const wide = [...document.querySelectorAll('body *')].filter(e => {
    if (e.closest('svg, pre, .drawing, .scroll') || !e.offsetParent) return false;
    return e.getBoundingClientRect().right > innerWidth + 1;
  }).map(e => e.tagName + '.' + e.className);
  const shade = s => { const [r, g, b] = s.match(/[\\d.]+/g).map(Number); return (r * 299 + g * 587 + b * 114) / 1000; };
  const style = getComputedStyle(document.body);
  document.documentElement.setAttribute('data-probe', JSON.stringify({
    wide, overflow: document.documentElement.scrollWidth > innerWidth + 1,
    boxes: document.querySelectorAll('svg .box').length, bars: document.querySelectorAll('.bar').length,
    text: shade(style.color), page: shade(style.backgroundColor),
    empty: [...document.querySelectorAll('details[open] svg, main > .drawing svg')].filter(e => !e.getBoundingClientRect().width).length,
  }));
});
</script>"""


def looked_at(path: Path, html: str, *, width: int, is_dark: bool = False) -> dict[str, Any]:
    """Open a page in a window of a width, and return what a reader would notice."""
    probed = html.replace("default-src 'none'", "default-src 'none'; script-src 'unsafe-inline'").replace(
        "</body>", PROBE + "</body>"
    )
    path.write_text(probed, "utf-8")
    theme = (
        ["--blink-settings=preferredColorScheme=0"]
        if is_dark
        else ["--blink-settings=preferredColorScheme=1"]
    )
    done = subprocess.run(
        [
            str(BROWSER),
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={path.parent / 'profile'}",
            f"--window-size={width},900",
            *theme,
            "--dump-dom",
            path.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    probe = re.search(r'data-probe="([^"]*)"', done.stdout)
    assert probe is not None, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(
        probe[1].replace("&quot;", '"').replace("&gt;", ">").replace("&lt;", "<")
    )
    return found


def review_page(name: str) -> str:
    """Return the page of a case."""
    from review.compare import compare  # noqa: PLC0415  # beside the other heavy ones
    from review.documents import read  # noqa: PLC0415

    sides = [
        {"": read((CASES / name / f"{side}.json").read_bytes(), "document.json")}
        for side in ("before", "after")
    ]
    return render(Report(compare(*sides), sides[0], sides[1], "before → after"), "html")


def told(*, fails: bool) -> tuple[execution.Told, StateMachine]:
    """Execute the document of a case, and return what its history tells."""
    machine = StateMachine.of(json.loads((CASES / "clean-up-skipped/before.json").read_text("utf-8")))

    def call(resource: str, parameters: Any, context: Any) -> Any:  # noqa: ARG001  # the interpreter's port
        if resource.endswith("runTask"):
            return {"Tasks": [{"TaskArn": "arn:aws:ecs:us-east-1:111122223333:task/c/1"}]}
        if resource.endswith("lambda:invoke"):
            if fails:
                raise TaskFailed("Lambda.Unknown", "it <broke>")
            return {"Payload": {"verified": True}}
        return {}

    done = execute(machine, {"TaskDefinition": "t"}, call_task=call)
    return execution.tell(done.history), machine


def test_a_history_tells_what_became_of_each_state() -> None:
    """Success, a caught failure, and the way between are read from the events alone."""
    good, _ = told(fails=False)
    assert ("SUCCEEDED", {"succeeded"}) == (good.status, {visit.fate for visit in good.visits})
    bad, machine = told(fails=True)
    assert "FAILED" == bad.status
    assert {
        "RunServer": "succeeded",
        "Validate": "caught",
        "NoteFailed": "succeeded",
        "Rejected": "failed",
    }.items() <= {name: bad.fate(name) for name in bad.names}.items()
    _, edges = execution.taken(machine, bad)
    assert ("/States/Validate", "/States/NoteFailed") in edges


def test_a_history_from_aws_is_read_like_one_from_here(tmp_path: Path) -> None:
    """The command line of AWS wraps the events, and may write times as numbers."""
    events = [
        {
            "timestamp": 1700000000.5,
            "type": "ExecutionStarted",
            "id": 1,
            "previousEventId": 0,
            "executionStartedEventDetails": {"input": "{}"},
        },
        {
            "timestamp": 1700000001.0,
            "type": "PassStateEntered",
            "id": 2,
            "previousEventId": 0,
            "stateEnteredEventDetails": {"name": "A"},
        },
        {
            "timestamp": 1700000003.0,
            "type": "PassStateExited",
            "id": 3,
            "previousEventId": 2,
            "stateExitedEventDetails": {"name": "A"},
        },
    ]
    path = tmp_path / "history.json"
    path.write_text(json.dumps({"events": events[::-1]}), "utf-8")
    found = execution.tell(execution.read(path))
    assert ("RUNNING", 2.5, 2.0) == (
        found.status,
        found.seconds,
        (found.visits[0].left_at or 0) - found.visits[0].entered_at,
    )


def test_the_pages_load_nothing_and_run_nothing() -> None:
    """A page is one file: no address, no script, and a policy that forbids both."""
    for html in (review_page("clean-up-skipped"), execution_page.render(*told(fails=True)), page("t", "")):
        assert "default-src 'none'" in html
        assert not re.search(r"<script|<link|<img|<iframe|\bsrc=|@import|url\((?!#)", html)
        assert not re.search(r"(?:href|src)=.https?:", html)


def test_what_a_document_says_is_shown_as_text() -> None:
    """A cause with tags in it draws nothing."""
    html = execution_page.render(*told(fails=True))
    assert "it &lt;broke&gt;" in html
    assert "<broke>" not in html


@in_a_browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("is_dark", [False, True])
def test_the_pages_can_be_read_in_a_browser(tmp_path: Path, width: int, is_dark: bool) -> None:
    """On a phone and on a screen nothing overflows, the graphs are drawn, and text stands out from the page."""
    pages = {
        "review": review_page("container-less-confined"),
        "execution": execution_page.render(*told(fails=True)),
    }
    for name, html in pages.items():
        found = looked_at(tmp_path / f"{name}.html", html, width=width, is_dark=is_dark)
        assert ([], False, 0) == (found["wide"], found["overflow"], found["empty"]), name
        assert found["boxes"] > 5
        assert is_dark is (found["page"] < 128)
        assert abs(found["text"] - found["page"]) > 150
    assert looked_at(tmp_path / "execution.html", pages["execution"], width=width)["bars"] >= 6
