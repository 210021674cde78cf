"""The command `validate`: what it prints, and the exit codes that scripts rely on."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from tests.validator.hostile_cases import on, status
from tests.validator.scripted_server import Honest, ScriptedServer
from validator import handler
from validator.commands import validate


@pytest.mark.parametrize(
    ("honest", "code", "outcome"),
    [
        (Honest(), 0, "verified"),
        (Honest(tools=({"name": "a"},)), 3, "rejected"),
        (Honest(tools=()), 3, "needs_policy"),
    ],
)
def test_exit_codes(honest: Honest, code: int, outcome: str) -> None:
    """A script can tell the outcomes apart."""
    with ScriptedServer(honest) as server:
        done = CliRunner().invoke(validate, [server.url])
    assert (code, True) == (done.exit_code, done.output.startswith(outcome.replace("_", " ")))


def test_a_defect_of_ours_is_no_rejection(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the validator could not judge ends with 1, like any error."""
    monkeypatch.setattr(handler, "survey", lambda *_: 1 / 0)
    assert 1 == CliRunner().invoke(validate, ["http://127.0.0.1:9"]).exit_code


def test_json_is_the_verdict() -> None:
    """With --json nothing but the verdict is printed."""
    with ScriptedServer() as server:
        done = CliRunner().invoke(validate, [server.url, "--json"])
    assert "toolshed.verdict/1" == json.loads(done.output)["schema"]


def test_localhost_and_a_path_are_taken() -> None:
    """An author may say localhost, and the path."""
    with ScriptedServer(Honest(path="/mcp")) as server:
        done = CliRunner().invoke(validate, [f"http://localhost:{server.port}/mcp"])
    assert 0 == done.exit_code
    assert {"/mcp"} == {received.path for received in server.received}


def test_the_given_path_is_the_only_one_that_is_asked() -> None:
    """A path that is given is not searched for elsewhere, and is told if the registry would not want it."""
    with ScriptedServer(Honest(path="/custom")) as server:
        done = CliRunner().invoke(validate, [f"{server.url}/custom"])
    assert 3 == done.exit_code
    assert "policy  endpoint.path" in done.output
    assert {"/custom"} == {received.path for received in server.received}


@pytest.mark.parametrize(
    "url",
    ["mcp.example.org", "https://127.0.0.1/mcp", "http://mcp.example.org/mcp", "http://169.254.169.254/"],
)
def test_a_url_that_is_not_asked_is_a_mistake_of_usage(url: str) -> None:
    """The message says what is wrong with the URL, without a traceback."""
    done = CliRunner().invoke(validate, [url])
    assert 2 == done.exit_code
    assert "Error: Invalid value for URL: " in done.output


def test_no_number_is_no_time_limit() -> None:
    """A server would be rejected for it."""
    assert 2 == CliRunner().invoke(validate, ["http://127.0.0.1:1", "--time-limit", "nan"]).exit_code


def test_a_failure_is_explained() -> None:
    """Each failed check shows where, what was expected, what came, its source, and its page."""
    with ScriptedServer(spoil=on({"tools/list"}, status(500))()) as server:
        done = CliRunner().invoke(validate, [server.url])
    for line in (
        "error  endpoint.status",
        "  at        POST /mcp tools/list",
        "  expected  a status of success, or an error said in JSON-RPC",
        "  found     HTTP 500",
        "  more      docs/validator/endpoint.status.md",
    ):
        assert line in done.output


def test_help_does_not_load_the_validator() -> None:
    """The command line composes this module cheaply."""
    program = "import sys, validator.commands; sys.exit('jsonschema' in sys.modules or 'http.client' in sys.modules)"
    assert 0 == subprocess.run([sys.executable, "-c", program], check=False).returncode
