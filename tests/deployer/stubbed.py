"""An account whose services answer from a list: each answer has the shape of botocore's model, and its own request."""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.stub import Stubber

from deployer.account import Access, Account

REGION = "us-east-1"
ACCOUNT = "123456789012"
FAKE = "x"


@cache
def _session() -> Any:
    """Return one session: it keeps the models that it has read."""
    return botocore.session.Session()


class Stubbed:
    """The account, and a stubber for each service that is asked for."""

    def __init__(self, *services: str, region: str = REGION):
        self.stubs: dict[str, Stubber] = {}
        self.account = Account(Access(region=region))
        for service in services:
            client = _session().create_client(
                service,
                region_name=region,
                aws_access_key_id=FAKE,
                aws_secret_access_key=FAKE,
                config=Config(retries={"total_max_attempts": 1}),
            )
            self.stubs[service] = Stubber(client)
            self.stubs[service].activate()
            self.account._clients[service] = client

    def answer(self, service: str, operation: str, response: Any, **expected: Any) -> None:
        """Answer the next request of a service, which must be this one."""
        self.stubs[service].add_response(operation, response, expected or None)

    def refuse(self, service: str, operation: str, code: str, message: str = "no", status: int = 400) -> None:
        """Refuse the next request of a service."""
        self.stubs[service].add_client_error(operation, code, message, status)

    def assert_all_asked(self) -> None:
        """Fail where an answer was not asked for."""
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()


def identity(stubbed: Stubbed, account: str = ACCOUNT) -> None:
    """Answer who the credentials are."""
    arn = f"arn:aws:iam::{account}:user/u"
    stubbed.answer("sts", "get_caller_identity", {"Account": account, "Arn": arn, "UserId": "u"})
