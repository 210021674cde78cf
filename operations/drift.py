"""Whether a deployed definition is the committed document. CloudFormation's drift detection does not see it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployer.console import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from operations.deployed import Deployed

TEMPLATE = "templates/validation-pipeline.template.json"
TOKEN = re.compile(r"\$\{([A-Za-z][A-Za-z0-9]*)\}")


@dataclass(frozen=True)
class Document:
    """A committed definition."""

    name: str
    """Of its files under asl/."""
    machine: str
    """The logical ID of its state machine."""

    @property
    def file(self) -> str:
        """The path of the document."""
        return f"asl/{self.name}.asl.json"

    @property
    def value(self) -> Any:
        """What it holds."""
        return json.loads((ROOT / self.file).read_text("utf-8"))

    @property
    def lock(self) -> Mapping[str, Any]:
        """Its version and digest."""
        found: Mapping[str, Any] = json.loads((ROOT / f"asl/{self.name}.lock.json").read_text("utf-8"))
        return found


PIPELINE = Document("validation-pipeline", "Pipeline")
SWEEPER = Document("task-sweeper", "Sweeper")


def differences(document: Document, deployed: Any, known: Mapping[str, str]) -> list[str] | None:
    """Return what a deployed definition does otherwise than the document, in the review's words; None: nothing at all.

    `known` holds what the tokens must stand for, as far as the stack tells; the others are taken as they are found, if
    they are the same everywhere.
    """
    value = document.value
    filled = fill(value, {**bindings(value, deployed), **known})
    if filled == deployed:
        return None
    from review import machines  # noqa: PLC0415 - only where something differs
    from states_language.document import DocumentError  # noqa: PLC0415

    before = machines.Definition(document.name, document.file, filled)
    after = machines.Definition(document.name, document.file, deployed)
    try:
        changes, _ = machines.compare(before, after)
    except DocumentError as error:
        return [f"what is deployed is no definition that can be read: {error}"]
    return [change.message for change in changes] or ["only comments differ, or the order of what has none"]


def bindings(value: Any, deployed: Any) -> dict[str, str]:
    """Return what each token stands for where it is met first."""
    found: dict[str, str] = {}
    for text, other in _texts(value, deployed):
        names = TOKEN.findall(text)
        pattern = "(.*)".join(re.escape(part) for part in TOKEN.split(text)[::2])
        if names and (match := re.fullmatch(pattern, other, re.DOTALL)):
            for name, bound in zip(names, match.groups(), strict=True):
                found.setdefault(name, bound)
    return found


def _texts(value: Any, other: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str) and isinstance(other, str):
        yield value, other
    elif isinstance(value, dict) and isinstance(other, dict):
        for key in value.keys() & other.keys():
            yield from _texts(value[key], other[key])
    elif isinstance(value, list) and isinstance(other, list):
        for one, two in zip(value, other, strict=False):
            yield from _texts(one, two)


def fill(value: Any, bound: Mapping[str, str]) -> Any:
    """Return a document with its tokens filled in."""
    if isinstance(value, str):
        return TOKEN.sub(lambda found: bound.get(found[1], found[0]), value)
    if isinstance(value, dict):
        return {key: fill(inner, bound) for key, inner in value.items()}
    return [fill(inner, bound) for inner in value] if isinstance(value, list) else value


def substitutions(document: Document, stack: Deployed, resources: Mapping[str, str]) -> dict[str, str]:
    """Return what the tokens must stand for in a stack, given the physical IDs of its resources by their logical ones."""
    template = json.loads((ROOT / TEMPLATE).read_text("utf-8"))
    tokens = template["Resources"][document.machine]["Properties"]["DefinitionSubstitutions"]
    resolver = _Resolver(template, stack, resources)
    found = {name: resolver.value(given) for name, given in tokens.items()}
    return {name: value for name, value in found.items() if isinstance(value, str)}


@dataclass(frozen=True)
class _Resolver:
    """Resolves what the template says, as far as the stack tells; the rest is None."""

    template: Mapping[str, Any]
    stack: Deployed
    resources: Mapping[str, str]

    def value(self, given: Any) -> Any:
        """Return a value; None where it is not known."""
        if isinstance(given, list):
            found = [self.value(each) for each in given]
            return None if None in found else found
        if not isinstance(given, dict):
            return given
        (function, argument), *_ = given.items()
        match function:
            case "Ref":
                return self._reference(argument)
            case "Fn::GetAtt":
                return self._attribute(*argument)
            case "Fn::Join":
                parts = self.value(argument[1])
                return None if parts is None else argument[0].join(map(str, parts))
            case "Fn::If":
                holds = self._condition(self.template.get("Conditions", {}).get(argument[0]))
                return None if holds is None else self.value(argument[1 if holds else 2])
        return None

    def _reference(self, name: str) -> str | None:
        parts = self.stack.stack["StackId"].split(":")
        pseudo = {"AWS::Partition": parts[1], "AWS::Region": parts[3], "AWS::AccountId": parts[4]}
        pseudo["AWS::StackName"] = self.stack.stack["StackName"]
        return pseudo.get(name) or self.stack.parameters.get(name) or self.resources.get(name)

    def _attribute(self, name: str, attribute: str) -> str | None:
        kind, found = self.template["Resources"][name]["Type"], self.resources.get(name)
        if attribute == "Arn" and kind == "AWS::IAM::Role" and found:
            _, partition, _, _, account, *_ = self.stack.stack["StackId"].split(":")
            return f"arn:{partition}:iam::{account}:role/{found}"
        # The state machine's physical ID is its ARN, a security group's its ID.
        is_its_id = (kind, attribute) in {
            ("AWS::EC2::SecurityGroup", "GroupId"),
            ("AWS::StepFunctions::StateMachine", "Arn"),
        }
        return found if is_its_id else None

    def _condition(self, given: Any) -> bool | None:
        if not isinstance(given, dict):
            return None
        (function, argument), *_ = given.items()
        if function == "Fn::Equals":
            one, two = self._parameter(argument[0]), self._parameter(argument[1])
            return None if one is None or two is None else one == two
        if function == "Condition":
            return self._condition(self.template.get("Conditions", {}).get(argument))
        inner = [self._condition(each) for each in argument] if isinstance(argument, list) else []
        if not inner or None in inner:
            return None
        return {"Fn::Not": not inner[0], "Fn::And": all(inner), "Fn::Or": any(inner)}.get(function)

    def _parameter(self, given: Any) -> str | None:
        if isinstance(given, dict):
            return self.stack.parameters.get(given.get("Ref", ""))
        return str(given)
