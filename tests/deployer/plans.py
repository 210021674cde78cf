"""Plans of a few changes, between two small templates."""

from __future__ import annotations

import json
from typing import Any

from deployer import plan
from deployer.change_sets import Change, ChangeSet, Detail

TABLE, CLUSTER = "AWS::DynamoDB::Table", "AWS::ECS::Cluster"
NAME = "templates/t.template.json"


def template(**resources: Any) -> dict[str, Any]:
    """Return a template's text, as a document by its name."""
    return {"Resources": resources or {"Nothing": {"Type": CLUSTER}}}


def made(
    *changes: Change, kind: str = "UPDATE", before: Any = None, after: Any = None, **more: Any
) -> plan.Plan:
    """Return the plan of some changes, between two templates."""
    sides = [
        plan.side({NAME: json.dumps(document if document is not None else template()).encode()})
        for document in (before, after)
    ]
    change_set = ChangeSet("stack", "arn", kind, changes, name="name", **more)
    return plan.make(change_set, {} if kind == "CREATE" else sides[0], sides[1], {"A": "1"})


def modify(replacement: str, policy: str, kind: str = TABLE, **more: Any) -> Change:
    """Return a change that modifies a resource."""
    details = (Detail("Properties", "KeySchema", "Always"),)
    return Change("Modify", "Table", kind, replacement, policy, details=details, **more)
