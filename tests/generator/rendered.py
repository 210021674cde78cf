"""A template as CloudFormation sees it once its parameters are known: conditions decided, references listed."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]

PSEUDO_PARAMETERS = {
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
}
NOTHING = {"Ref": "AWS::NoValue"}


def parameters(template: Json, **given: str) -> dict[str, str]:
    """Return every parameter's value: the given one, or its default."""
    return {
        name: given.get(name, each.get("Default", "given")) for name, each in template["Parameters"].items()
    }


def holds(condition: Any, values: Mapping[str, str]) -> bool:
    """Decide a condition."""
    ((function, arguments),) = condition.items()
    if function == "Fn::Equals":
        first, second = (values[each["Ref"]] if isinstance(each, dict) else each for each in arguments)
        return bool(first == second)
    decided = [holds(each, values) for each in arguments]
    if function == "Fn::Not":
        return not decided[0]
    return {"Fn::Or": any, "Fn::And": all}[function](decided)


def rendered(template: Json, values: Mapping[str, str]) -> Json:
    """Return the template without its conditions: what is not created is gone, each Fn::If is one of its branches."""
    conditions = {name: holds(each, values) for name, each in template["Conditions"].items()}

    def decide(node: Any) -> Any:
        if isinstance(node, list):
            decided = [decide(each) for each in node]
            return [each for each in decided if each != NOTHING]
        if not isinstance(node, dict):
            return node
        if list(node) == ["Fn::If"]:
            name, yes, no = node["Fn::If"]
            return decide(yes if conditions[name] else no)
        decided_values = {key: decide(value) for key, value in node.items()}
        return {key: value for key, value in decided_values.items() if value != NOTHING}

    return {
        part: {
            name: decide(each)
            for name, each in template[part].items()
            if "Condition" not in each or conditions[each["Condition"]]
        }
        for part in ("Resources", "Outputs")
    }


def references(node: Any) -> Iterator[str]:
    """Yield the logical IDs and parameters that a part of a template refers to."""
    if isinstance(node, list):
        for each in node:
            yield from references(each)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key == "Ref":
            yield value
        elif key == "Fn::GetAtt":
            yield value[0]
        elif key == "Fn::Sub":
            text, local = value if isinstance(value, list) else (value, {})
            names = (name.split(".")[0] for name in re.findall(r"\$\{([^!}]+)\}", text))
            yield from (name for name in names if name not in local)
            yield from references(local)
        elif key == "DependsOn":
            yield from [value] if isinstance(value, str) else value
        else:
            yield from references(value)
