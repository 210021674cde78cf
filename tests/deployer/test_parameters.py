"""Parameters: every form that `aws cloudformation deploy --parameter-overrides` takes, and what is checked before it is sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer import parameters
from deployer.console import Refused

if TYPE_CHECKING:
    from pathlib import Path

DECLARED: dict[str, dict[str, Any]] = {
    "VpcCidr": {
        "Type": "String",
        "AllowedPattern": r"[\d./]+",
        "ConstraintDescription": "a block",
        "Description": "Addresses.",
    },
    "AssignPublicIp": {"Type": "String", "AllowedValues": ["ENABLED", "DISABLED"], "Default": "ENABLED"},
    "Count": {"Type": "Number", "MinValue": 1, "MaxValue": 9, "Default": 1},
    "Subnets": {"Type": "List<AWS::EC2::Subnet::Id>", "AllowedPattern": "subnet-[0-9a-f]+", "Default": ""},
    "Secret": {"Type": "String", "MinLength": 8, "NoEcho": True, "Default": "12345678"},
    "Image": {"Type": "AWS::SSM::Parameter::Value<String>", "AllowedPattern": "/.+", "Default": "/image"},
}
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,20}", fullmatch=True)
TEXTS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=30)


@settings(max_examples=30)
@given(st.dictionaries(NAMES, TEXTS, min_size=1, max_size=6))
def test_every_form_says_the_same(tmp_path_factory: pytest.TempPathFactory, values: dict[str, str]) -> None:
    """A list of pairs, CloudFormation's objects, CodePipeline's object, and arguments: whatever the values hold."""
    path = tmp_path_factory.getbasetemp() / "parameters.json"
    pairs = [f"{name}={value}" for name, value in values.items()]
    objects = [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]
    assert values == parameters.read_pairs(pairs)
    for form in (pairs, objects, {"Parameters": values}):
        path.write_text(json.dumps(form), "utf-8")
        assert values == parameters.read_file(path)


def test_a_file_of_lines(tmp_path: Path) -> None:
    """One pair a line; comments and empty lines are passed over, and only the first = parts."""
    path = tmp_path / "parameters.ini"
    path.write_text("# production\n\nVpcCidr=10.0.0.0/16\nQuery=a=b\n", "utf-8")
    assert {"VpcCidr": "10.0.0.0/16", "Query": "a=b"} == parameters.read_file(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"VpcCidr": "x"}', 'has its values under "Parameters"'),
        ('[{"ParameterKey": "A"}]', "entry 1 is neither"),
        ('[{"ParameterKey": "A", "ParameterValue": "b", "UsePreviousValue": true}]', "entry 1 is neither"),
        ('["A"]', "entry 1 'A': it is no Key=Value"),
        ('{"Parameters": {"A": ["x"]}}', 'the value of A is no string: ["x"]'),
        ('{"Parameters": {"A": true}}', "the value of A is no string: true"),
        ('["A=1", "A=2"]', "A is given twice"),
        ("[", "is no JSON"),
        ("A=1\nB\n", ":2: 'B': it is no Key=Value"),
    ],
)
def test_a_file_that_is_none_of_them(tmp_path: Path, text: str, said: str) -> None:
    """It is said where and what; exit code 2."""
    path = tmp_path / "parameters.json"
    path.write_text(text, "utf-8")
    with pytest.raises(Refused) as caught:
        parameters.read_file(path)
    assert said in str(caught.value)
    assert 2 == caught.value.code


@pytest.mark.parametrize(
    "value", [{"Parameters": {"Count": 3}}, ["Count=3"], [{"ParameterKey": "Count", "ParameterValue": 3}]]
)
def test_numbers_are_taken_as_they_are_written(tmp_path: Path, value: Any) -> None:
    """JSON has numbers, and CloudFormation only strings."""
    (tmp_path / "p.json").write_text(json.dumps(value), "utf-8")
    assert {"Count": "3"} == parameters.read_file(tmp_path / "p.json")


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"VpcCdir": "10.0.0.0/16"}, "VpcCdir: the template has no such parameter; is VpcCidr meant?"),
        ({"vpccidr": "10.0.0.0/16"}, "is VpcCidr meant?"),
        ({"Zzz": "1"}, "it has AssignPublicIp, Count, Image, Secret, Subnets, VpcCidr"),
        ({"VpcCidr": "ten"}, r"VpcCidr: 'ten' does not match [\d./]+ (a block)"),
        ({"AssignPublicIp": "YES"}, "AssignPublicIp: 'YES' is none of ENABLED, DISABLED"),
        ({"Count": "0"}, "Count: '0' is less than 1"),
        ({"Count": "10"}, "Count: '10' is more than 9"),
        ({"Count": "some"}, "Count: 'some' is no number"),
        ({"Subnets": "subnet-1,vpc-2"}, "Subnets: 'vpc-2' does not match"),
        ({"Secret": "hunter2"}, "Secret: '****' is shorter than 8"),
    ],
)
def test_what_does_not_fit_is_refused(given_: dict[str, str], said: str) -> None:
    """A name that the template lacks comes with the nearest; a secret is not repeated."""
    with pytest.raises(Refused) as caught:
        parameters.check(DECLARED, given_)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_all_that_is_wrong_is_told_at_once() -> None:
    """Nobody wants to mend one after another."""
    with pytest.raises(Refused) as caught:
        parameters.check(DECLARED, {"VpcCdir": "x", "Count": "0"})
    assert 3 == len(str(caught.value).splitlines())


@pytest.mark.parametrize(
    "given_",
    [{"Subnets": "subnet-1, subnet-2"}, {"Count": "9"}, {"Image": "anything"}, {"VpcCidr": "10.0.0.0/16"}],
)
def test_what_fits_is_taken(given_: dict[str, str]) -> None:
    """Each entry of a list is judged; what is looked up elsewhere is not."""
    parameters.check(DECLARED, given_)


def test_a_pattern_that_python_does_not_know_is_left_to_cloudformation() -> None:
    """Java's regular expressions have forms of their own."""
    parameters.check({"A": {"Type": "String", "AllowedPattern": r"\p{Alpha}[a-z&&[^b]]+("}}, {"A": "x"})


def test_what_is_not_given_keeps_its_value() -> None:
    """On an update; a parameter that the stack does not have yet takes its default."""
    found = parameters.settle(DECLARED, {"Count": "2"}, {"VpcCidr": "10.0.0.0/16", "Old": "x", "Count": "1"})
    assert ({"Count": "2"}, ("VpcCidr",)) == (found.given, found.kept)


def test_a_creation_needs_what_has_no_default() -> None:
    """It is said how to give it, with its description."""
    with pytest.raises(
        Refused, match=r"VpcCidr: has no value; give one with --parameter VpcCidr=… \(Addresses\.\)"
    ):
        parameters.settle(DECLARED, {}, None)
