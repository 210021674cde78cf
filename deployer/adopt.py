"""Taking what an earlier stack has left behind into a new one, before the rest is deployed.

CloudFormation takes in what is there already by itself only where the template writes its name out; here names are
parameters (docs/decisions/what-outlives-the-stack.md). An import names each resource instead, and takes nothing else in
the same step: it has a template of its own, which is committed and reviewed as the pipeline's is. Where only some of what
it holds is there, the rest is left out of it. The deployment that follows is an update, from the pipeline's template.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer import inline, parameters, stacks
from deployer.console import EXIT_USAGE, Refused
from deployer.destroy import RETAINED
from deployer.stacks import Meaning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from deployer.account import Account
    from deployer.stacks import Stack

TEMPLATE = Path("templates/retained.template.json")
IDENTIFIERS = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::ECR::Repository": "RepositoryName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
}
"""The property by which an import knows a resource. Evidence: the primary identifiers of CloudFormation's schemas."""

_VARIABLE = re.compile(r"\$\{(?!!)([^}.]+)")


def adoptable(root: Path) -> frozenset[str]:
    """Return the logical IDs of what can be taken in."""
    return frozenset(json.loads((root / TEMPLATE).read_bytes())["Resources"])


def wanted(
    account: Account, stack: str, template: bytes, left: Mapping[str, str], given: Mapping[str, str]
) -> tuple[inline.Request, Stack | None]:
    """Return what is to be asked of CloudFormation: `left` are names of resources by their logical IDs.

    Raises `Refused` where something cannot be taken in, or a stack is there already.
    """
    before = stacks.read(account.client("cloudformation"), stack)
    if before is not None and before.status == "IMPORT_COMPLETE":
        raise Refused(
            f"{stack} is there already, and has taken something in ({before.status})\n"
            f"`python build.py deploy --stack-name {stack}` adds the rest; to take in something else, "
            f"`python build.py destroy --stack-name {stack}` first: what it had taken in stays"
        )
    if before is not None and before.meaning is not Meaning.CREATE:
        raise Refused(
            f"{stack} is there already ({before.status}): this begins a new one\n"
            f"`python build.py destroy --stack-name {stack}` first, or another --stack-name"
        )
    whole = json.loads(template)
    part = without_others(whole, tuple(left))
    named = dict(given)
    imports = []
    for logical_id, name in left.items():
        resource = part["Resources"][logical_id]
        identifier = IDENTIFIERS[resource["Type"]]
        parameter = parameter_of(resource.get("Properties", {}).get(identifier), part)
        if parameter is not None and named.setdefault(parameter, name) != name:
            raise Refused(
                f"{logical_id}={name}, and the parameter {parameter} says {named[parameter]}", EXIT_USAGE
            )
        imports.append(inline.Import(logical_id, resource["Type"], {identifier: name}))
    values = parameters.settle(
        part["Parameters"], {name: value for name, value in named.items() if name in part["Parameters"]}, None
    )
    request = inline.Request(
        stack=stack,
        name=inline.new_name("adopt"),
        template_url="",
        parameters=values.given,
        capabilities=(),
        description="ToolShed adopt",
        # All of it: as it was reviewed, byte for byte.
        body=template.decode() if left.keys() == whole["Resources"].keys() else json.dumps(part, indent=1),
        imports=tuple(imports),
    )
    return request, None if before is None or before.status == "DELETE_COMPLETE" else before


def without_others(template: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return a template with these resources alone, and the parameters and conditions that they need.

    Nothing of what stays is rewritten. Raises `Refused` where a resource cannot be imported, or needs another.
    """
    resources = template.get("Resources", {})
    faults = [fault for name in names for fault in _faults(name, resources)]
    if faults:
        raise Refused("\n".join(["this cannot be taken in", *faults]), EXIT_USAGE)
    found: dict[str, Any] = {"Resources": {name: resources[name] for name in names}}
    conditions = template.get("Conditions", {})
    found["Conditions"] = _closed(found["Resources"], conditions)
    declared = template.get("Parameters", {})
    used = {name for name in _references([found["Resources"], found["Conditions"]]) if name in declared}
    found["Parameters"] = {name: declared[name] for name in declared if name in used}
    return found


def _faults(name: str, resources: Mapping[str, Any]) -> Iterator[str]:
    resource = resources.get(name)
    if resource is None:
        kept = [each for each in resources if is_kept(resources[each])]
        yield f"{name}: the template has no such resource; what it retains is {', '.join(sorted(kept))}"
    elif not is_kept(resource):
        yield f"{name}: only what is retained can be imported, and its deletion policy is {resource.get('DeletionPolicy', 'Delete')}"
    elif resource["Type"] not in IDENTIFIERS:
        yield f"{name}: it is not known how an import names an {resource['Type']}"
    else:
        others = [other for other in _references(resource) if other in resources]
        others += [other for other in [resource.get("DependsOn", [])] if other]
        if others:
            yield f"{name}: it refers to {', '.join(map(str, others))}, which would not be there yet"


def is_kept(resource: Mapping[str, Any]) -> bool:
    """Tell whether a resource outlives its stack."""
    return resource.get("DeletionPolicy") in RETAINED


def _closed(value: Any, conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the conditions that a value uses, and those that they use in turn."""
    names: dict[str, None] = {}
    waiting = [value]
    while waiting:
        for name in _conditions(waiting.pop()):
            if name in conditions and name not in names:
                names[name] = None
                waiting.append(conditions[name])
    return {name: conditions[name] for name in conditions if name in names}


def _conditions(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("Condition"), str):
            yield value["Condition"]
        if isinstance(value.get("Fn::If"), list):
            yield str(value["Fn::If"][0])
        for inner in value.values():
            yield from _conditions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _conditions(inner)


def _references(value: Any) -> Iterator[str]:
    """Yield the logical IDs that a value refers to."""
    if isinstance(value, dict):
        if isinstance(value.get("Ref"), str):
            yield value["Ref"]
        attribute = value.get("Fn::GetAtt")
        if attribute:
            yield attribute[0] if isinstance(attribute, list) else str(attribute).partition(".")[0]
        text = value.get("Fn::Sub")
        if text:
            yield from _VARIABLE.findall(text if isinstance(text, str) else text[0])
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def parameter_of(value: Any, template: Mapping[str, Any]) -> str | None:
    """Return the parameter that gives a name; None where the template writes it out, or leaves it to AWS."""
    return next((name for name in _references(value) if name in template["Parameters"]), None)
