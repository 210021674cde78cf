"""What is written faster than the libraries do is written as they do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troposphere import AWSObject, GetAtt, If, NoValue, Ref, Sub, Tags, encode_to_dict, iam, sqs

from generator.artifacts import canonical
from generator.plain import plain

keys = st.text(max_size=5)
# Numbers as documents hold them: of 64 bits, and without an exponent, which is written in more than one way.
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(1e-4, 1e15) | st.floats(-1e15, -1e-4)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=30,
)


@given(st.dictionaries(keys, values), st.booleans())
def test_canonical_bytes_are_those_of_the_standard_library(document: dict[str, Any], sort_keys: bool) -> None:
    """Whatever the document holds, empty objects and odd characters among it."""
    expected = json.dumps(document, indent=2, ensure_ascii=False, sort_keys=sort_keys) + "\n"
    assert expected == canonical(document, sort_keys=sort_keys)


def test_plain_data_is_what_troposphere_makes() -> None:
    """Objects inside objects, functions inside functions, tags, policies, and a resource without properties."""
    resources = [
        sqs.Queue("Bare"),
        sqs.Queue("Kept", DeletionPolicy="Retain"),
        sqs.Queue("Tagged", QueueName=If("C", Sub("${A}-x"), NoValue), Tags=Tags(a=Ref("B"))),
        iam.Role(
            "Role",
            AssumeRolePolicyDocument={
                "Statement": [{"Effect": "Allow", "Resource": GetAtt("Tagged", "Arn")}]
            },
            Policies=[iam.Policy(PolicyName="p", PolicyDocument={"Statement": []})],
        ),
    ]
    assert [encode_to_dict(each) for each in resources] == json.loads(canonical(resources, plain=plain))


def test_what_no_template_can_hold_is_refused() -> None:
    """Rather than written as something else."""
    with pytest.raises(TypeError) as raised:
        canonical({"Key": object()}, plain=plain)
    assert "a template has no word for" in str(raised.value.__cause__)


@pytest.mark.parametrize("resource", [sqs.QueuePolicy("Bare"), iam.Role("Bare")])
def test_a_resource_that_lacks_a_property_is_refused(resource: AWSObject) -> None:
    """The checks are troposphere's own, and are made when the resource is written."""
    with pytest.raises(TypeError) as raised:
        canonical({"Resource": resource}, plain=plain)
    assert "required in type" in str(raised.value.__cause__)
