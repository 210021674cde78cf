"""Requests and answers of AWS's JSON and CBOR protocols, read and written by botocore's models.

What is read is checked against the operation's input, and what is written against its output: a member that the
model does not have, or one that it requires and that is missing, is a defect of ours, and raises `ModelError`.
Evidence for the protocols: botocore, and the Smithy specifications "AWS JSON 1.0" and "Smithy RPC v2 CBOR".
"""

from __future__ import annotations

import json
import struct
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CBOR = "rpc-v2-cbor"
SCALARS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, datetime),
    "blob": (str, bytes),
}


class ApiError(Exception):
    """What a service refuses, by its error's code."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code
        self.message = message


class ModelError(Exception):
    """What is to be answered is no answer by the model."""


@dataclass(frozen=True)
class Asked:
    """What a request is about, by its headers and its path."""

    prefix: str
    """The service, as its model's `targetPrefix` names it."""
    operation: str
    is_cbor: bool

    @classmethod
    def of(cls, path: str, headers: Mapping[str, str]) -> Asked | None:
        """Read it; None where the request has another form."""
        if headers.get("smithy-protocol") == CBOR:
            parts = path.partition("?")[0].strip("/").split("/")
            if len(parts) == 4 and (parts[0], parts[2]) == ("service", "operation"):
                return cls(parts[1], parts[3], is_cbor=True)
        prefix, dot, operation = headers.get("X-Amz-Target", "").partition(".")
        return cls(prefix, operation, is_cbor=False) if dot else None


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def read(asked: Asked, model: Any, body: bytes) -> dict[str, Any]:
    """Return an operation's parameters. Raises `ApiError` where they do not fit its input."""
    try:
        given = _from_cbor(body) if asked.is_cbor else json.loads(body or b"{}")
    except ValueError as error:
        raise ApiError("SerializationException", str(error)) from error
    if not isinstance(given, dict):
        raise ApiError("SerializationException", "The parameters must be an object.")
    if problems := list(_problems(model.input_shape, given, "")):
        noun = "error" if len(problems) == 1 else "errors"
        raise ApiError(
            "ValidationException", f"{len(problems)} validation {noun} detected: {'; '.join(problems)}"
        )
    return given


def written(asked: Asked, model: Any, answer: Mapping[str, Any]) -> Answer:
    """Return an operation's answer. Raises `ModelError`."""
    return _answer(asked, model, 200, _plain(model.output_shape, dict(answer), "$"), {})


def refused(asked: Asked, model: Any, error: ApiError, status: int = 400) -> Answer:
    """Return an operation's error."""
    content = {"__type": error.code, "message": error.message}
    return _answer(asked, model, status, content, {"x-amzn-ErrorType": error.code})


def _answer(asked: Asked, model: Any, status: int, content: Any, headers: Mapping[str, str]) -> Answer:
    version = model.service_model.metadata.get("jsonVersion", "1.0")
    common = {
        "x-amzn-RequestId": str(uuid.uuid4()),
        "Content-Type": "application/cbor" if asked.is_cbor else f"application/x-amz-json-{version}",
        **({"smithy-protocol": CBOR} if asked.is_cbor else {}),
    }
    body = _to_cbor(content) if asked.is_cbor else json.dumps(_epochs(content), ensure_ascii=False).encode()
    return Answer(status, {**common, **headers}, body)


def _problems(shape: Any, value: Any, place: str) -> Iterator[str]:
    """Yield what does not fit, in the words of Smithy's validation."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        for name in shape.required_members:
            if value.get(name) is None:
                yield _words(None, f"{place}.{name}", "must not be null")
        for name, inner in value.items():
            if name in shape.members and inner is not None:
                yield from _problems(shape.members[name], inner, f"{place}.{name}")
    elif kind == "list" and isinstance(value, list):
        for number, inner in enumerate(value, 1):
            yield from _problems(shape.member, inner, f"{place}.{number}.member")
    elif kind == "map" and isinstance(value, dict):
        for name, inner in value.items():
            yield from _problems(shape.value, inner, f"{place}.{name}.member")
    elif not _is(kind, value):
        raise ApiError("SerializationException", f"{place.strip('.')}: {type(value).__name__} is no {kind}")
    yield from _out_of_bounds(shape, value, place)


def _is(kind: str, value: Any) -> bool:
    if isinstance(value, bool) and kind != "boolean":
        return False
    return isinstance(value, SCALARS.get(kind, ()))


def _out_of_bounds(shape: Any, value: Any, place: str) -> Iterator[str]:
    if shape.type_name == "string" and getattr(shape, "enum", None) and value not in shape.enum:
        yield _words(value, place, f"must satisfy enum value set: [{', '.join(shape.enum)}]")
    if shape.type_name in {"structure", "boolean", "blob", "timestamp"}:
        return
    is_number = not isinstance(value, (str, list, dict))
    size = value if is_number else len(value)
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield _words(
            value, place, f"must have {'value' if is_number else 'length'} greater than or equal to {least}"
        )
    if most is not None and size > most:
        yield _words(
            value, place, f"must have {'value' if is_number else 'length'} less than or equal to {most}"
        )


def _words(value: Any, place: str, constraint: str) -> str:
    given = (
        "Value" if value is None else f"Value '{value if len(str(value)) < 100 else str(value)[:99] + '…'}'"
    )
    return f"{given} at '{place.strip('.')}' failed to satisfy constraint: Member {constraint}"


def _plain(shape: Any, value: Any, place: str) -> Any:
    """Return an answer without what is unset, once it fits the model."""
    kind = getattr(shape, "type_name", "structure")
    if kind == "structure" and isinstance(value, dict):
        members = shape.members if shape is not None else {}
        if unknown := sorted(set(value) - set(members)):
            raise ModelError(f"{place} has no {', '.join(unknown)}")
        found = {
            name: _plain(members[name], inner, f"{place}.{name}")
            for name, inner in value.items()
            if inner is not None
        }
        required = shape.required_members if shape is not None else []
        if missing := [name for name in required if name not in found]:
            raise ModelError(f"{place} lacks {', '.join(missing)}")
        return found
    if kind == "list" and isinstance(value, list | tuple):
        return [_plain(shape.member, inner, f"{place}[{number}]") for number, inner in enumerate(value)]
    if kind == "map" and isinstance(value, dict):
        return {name: _plain(shape.value, inner, f"{place}.{name}") for name, inner in value.items()}
    if kind == "timestamp" and isinstance(value, str):
        return datetime.fromisoformat(value)
    if not _is(kind, value):
        raise ModelError(f"{place}: {type(value).__name__} is no {kind}")
    return (
        datetime.fromtimestamp(value, UTC)
        if kind == "timestamp" and not isinstance(value, datetime)
        else value
    )


def _epochs(value: Any) -> Any:
    """Return what JSON can hold: times are seconds since 1970."""
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    if isinstance(value, dict):
        return {name: _epochs(inner) for name, inner in value.items()}
    return [_epochs(inner) for inner in value] if isinstance(value, list) else value


def _from_cbor(body: bytes) -> Any:
    from botocore.parsers import RpcV2CBORParser  # noqa: PLC0415 - the help needs no botocore

    parser = RpcV2CBORParser()
    return parser.parse_data_item(parser.get_peekable_stream_from_bytes(body)) if body else {}


def _to_cbor(content: Any) -> bytes:
    out = bytearray()
    _encode(out, content)
    return bytes(out)


def _encode(out: bytearray, value: Any) -> None:
    """Append a value as botocore writes it, whose encoder wants shapes, which a value itself is enough for."""
    match value:
        case bool():
            out.append(0xF5 if value else 0xF4)
        case int():
            _head(out, 0 if value >= 0 else 1, value if value >= 0 else -1 - value)
        case float():
            out += b"\xfb" + struct.pack(">d", value)
        case str():
            text = value.encode()
            _head(out, 3, len(text))
            out += text
        case datetime():
            _head(out, 6, 1)
            _encode(out, round(value.timestamp(), 3))
        case list():
            _head(out, 4, len(value))
            for inner in value:
                _encode(out, inner)
        case dict():
            _head(out, 5, len(value))
            for name, inner in value.items():
                _encode(out, name)
                _encode(out, inner)
        case _:
            raise ModelError(f"{type(value).__name__} cannot be written")


def _head(out: bytearray, major: int, number: int) -> None:
    """Append the major type of a data item and its number. Evidence: RFC 8949, section 3."""
    if number < 24:
        out.append(major << 5 | number)
        return
    size = next(size for size in (1, 2, 4, 8) if number < 1 << 8 * size)
    out.append(major << 5 | 24 + size.bit_length() - 1)
    out += number.to_bytes(size, "big")
