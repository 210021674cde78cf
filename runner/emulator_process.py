"""The emulator, and what it must be taught so that the committed template is deployed to it as it is.

This runs inside MiniStack's own environment, as a script: it imports MiniStack and the standard library, none of
our packages. Everything that reaches into MiniStack is here, and is pinned: `SEAMS` names each place that is
touched, in the version for which it was read, and a version that has lost one of them is refused at the start.

    AWS::EC2::SecurityGroupIngress            unknown to 1.5.33; appends its rule to the group
    AWS::EC2::FlowLog                         unknown; does nothing, since no traffic is logged here
    AWS::StepFunctions::StateMachineVersion   unknown; publishes through MiniStack's own PublishStateMachineVersion
    AWS::StepFunctions::StateMachineAlias     unknown; through its CreateStateMachineAlias
    a rule with a schedule                    starts a state machine in its own engine; here, it does not fire
    an alarm                                  looks at a metric whatever its dimensions; here, at its own
    AWS::ECR::Repository                      can be created, and not imported; here, a change set imports it by its name
    CreateNetworkInterface                    gives addresses of 10.0.0.0/8 whatever the subnet; here, one of the subnet

Evidence for each: emulator (1.5.33).
"""

from __future__ import annotations

import asyncio
import importlib
import ipaddress
import json
import os
import random
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION = "1.5.33"

CHANGE_SETS = "ministack.services.cloudformation.changesets"
PROVISIONERS = "ministack.services.cloudformation.provisioners"
EC2 = "ministack.services.ec2"
CLOUDWATCH = "ministack.services.cloudwatch"
EVENTS = "ministack.services.eventbridge"
ECR = "ministack.services.ecr"
STATES = "ministack.services.stepfunctions"

SEAMS: dict[str, tuple[str, ...]] = {
    CHANGE_SETS: ("_IMPORT_LOOKUPS", "_IMPORT_NOT_FOUND"),
    PROVISIONERS: ("_RESOURCE_HANDLERS", "_ec2_sg_permissions"),
    EC2: ("_ACTION_MAP", "_create_network_interface", "_network_interfaces", "_p", "_random_ip", "_security_groups", "_subnets"),
    CLOUDWATCH: ("_dims_from_list", "_dims_key", "_evaluate_alarm", "_metrics"),
    EVENTS: ("_tick_scheduled_rules",),
    ECR: ("_repositories",),
    STATES: (
        "_create_state_machine_alias",
        "_delete_state_machine_alias",
        "_delete_state_machine_version",
        "_publish_state_machine_version",
        "_update_state_machine_alias",
    ),
}  # fmt: skip
"""What is touched of MiniStack, by module."""

REPOSITORY = "AWS::ECR::Repository"

RESERVED = 4
"""A subnet's first four addresses, and its last, are AWS's own. Evidence: documentation (VPC User Guide)."""


class SeamError(Exception):
    """This is not the MiniStack that the patches were written for."""


def seam(module: str, name: str) -> Any:
    """Return what is touched of MiniStack; it must be one of `SEAMS`."""
    if name not in SEAMS[module]:
        raise SeamError(f"{module}.{name} is not declared")
    return getattr(importlib.import_module(module), name)


def put(module: str, name: str, value: Any) -> Any:
    """Replace what is touched of MiniStack; returns what was there."""
    before = seam(module, name)
    vars(importlib.import_module(module))[name] = value
    return before


def missing_seams() -> list[str]:
    """Return what is not where it is expected to be."""
    return [
        f"{module}.{name}"
        for module, names in SEAMS.items()
        for name in names
        if not hasattr(importlib.import_module(module), name)
    ]


def teach() -> None:
    """Add what is missing to MiniStack. Raises `SeamError`."""
    if missing := missing_seams():
        raise SeamError(f"MiniStack {VERSION} was expected; this one lacks {', '.join(missing)}")
    handlers = seam(PROVISIONERS, "_RESOURCE_HANDLERS")
    taught = {
        "AWS::EC2::SecurityGroupIngress": {"create": create_ingress, "delete": delete_ingress},
        "AWS::EC2::FlowLog": {"create": create_flow_log, "delete": delete_flow_log},
        "AWS::StepFunctions::StateMachineVersion": {"create": create_version, "delete": delete_version},
        "AWS::StepFunctions::StateMachineAlias": {
            "create": create_alias,
            "update": update_alias,
            "delete": delete_alias,
        },
    }
    for name, handler in taught.items():
        if name in handlers:
            raise SeamError(f"MiniStack knows {name} by itself now: remove it from {Path(__file__).name}")
        handlers[name] = handler
    lookups = seam(CHANGE_SETS, "_IMPORT_LOOKUPS")
    if REPOSITORY in lookups or "import" in handlers[REPOSITORY]:
        raise SeamError(f"MiniStack imports {REPOSITORY} by itself now: remove it from {Path(__file__).name}")
    lookups[REPOSITORY] = (("RepositoryName",), repository_import_problem)
    handlers[REPOSITORY]["import"] = import_repository
    seam(EC2, "_ACTION_MAP")["CreateNetworkInterface"] = create_network_interface
    put(EVENTS, "_tick_scheduled_rules", lambda: None)
    put(CLOUDWATCH, "_evaluate_alarm", evaluator(seam(CLOUDWATCH, "_evaluate_alarm")))


def create_flow_log(_logical_id: str, _properties: dict[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
    """Give a flow log its ID; there is no traffic to log."""
    identifier = f"fl-{random.getrandbits(68):017x}"
    return identifier, {"Id": identifier}


def delete_flow_log(_physical_id: str, _properties: dict[str, Any]) -> None:
    """Forget a flow log."""


def import_repository(identifier: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """Take an image repository into a stack, as it is."""
    name = identifier["RepositoryName"]
    found = seam(ECR, "_repositories")[name]
    return name, {"Arn": found["repositoryArn"], "RepositoryUri": found["repositoryUri"]}


def repository_import_problem(name: str) -> str | None:
    """Return why there is no image repository to import; None where there is one."""
    if name in seam(ECR, "_repositories"):
        return None
    told: str = seam(CHANGE_SETS, "_IMPORT_NOT_FOUND").format(type=REPOSITORY, value=name)
    return told


def create_ingress(_logical_id: str, properties: dict[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
    """Append an ingress rule to its group."""
    group = seam(EC2, "_security_groups")[properties["GroupId"]]
    (rule,) = seam(PROVISIONERS, "_ec2_sg_permissions")([properties])
    group["IpPermissions"].append(rule)
    identifier = f"sgr-{random.getrandbits(68):017x}"
    return identifier, {"Id": identifier}


def delete_ingress(_identifier: str, properties: dict[str, Any]) -> None:
    """Take an ingress rule out of its group, should both still be there."""
    group = seam(EC2, "_security_groups").get(properties["GroupId"])
    (rule,) = seam(PROVISIONERS, "_ec2_sg_permissions")([properties])
    if group is not None and rule in group["IpPermissions"]:
        group["IpPermissions"].remove(rule)


def answered(response: tuple[int, dict[str, str], bytes]) -> dict[str, Any]:
    """Return what a function of MiniStack's answered; raises `ValueError`, as its handlers do, for an error."""
    status, _, body = response
    found: dict[str, Any] = json.loads(body)
    if status >= 400:
        raise ValueError(found.get("message") or found.get("Message") or str(found))
    return found


def create_version(_logical_id: str, properties: dict[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
    """Publish a version of a state machine."""
    request = {
        "stateMachineArn": properties["StateMachineArn"],
        "revisionId": properties.get("StateMachineRevisionId"),
        "description": properties.get("Description", ""),
    }
    publish = seam(STATES, "_publish_state_machine_version")
    arn = answered(publish(request))["stateMachineVersionArn"]
    return arn, {"Arn": arn}


def delete_version(arn: str, _properties: dict[str, Any]) -> None:
    """Delete a version."""
    answered(seam(STATES, "_delete_state_machine_version")({"stateMachineVersionArn": arn}))


def routing(properties: dict[str, Any]) -> list[dict[str, Any]]:
    """Return where an alias leads: all at once to the preferred version, or as its routing says."""
    preference = properties.get("DeploymentPreference")
    if preference:
        return [{"stateMachineVersionArn": preference["StateMachineVersionArn"], "weight": 100}]
    return [
        {"stateMachineVersionArn": each["StateMachineVersionArn"], "weight": int(each["Weight"])}
        for each in properties["RoutingConfiguration"]
    ]


def create_alias(_logical_id: str, properties: dict[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
    """Create an alias."""
    request = {
        "name": properties["Name"],
        "description": properties.get("Description", ""),
        "routingConfiguration": routing(properties),
    }
    create = seam(STATES, "_create_state_machine_alias")
    arn = answered(create(request))["stateMachineAliasArn"]
    return arn, {"Arn": arn}


def update_alias(
    arn: str, _old: dict[str, Any], properties: dict[str, Any], _stack: str
) -> tuple[str, dict[str, Any]]:
    """Lead an alias elsewhere."""
    request = {"stateMachineAliasArn": arn, "routingConfiguration": routing(properties)}
    answered(seam(STATES, "_update_state_machine_alias")(request))
    return arn, {"Arn": arn}


def delete_alias(arn: str, _properties: dict[str, Any]) -> None:
    """Delete an alias."""
    answered(seam(STATES, "_delete_state_machine_alias")({"stateMachineAliasArn": arn}))


def free_address(cidr: str, taken: set[str]) -> str:
    """Return an address of a subnet that none of its interfaces has, drawn, so that two emulators seldom meet.

    Raises `ValueError` where there is none.
    """
    addresses = [str(address) for address in ipaddress.ip_network(cidr)][RESERVED:-1]
    free = [address for address in addresses if address not in taken]
    if not free:
        raise ValueError(f"Insufficient free addresses in {cidr}")
    return random.choice(free)  # noqa: S311 - no secret


def create_network_interface(parameters: dict[str, Any]) -> Any:
    """Create an interface whose address is one of its subnet."""
    subnet = seam(EC2, "_subnets").get(seam(EC2, "_p")(parameters, "SubnetId"), {})
    create = seam(EC2, "_create_network_interface")
    if "CidrBlock" not in subnet:
        return create(parameters)
    taken = {interface["PrivateIpAddress"] for interface in seam(EC2, "_network_interfaces").values()}
    address = free_address(subnet["CidrBlock"], taken)
    module = vars(importlib.import_module(EC2))
    drawn, module["_random_ip"] = module["_random_ip"], lambda _prefix: address
    try:
        return create(parameters)
    finally:
        module["_random_ip"] = drawn


def evaluator(evaluate: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """Return what evaluates an alarm on the metric of its own dimensions."""

    def evaluate_alarm(alarm: dict[str, Any]) -> None:
        listed = seam(CLOUDWATCH, "_dims_from_list")(alarm.get("Dimensions") or [])
        own = (alarm.get("Namespace"), alarm.get("MetricName"), seam(CLOUDWATCH, "_dims_key")(listed))
        whole = seam(CLOUDWATCH, "_metrics")
        put(CLOUDWATCH, "_metrics", {own: whole[own]} if own in whole else {})
        try:
            evaluate(alarm)
        finally:
            put(CLOUDWATCH, "_metrics", whole)

    return evaluate_alarm


def serve(port: int, ready: Path) -> None:
    """Serve on the loopback interface, and write `{"port": …}` to a file once requests are taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(256)
    os.set_inheritable(listener.fileno(), True)
    os.environ["GATEWAY_PORT"] = str(listener.getsockname()[1])
    # Only now: MiniStack reads its port when it is imported.
    hypercorn = importlib.import_module("hypercorn.asyncio").serve
    config = importlib.import_module("hypercorn.config").Config()
    app = importlib.import_module("ministack.app").app

    teach()
    config.bind = [f"fd://{listener.fileno()}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"

    async def announced(scope: Any, receive: Any, send: Any) -> None:
        async def sent(message: Any) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                beside = ready.with_suffix(".partial")
                beside.write_text(json.dumps({"port": listener.getsockname()[1]}))
                beside.replace(ready)

        await app(scope, receive, sent if scope["type"] == "lifespan" else send)

    asyncio.run(hypercorn(announced, config))


def main() -> int:
    """Run until somebody ends this process: `emulator_process.py PORT READY_FILE`."""
    try:
        serve(int(sys.argv[1]), Path(sys.argv[2]))
    except (SeamError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
