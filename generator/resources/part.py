"""What one concern adds to the template, and the few shapes that all concerns share."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from troposphere import AWSHelperFn, AWSObject, Equals, If, Not, NoValue, Output, Parameter, Ref

if TYPE_CHECKING:
    from collections.abc import Mapping


shared = lru_cache(maxsize=32)
"""For a function that returns a part: pipelines whose settings agree in what it is asked with share the part."""


@dataclass(frozen=True, eq=False)
class Part:
    """What one concern adds to the template. It may stand in several: nobody changes what is in it."""

    resources: tuple[AWSObject, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    conditions: Mapping[str, AWSHelperFn] = field(default_factory=dict)
    outputs: tuple[Output, ...] = ()
    rules: Mapping[str, Any] = field(default_factory=dict)


def optional(parameter: str) -> dict[str, AWSHelperFn]:
    """Return the condition `Has<Parameter>`: the parameter is not empty."""
    return {f"Has{parameter}": Not(Equals(Ref(parameter), ""))}


def name_parameter(title: str, default: str, of: str, pattern: str) -> Parameter:
    """Return a parameter for a physical name; an empty value lets CloudFormation choose one."""
    return Parameter(
        title,
        Type="String",
        Default=default,
        AllowedPattern=f"^$|{pattern}",
        Description=f"Name of the {of}; empty: CloudFormation chooses one, and several stacks fit into one region.",
    )


def named(parameter: str) -> If:
    """Return the name that a parameter gives, or none where it is empty."""
    return If(f"Has{parameter}", Ref(parameter), NoValue)


def trust(service: str, conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Return a trust policy for one service, acting for this account only."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": service},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": Ref("AWS::AccountId")}, **conditions},
            }
        ],
    }
