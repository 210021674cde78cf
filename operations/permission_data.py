"""What a policy is made from: the permissions that CloudFormation needs for a resource type, and what an action acts on.

Both are made from what cfn-lint bundles (the registry's resource schemas, and the Service Authorization Reference) and
committed, so that no command needs cfn-lint: `python -m operations.permission_data` makes them anew. They hold every
type of the services that the templates use.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DATA = Path(__file__).parent / "data"
HANDLERS, ACTIONS = DATA / "handlers.jsonl", DATA / "actions.jsonl"
REGION = "us-east-1"
KINDS = ("create", "read", "update", "delete")


def handlers(resource_type: str) -> Mapping[str, list[str]]:
    """Return the actions that CloudFormation takes to create, read, update and delete a type; empty where it is not known."""
    found: Mapping[str, list[str]] = _lines(HANDLERS).get(resource_type, {})
    return found


def formats(action: str) -> list[str] | None:
    """Return the ARNs that an action may be limited to, as patterns; empty: none, it wants `*`. None: it is not known."""
    service, _, name = action.partition(":")
    found: Mapping[str, list[str]] | None = _lines(ACTIONS).get(service)
    return None if found is None else found.get(name.lower())


@cache
def _lines(path: Path) -> Mapping[str, Any]:
    """Return the entries of a file by their names."""
    return dict(json.loads(line) for line in path.read_text("utf-8").splitlines())


def _services(templates: Path) -> set[str]:
    """Return the services, as resource types name them, of the committed templates."""
    return {
        "::".join(resource["Type"].split("::")[:2])
        for path in sorted(templates.glob("*.template.json"))
        for resource in json.loads(path.read_text("utf-8"))["Resources"].values()
    }


def _handler_lines(services: set[str]) -> Iterator[tuple[str, Any]]:
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415 - only what makes the data needs it

    for name in sorted(PROVIDER_SCHEMA_MANAGER.get_resource_types(REGION)):
        if "::".join(name.split("::")[:2]) in services:
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, name).schema
            found = schema.get("handlers", {})
            yield name, {kind: sorted(found[kind].get("permissions", ())) for kind in KINDS if kind in found}


def _action_lines(wanted: set[str]) -> Iterator[tuple[str, Any]]:
    from cfnlint.data import AdditionalSpecs  # noqa: PLC0415 - only what makes the data needs these
    from cfnlint.helpers import load_resource  # noqa: PLC0415

    for name, service in sorted(load_resource(AdditionalSpecs, "Policies.json").items()):
        found = {
            action: sorted(_arns(service, entry))
            for action, entry in service["Actions"].items()
            if f"{name}:{action}" in wanted
        }
        if found:
            yield name, found


def _arns(service: Mapping[str, Any], action: Mapping[str, Any]) -> set[str]:
    return {
        text.replace(".*", "*")
        for kind in action.get("Resources", ())
        for text in service["Resources"].get(kind.lower(), {}).get("ARNFormats", ())
    }


def _write(path: Path, lines: Iterator[tuple[str, Any]]) -> list[tuple[str, Any]]:
    found = list(lines)
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(each, separators=(",", ":")) + "\n" for each in found), "utf-8")
    return found


def _main() -> None:
    templates = Path(__file__).parent.parent / "templates"
    types = _write(HANDLERS, _handler_lines(_services(templates)))
    from operations import policies  # noqa: PLC0415 - it reads what is made here, but for these two tables

    mentioned = {action for _, entry in types for actions in entry.values() for action in actions}
    mentioned |= {
        action for entry in policies.unsaid().values() for actions in entry.values() for action in actions
    }
    mentioned |= {policies.action_of(call) for kind in ("operate", "deploy") for call in policies.calls(kind)}
    _write(ACTIONS, _action_lines({action.lower() for action in mentioned}))


if __name__ == "__main__":
    _main()
