"""Writes the index of API shapes from botocore's models; the only module that reads botocore."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any, Final

from states_language.naming import service_name
from states_language.shapes import FORMAT, Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SCALAR_LETTERS: Final = {
    "string": "s",
    "character": "s",
    "integer": "i",
    "long": "i",
    "bigInteger": "i",
    "short": "i",
    "float": "f",
    "double": "f",
    "bigDecimal": "f",
    "boolean": "b",
    "timestamp": "t",
    "blob": "x",
}


class _Encoder:
    """Encodes one service: shapes that only stand for a scalar become a letter, the others a row."""

    def __init__(self, model: Mapping[str, Any]):
        self._shapes: Mapping[str, Any] = model["shapes"]
        self._places: dict[str, Reference] = {}
        self.rows: list[list[Any]] = []

    def reference(self, name: str) -> Reference:
        if name in self._places:
            return self._places[name]
        shape = self._shapes[name]
        kind = shape["type"]
        if shape.get("eventstream") or shape.get("document"):
            place: Reference = "d"
        elif kind == "string" and "enum" in shape:
            place = self._add(name, ["e", name, list(shape["enum"])])
        elif kind == "structure":
            place = self._structure(name, shape)
        elif kind == "list":
            place = self._container(name, "L", shape["member"]["shape"])
        elif kind == "map":
            place = self._container(name, "M", shape["value"]["shape"])
        else:
            place = SCALAR_LETTERS[kind]
        self._places[name] = place
        return place

    def _add(self, name: str, row: list[Any]) -> int:
        self.rows.append(row)
        self._places[name] = len(self.rows) - 1
        return len(self.rows) - 1

    def _container(self, name: str, letter: str, inner: str) -> int:
        row: list[Any] = [letter, 0]
        place = self._add(name, row)  # before the inner shape, which may hold this one
        row[1] = self.reference(inner)
        return place

    def _structure(self, name: str, shape: Mapping[str, Any]) -> int:
        members: dict[str, Reference] = {}
        tokens = [key for key, member in shape["members"].items() if member.get("idempotencyToken")]
        required = [key for key in shape.get("required", ()) if key in shape["members"]]
        place = self._add(name, ["S", name, members, required, tokens])
        for key, member in shape["members"].items():
            members[key] = "d" if member.get("jsonvalue") else self.reference(member["shape"])
        return place


def encode(model: Mapping[str, Any]) -> dict[str, Any]:
    """Encode botocore's model of a service: what its calls take and answer, and its errors."""
    encoder = _Encoder(model)
    operations = {
        name: [
            encoder.reference(operation["input"]["shape"]) if "input" in operation else None,
            encoder.reference(operation["output"]["shape"]) if "output" in operation else None,
            sorted(error["shape"] for error in operation.get("errors", ())),
        ]
        for name, operation in sorted(model["operations"].items())
    }
    errors = sorted(name for name, shape in model["shapes"].items() if shape.get("exception"))
    return {"operations": operations, "errors": errors, "shapes": encoder.rows}


def models() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield botocore's folder and newest model of every service."""
    from botocore.loaders import Loader  # noqa: PLC0415 - only regenerating needs botocore

    loader = Loader()
    for folder in sorted(loader.list_available_services("service-2")):
        yield folder, loader.load_service_model(folder, "service-2")


def write(path: Path) -> tuple[str, int]:
    """Write the index to `path`; return botocore's version and the number of services."""
    import botocore  # noqa: PLC0415 - only regenerating needs botocore

    places: dict[str, list[Any]] = {}
    blobs: list[bytes] = []
    offset = 0
    for folder, model in models():
        service_id = model["metadata"]["serviceId"]
        blob = zlib.compress(json.dumps(encode(model), separators=(",", ":")).encode(), 9)
        places[service_name(service_id)] = [offset, len(blob), folder, service_id]
        blobs.append(blob)
        offset += len(blob)
    head = {"format": FORMAT, "botocore": botocore.__version__, "services": places}
    path.write_bytes(json.dumps(head, separators=(",", ":")).encode() + b"\n" + b"".join(blobs))
    return botocore.__version__, len(places)
