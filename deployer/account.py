"""An account as a command is pointed at it: a profile, a region, an endpoint; and what a person reads where AWS refuses.

Everything is botocore's: profiles, single sign-on, roles with MFA, and retries with jitter. boto3 adds objects that no
command here needs, and a tenth of the time that they take to start.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

REFUSALS = Path(__file__).with_name("refusals.yaml")
ATTEMPTS = 6
"""How often a call is made before it counts as refused: botocore waits a random time up to 1, 2, 4, 8, 16 seconds."""
CONNECT_SECONDS, READ_SECONDS = 5, 60


class AccountError(Exception):
    """AWS refused, or was not reached; the message says what, and what to do."""


@dataclass(frozen=True)
class Access:
    """Which account is meant, and how it is reached. None: as the environment and the profile say."""

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    """Of an emulator, for every service."""


@dataclass(frozen=True)
class Identity:
    """Who the credentials are."""

    account: str
    arn: str

    @property
    def partition(self) -> str:
        """The partition that they are of, such as `aws-us-gov`."""
        return self.arn.split(":")[1]


@dataclass
class Account:
    """The clients of an account; each is made once, and may be shared by threads."""

    access: Access
    tell: Callable[[str], None] = lambda _text: None
    """Is told of every call that is made again."""
    _clients: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _session: Any = None

    @property
    def region(self) -> str:
        """The region that is meant. Raises `AccountError` where none is."""
        # botocore itself reads only AWS_DEFAULT_REGION; the other SDKs, and the AWS command line, know both.
        found: str | None = (
            self.access.region or os.environ.get("AWS_REGION") or self._opened().get_config_variable("region")
        )
        if not found:
            raise AccountError(_advice("NoRegionError", "", self.access))
        return found

    def client(self, service: str) -> Any:
        """Return the client of a service. Raises `AccountError`, or what botocore raises (see `refusal`)."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._new_client(service)
            return self._clients[service]

    def identity(self) -> Identity:
        """Ask who the credentials are."""
        found = self.client("sts").get_caller_identity()
        return Identity(found["Account"], found["Arn"])

    def _opened(self) -> Any:
        if self._session is None:
            from botocore.session import Session  # noqa: PLC0415 - a fifth of a second that the help does not need

            self._session = Session(profile=self.access.profile)
        return self._session

    def _new_client(self, service: str) -> Any:
        from botocore.config import Config  # noqa: PLC0415

        options: dict[str, Any] = {}
        if self.access.endpoint_url is not None:
            # An emulator has one host name for everything.
            options = {"s3": {"addressing_style": "path"}, "inject_host_prefix": False}
        client = self._opened().create_client(
            service,
            region_name=self.region,
            endpoint_url=self.access.endpoint_url,
            config=Config(
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                **options,
            ),
        )
        _Retries(service, self.tell).watch(client)
        return client


@dataclass
class _Retries:
    """Tells of calls that are made again. One call at a time is followed in each thread."""

    service: str
    tell: Callable[[str], None]
    _local: threading.local = field(default_factory=threading.local)

    def watch(self, client: Any) -> None:
        client.meta.events.register_first("needs-retry.*", self._answered)
        client.meta.events.register("before-send.*", self._sending)

    def _answered(self, response: Any = None, caught_exception: Any = None, **_: Any) -> None:
        if caught_exception is not None:
            self._local.reason = type(caught_exception).__name__
        elif response is not None and response[0].status_code >= 400:
            error = response[1].get("Error", {})
            self._local.reason = error.get("Code") or f"status {response[0].status_code}"

    def _sending(self, request: Any, **_: Any) -> None:
        sent = request.headers.get("amz-sdk-request", b"")
        fields = dict(part.strip().split("=", 1) for part in _text(sent).split(";") if "=" in part)
        if int(fields.get("attempt", 1)) > 1:
            self.tell(
                f"{self.service}: {self._local.reason}; asking again ({fields['attempt']} of {fields.get('max', ATTEMPTS)})"
            )


def _text(value: str | bytes) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else value


def error_code(error: BaseException) -> str:
    """Return the code of an error that AWS answered, or the exception's name: `AccessDenied`, `ReadTimeoutError`."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        code: str = response.get("Error", {}).get("Code", "")
        return code.rpartition("#")[2]
    return type(error).__name__


def is_denied(error: BaseException) -> bool:
    """Tell whether an error says that the caller may not do this."""
    return error_code(error) in _refusals_of("AccessDenied")["names"]


def is_expired(error: BaseException) -> bool:
    """Tell whether an error says that the credentials are valid no longer: signing in again mends it."""
    return error_code(error) in _refusals_of("ExpiredToken")["names"]


def is_out_of_reach(error: BaseException) -> bool:
    """Tell whether AWS was not reached: what was asked may have happened all the same."""
    return error_code(error) in _refusals_of("EndpointConnectionError")["names"]


def is_passing(error: BaseException) -> bool:
    """Tell whether an error says nothing of what was asked: too many requests, a broken connection, an outage."""
    return is_out_of_reach(error) or any(
        error_code(error) in _refusals_of(name)["names"] for name in ("Throttling", "ServiceUnavailable")
    )


def refusal(error: BaseException, access: Access) -> str:
    """Return what a person reads of an error of botocore's: what is wrong, AWS's own words, and what to do."""
    code = error_code(error)
    operation = getattr(error, "operation_name", None)
    response = getattr(error, "response", None)
    words = response.get("Error", {}).get("Message", "") if isinstance(response, dict) else str(error)
    said = ": ".join(part for part in (operation, words) if part)
    return _advice(code, said, access)


def _advice(code: str, said: str, access: Access) -> str:
    found = next((each for each in _refusals() if code in each["names"]), None)
    if found is None:
        return f"{said or code} ({code})"
    profile = f" --profile {access.profile}" if access.profile else ""
    told = f"{found['what']}: {said} ({code})" if said else str(found["what"])
    return f"{told}\n{found['help'].replace('{profile}', profile)}"


@cache
def _refusals() -> list[dict[str, Any]]:
    import yaml  # noqa: PLC0415 - only where something went wrong

    found: list[dict[str, Any]] = yaml.safe_load(REFUSALS.read_text("utf-8"))
    return found


def _refusals_of(name: str) -> dict[str, Any]:
    return next(each for each in _refusals() if name in each["names"])
