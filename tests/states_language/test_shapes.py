"""The index of API shapes, against botocore, whose models it holds."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import botocore
import pytest
from botocore.loaders import Loader

from states_language import shape_index, shapes
from states_language.naming import Style, sdk_member_name
from states_language.types import ListType, Presence, StructureType, Type

INDEX = shapes.load()


def test_every_service_of_botocore_is_there() -> None:
    """The index was made from the botocore that is pinned, and holds all of its services."""
    folders = set(Loader().list_available_services("service-2"))
    # Two services share the serviceId "Pinpoint SMS Voice".
    assert {"pinpoint-sms-voice"} == folders - set(INDEX.folders)
    assert botocore.__version__ == INDEX.version


@pytest.mark.parametrize("folder", ["ecs", "dynamodb", "stepfunctions", "s3"])
def test_the_index_is_what_would_be_generated(folder: str) -> None:
    """A service of the index equals a fresh encoding of botocore's model."""
    fresh = shape_index.encode(Loader().load_service_model(folder, "service-2"))
    service = INDEX.by_folder(folder)
    assert service is not None
    assert (fresh["shapes"], fresh["operations"]) == (service.shapes, service.raw_operations)


def member(kind: Type, *steps: str) -> Type:
    """Return the type below `kind`; `[]` goes into a list."""
    for step in steps:
        if isinstance(kind, ListType):
            kind = kind.item
        else:
            assert isinstance(kind, StructureType)
            kind = kind.members[step].type
    return kind


def test_recursive_shapes_expand_as_far_as_they_are_read() -> None:
    """DynamoDB's AttributeValue holds itself: every level is the same type."""
    service = INDEX.service("dynamodb")
    assert service is not None
    item = service.type_of(service.actions["getItem"].output, Style.SDK)
    value: Any = item.members["Item"].type.value  # type: ignore[union-attr]
    assert value == member(value, "L", "[]") == member(value, "L", "[]", "L", "[]")


def test_idempotency_tokens_are_required_by_the_sdk_rule_only() -> None:
    """Step Functions generates no token at an `aws-sdk` state; an optimized integration does."""
    service = INDEX.service("ecs")
    assert service is not None
    request = service.actions["runTask"].input
    presences = [
        service.type_of(request, style, request=True).members["ClientToken"].presence  # type: ignore[union-attr]
        for style in Style
    ]
    assert [Presence.ALWAYS, Presence.OPTIONAL] == presences


@pytest.mark.parametrize("folder", ["rds", "ec2", "elbv2"])
def test_members_carry_their_names_in_asl(folder: str) -> None:
    """Every answer of a service reads by the names that ASL gives its members."""
    model = Loader().load_service_model(folder, "service-2")
    service = INDEX.by_folder(folder)
    assert service is not None
    for operation in service.actions.values():
        if operation.output is None:
            continue
        kind = service.type_of(operation.output, Style.SDK)
        shape = model["operations"][operation.name]["output"]["shape"]
        assert isinstance(kind, StructureType)
        assert [sdk_member_name(name) for name in model["shapes"][shape]["members"]] == list(kind.members)


def test_reading_shapes_needs_no_botocore() -> None:
    """A check reads the index alone."""
    program = (
        "import sys; from states_language import shapes; shapes.load().service('ecs'); "
        "print([name for name in sys.modules if name.startswith('boto')])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "[]" == result.stdout.strip()
