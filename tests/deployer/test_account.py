"""The account that a command is pointed at, and what is said where AWS refuses."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import botocore.exceptions
import pytest
import yaml
from botocore.exceptions import ClientError
from botocore.retries import standard

from deployer.account import (
    ATTEMPTS,
    REFUSALS,
    Access,
    Account,
    AccountError,
    Identity,
    error_code,
    is_denied,
    is_expired,
    is_out_of_reach,
    is_passing,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REGION = "us-east-1"
THROTTLED = (
    b"<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>"
)
ANSWERED = (
    b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws-cn:iam::123456789012:user/u</Arn>"
    b"<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let no profile or credential of this machine's be found, and let retries wait for nothing."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give credentials that no service knows."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")


@pytest.fixture
def busy() -> Iterator[str]:
    """Serve a service that refuses two calls, then answers; give its address."""
    answers = iter([(400, THROTTLED), (503, b""), (200, ANSWERED)])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            status, body = next(answers)
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def client_error(code: str, message: str = "no", operation: str = "DescribeStacks") -> ClientError:
    """Return an error as a service answers it."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.usefixtures("credentials")
def test_calls_that_are_made_again_are_told(busy: str) -> None:
    """Throttled and failed calls are retried, each with its reason, and the answer is the last one's."""
    heard: list[str] = []
    account = Account(Access(region=REGION, endpoint_url=busy), heard.append)
    found = account.identity()
    assert Identity("123456789012", "arn:aws-cn:iam::123456789012:user/u") == found
    assert "aws-cn" == found.partition
    assert [
        f"sts: Throttling; asking again (2 of {ATTEMPTS})",
        f"sts: 503; asking again (3 of {ATTEMPTS})",
    ] == heard


@pytest.mark.usefixtures("credentials")
def test_a_service_out_of_reach_is_asked_so_often_and_no_more() -> None:
    """Nothing listens at port 1; the error says that nobody was reached."""
    heard: list[str] = []
    account = Account(Access(region=REGION, endpoint_url="http://127.0.0.1:1"), heard.append)
    with pytest.raises(botocore.exceptions.EndpointConnectionError) as caught:
        account.identity()
    assert ATTEMPTS - 1 == len(heard)
    assert is_out_of_reach(caught.value)


def test_no_region_is_told_before_anything_is_asked() -> None:
    """Without a region no client can be made."""
    with pytest.raises(AccountError, match="no region was given\nname one with --region"):
        Account(Access()).client("sts")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (botocore.exceptions.NoCredentialsError(), ["no credentials were found: Unable to locate", "aws sso login --profile p"]),
        (botocore.exceptions.ProfileNotFound(profile="p"), ["there is no such profile", "list-profiles"]),
        (botocore.exceptions.UnauthorizedSSOTokenError(), ["IAM Identity Center", "run `aws sso login --profile p`"]),
        (client_error("ExpiredTokenException"), ["the credentials have expired: DescribeStacks: no (ExpiredTokenException)", "sign in again"]),
        (client_error("AccessDenied", "User x is not authorized"), ["User x is not authorized", "build.py doctor"]),
        (client_error("com.amazonaws#ThrottlingException"), ["too many requests", "wait a minute"]),
        (client_error("Unheard", ""), ["DescribeStacks (Unheard)"]),
        (client_error("ValidationError", "Stack [x] does not exist"), ["DescribeStacks: Stack [x] does not exist (ValidationError)"]),
    ],
)  # fmt: skip
def test_a_refusal_says_what_is_wrong_and_what_to_do(error: Exception, expected: list[str]) -> None:
    """AWS's own words are kept, and the advice names the profile that was given."""
    lines = refusal(error, Access(profile="p")).splitlines()
    assert len(expected) == len(lines)
    assert all(part in line for part, line in zip(expected, lines, strict=True))


def test_what_kind_of_refusal_it_is_can_be_asked() -> None:
    """A denied call is no expired one."""
    denied, expired = client_error("AccessDeniedException"), client_error("ExpiredToken")
    assert (True, False) == (is_denied(denied), is_denied(expired))
    assert (False, True) == (is_expired(denied), is_expired(expired))
    assert "ReadTimeoutError" == error_code(botocore.exceptions.ReadTimeoutError(endpoint_url="u"))


def test_what_botocore_asks_again_for_passes() -> None:
    """Each code and status that it takes for throttling, or for trouble on the way, is outlasted where one waits."""
    throttled, passing = standard.ThrottledRetryableChecker, standard.TransientRetryableChecker
    codes = [*throttled._THROTTLED_ERROR_CODES, *passing._TRANSIENT_ERROR_CODES]
    codes += [str(each) for each in passing._TRANSIENT_STATUS_CODES]
    assert set() == {code for code in codes if not is_passing(client_error(code))}


def test_the_exceptions_that_are_explained_exist() -> None:
    """Each name that ends with Error is one of botocore's exceptions, or a code that services answer; none stands twice."""
    names = [name for each in yaml.safe_load(REFUSALS.read_text("utf-8")) for name in each["names"]]
    assert sorted(set(names)) == sorted(names)
    codes = {"AuthorizationError", "InternalError", "InternalServerError", "InternalServiceError"}
    assert set() == {
        name
        for name in names
        if name.endswith("Error") and not hasattr(botocore.exceptions, name) and name not in codes
    }
