"""Names between Step Functions and the APIs: `TaskDefinitionArn` there is `taskDefinitionArn` here.

Both directions follow the API's model (botocore), so that what is a key of a map, and no name, stays as it is.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from states_language.clock import timestamp


def to_api(shape: Any, value: Any) -> Any:
    """Return parameters of a Task with the names that boto3 takes.

    A name that the shape does not have is kept: boto3 refuses it by name.
    """
    if shape is None:
        return value
    if shape.type_name == "structure" and isinstance(value, dict):
        names = {name.lower(): name for name in shape.members}
        known = {key: names.get(key.lower(), key) for key in value}
        return {known[key]: to_api(shape.members.get(known[key]), inner) for key, inner in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [to_api(shape.member, inner) for inner in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: to_api(shape.value, inner) for key, inner in value.items()}
    return value


def from_api(shape: Any, value: Any) -> Any:
    """Return an API's answer as Step Functions hands it on: names with a capital, times as text, nothing unset."""
    if isinstance(value, datetime):
        return timestamp(value.astimezone(UTC))
    if shape is None:
        return value
    if shape.type_name == "structure" and isinstance(value, dict):
        return {
            name[0].upper() + name[1:]: from_api(shape.members[name], inner)
            for name, inner in value.items()
            if name in shape.members and inner is not None
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [from_api(shape.member, inner) for inner in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: from_api(shape.value, inner) for key, inner in value.items()}
    return value
