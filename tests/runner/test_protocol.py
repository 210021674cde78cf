"""What the endpoint reads and writes: botocore's models decide, in JSON and in CBOR."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import botocore.session
import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given
from hypothesis import strategies as st

from runner.gateway.protocol import ApiError, Asked, ModelError, _from_cbor, _to_cbor, read, refused, written

JSON = Asked("AWSStepFunctions", "StartExecution", is_cbor=False)
CBOR = Asked("CodeBuild_20161006", "BatchGetBuilds", is_cbor=True)
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)

TEXTS = st.text(max_size=300)
NUMBERS = st.integers(-(1 << 63), (1 << 64) - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.booleans() | TEXTS | NUMBERS,
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(TEXTS, inner, max_size=30),
)


@lru_cache
def model(service: str, operation: str) -> Any:
    """Return an operation's model."""
    return botocore.session.get_session().get_service_model(service).operation_model(operation)


START = model("stepfunctions", "StartExecution")
BUILDS = model("codebuild", "BatchGetBuilds")


@given(VALUES)
def test_cbor_is_what_botocore_reads(value: Any) -> None:
    """Whatever is written comes back, by botocore's decoder."""
    assert value == _from_cbor(_to_cbor(value))


def test_a_time_in_cbor_is_a_time() -> None:
    """To the millisecond."""
    assert MOMENT == _from_cbor(_to_cbor(MOMENT))


@given(st.lists(TEXTS.filter(bool), min_size=1, max_size=100))
def test_a_request_in_cbor_is_read(ids: list[str]) -> None:
    """As botocore's client writes it."""
    sent = create_serializer("smithy-rpc-v2-cbor").serialize_to_request({"ids": ids}, BUILDS)
    asked = Asked.of(sent["url_path"], sent["headers"])
    assert CBOR == asked
    assert {"ids": ids} == read(CBOR, BUILDS, bytes(sent["body"]))


@pytest.mark.parametrize(("asked", "protocol"), [(CBOR, "smithy-rpc-v2-cbor"), (CBOR, "json")])
def test_an_answer_is_what_botocore_parses(asked: Asked, protocol: str) -> None:
    """In both protocols: times are times, and what is unset is absent."""
    asked = Asked(asked.prefix, asked.operation, is_cbor=protocol != "json")
    answer = {"builds": [{"id": "a:b", "startTime": MOMENT, "endTime": None, "buildComplete": False}]}
    found = written(asked, BUILDS, answer)
    response = {"body": found.body, "headers": dict(found.headers), "status_code": found.status}
    parsed = create_parser(protocol).parse(response, BUILDS.output_shape)
    (build,) = parsed["builds"]
    assert {"id": "a:b", "startTime": MOMENT, "buildComplete": False} == build


@pytest.mark.parametrize(("asked", "protocol"), [(CBOR, "smithy-rpc-v2-cbor"), (JSON, "json")])
def test_an_error_is_what_botocore_parses(asked: Asked, protocol: str) -> None:
    """By its code, with its message."""
    found = refused(asked, BUILDS, ApiError("InvalidInputException", "why"))
    response = {"body": found.body, "headers": dict(found.headers), "status_code": found.status}
    parsed = create_parser(protocol).parse(response, BUILDS.output_shape)
    assert ("InvalidInputException", "why") == (parsed["Error"]["Code"], parsed["Error"]["Message"])


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/", {"X-Amz-Target": "AWSStepFunctions.StartExecution"}, JSON),
        ("/service/CodeBuild_20161006/operation/BatchGetBuilds", {"smithy-protocol": "rpc-v2-cbor"}, CBOR),
        ("/service/CodeBuild_20161006/operation/BatchGetBuilds", {}, None),
        ("/bucket/key", {}, None),
        ("/", {"X-Amz-Target": "nothing"}, None),
    ],
)
def test_what_a_request_is_about(path: str, headers: dict[str, str], expected: Asked | None) -> None:
    """By its header, or its path; anything else is the emulator's."""
    assert expected == Asked.of(path, headers)


@pytest.mark.parametrize(
    ("given_", "code", "message"),
    [
        (
            {},
            "ValidationException",
            r"1 validation error detected: Value at 'stateMachineArn' .* must not be null",
        ),
        ({"stateMachineArn": ""}, "ValidationException", r"length greater than or equal to 1"),
        ({"stateMachineArn": "a" * 257}, "ValidationException", r"length less than or equal to 256"),
        ({"stateMachineArn": 1}, "SerializationException", r"stateMachineArn: int is no string"),
        ({"stateMachineArn": "", "name": ""}, "ValidationException", r"^2 validation errors detected"),
        ([], "SerializationException", "must be an object"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(given_: Any, code: str, message: str) -> None:
    """In the words of Smithy's validation."""
    with pytest.raises(ApiError, match=message) as raised:
        read(JSON, START, json.dumps(given_).encode())
    assert code == raised.value.code


def test_what_is_no_json_is_refused() -> None:
    """As AWS does."""
    with pytest.raises(ApiError) as raised:
        read(JSON, START, b"{")
    assert "SerializationException" == raised.value.code


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"executionArn": "a"}, r"\$ lacks startDate"),
        ({"executionArn": "a", "startDate": MOMENT, "status": "RUNNING"}, r"\$ has no status"),
        ({"executionArn": 1, "startDate": MOMENT}, r"\$\.executionArn: int is no string"),
    ],
)
def test_an_answer_that_aws_could_not_give_is_a_defect(answer: dict[str, Any], message: str) -> None:
    """It never leaves."""
    with pytest.raises(ModelError, match=message):
        written(JSON, START, answer)
