"""The least policy for deploying, and for operating: made from the committed templates and from the commands' own calls.

What CloudFormation does for whoever deploys follows from the resource types of the templates; what the commands call is
in `data/calls.yaml`. Resources are named wherever a name is known beforehand: a parameter's, or the stack's own name in
front of what CloudFormation chooses. An action has `*` only where AWS lets it be limited to nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer.console import ROOT
from operations.permission_data import KINDS, formats, handlers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PIPELINE, BOOTSTRAP, RETAINED = (
    f"templates/{name}.template.json" for name in ("validation-pipeline", "bootstrap", "retained")
)
DATA = Path(__file__).parent / "data"
PREFIXES = {"stepfunctions": "states", "service-quotas": "servicequotas", "cloudwatch": "cloudwatch"}
"""The names of services in IAM, where they are not botocore's. Evidence: documentation (Service Authorization Reference)."""
MANAGED_CHARACTERS = 6144
"""Of a managed policy, without white space. Evidence: documentation (IAM quotas)."""
VERBS = {"create": "deploy", "update": "deploy", "read": "deploy", "delete": "destroy"}


@dataclass(frozen=True)
class Place:
    """What a policy is for: an account's stack. `*` where it is not known."""

    stack: str
    partition: str = "aws"
    region: str = "*"
    account: str = "*"
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Of the stack; else the template's defaults."""
    bootstrap_stack: str = "toolshed-artifacts"
    bucket: str = ""

    def fill(self, text: str, name: str = "*") -> str:
        """Return an ARN."""
        return text.format(partition=self.partition, region=self.region, account=self.account, name=name)


@dataclass(frozen=True, order=True)
class Grant:
    """An action on a resource, for a command."""

    resources: tuple[str, ...]
    condition: tuple[tuple[str, str, tuple[str, ...]], ...]
    action: str
    command: str


def deploy(place: Place) -> dict[str, Any]:
    """Return the least policy for deploying, rolling back, destroying and taking back."""
    taken_back = _of_template(RETAINED, place, place.stack, ("read", "update"), "adopt")
    return _policy([*_of_templates(place, KINDS), *taken_back, *_of_calls("deploy", place)])


def operate(place: Place) -> dict[str, Any]:
    """Return the least policy for the operators' commands. Looking for drift reads every resource of the stack."""
    drift = _of_template(PIPELINE, place, place.stack, ("read",), "status")
    return _policy([*_of_calls("operate", place), *drift])


def calls(kind: str) -> list[Mapping[str, Any]]:
    """Return the table of the calls that commands make: `operate` or `deploy`."""
    found: list[Mapping[str, Any]] = _table("calls.yaml")[kind]
    return found


def quotas() -> list[Mapping[str, Any]]:
    """Return the quotas that the doctor reads."""
    found: list[Mapping[str, Any]] = _table("quotas.yaml")
    return found


def unsaid() -> Mapping[str, Mapping[str, list[str]]]:
    """Return the actions of the types whose schema names none."""
    found: Mapping[str, Mapping[str, list[str]]] = _table("needs.yaml")["unsaid"]
    return found


def action_of(call: Mapping[str, Any]) -> str:
    """Return the action that a call needs; empty where it needs none."""
    service, _, name = str(call["call"]).partition(":")
    return str(call.get("action", f"{PREFIXES.get(service, service)}:{name}"))


def parts(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a policy as managed policies, each small enough for AWS."""
    found: list[list[Any]] = [[]]
    for statement in policy["Statement"]:
        if found[-1] and _size([*found[-1], statement]) > MANAGED_CHARACTERS:
            found.append([])
        found[-1].append(statement)
    return [{"Version": policy["Version"], "Statement": statements} for statements in found]


def _size(statements: Sequence[Any]) -> int:
    return len(json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":")))


@cache
def _table(name: str) -> Any:
    import yaml  # noqa: PLC0415 - only where a policy is wanted

    return yaml.safe_load((DATA / name).read_text("utf-8"))


@dataclass(frozen=True)
class Names:
    """The names that a template's resources have in a place."""

    template: Mapping[str, Any]
    place: Place
    stack: str

    def arns(self, resource_type: str) -> list[str]:
        """Return the ARNs that resources of a type may have; none where AWS chooses what they are called."""
        needs = _table("needs.yaml")
        of = needs["of"].get(resource_type, resource_type)
        found = [
            self.place.fill(text, name)
            for resource in self.template["Resources"].values()
            if resource["Type"] == of
            for name in self.names(of, resource.get("Properties", {}))
            for text in needs["arns"].get(of, ())
        ]
        return sorted(set(found))

    def beside(self, resource_type: str) -> list[str]:
        """Return the ARNs of a type; of EC2, whose calls take several kinds at once, those of all its types here."""
        if not resource_type.startswith("AWS::EC2::"):
            return self.arns(resource_type)
        types = {each["Type"] for each in self.template["Resources"].values()}
        return sorted({arn for kind in types if kind.startswith("AWS::EC2::") for arn in self.arns(kind)})

    def names(self, resource_type: str, properties: Mapping[str, Any]) -> list[str]:
        """Return what a resource may be called."""
        from review.resource_index import resource_type as known  # noqa: PLC0415 - only where a policy is wanted

        entry = known(resource_type)
        keys = [path[0] for path in entry.name if len(path) == 1] if entry else []
        given = next(
            (
                properties[key]
                for key in (*keys, "Name", "StateMachineName", "QueueName")
                if key in properties
            ),
            None,
        )
        found = "*" if resource_type.startswith("AWS::EC2::") else self._value(given)
        return [found or f"{self._chosen(resource_type)}-*"]

    def _chosen(self, resource_type: str) -> str:
        # Names of these are lower case.
        is_lower = resource_type in {"AWS::ECR::Repository", "AWS::S3::Bucket"}
        return self.stack.lower() if is_lower else self.stack

    def _value(self, given: Any) -> str:
        match given:
            case str():
                return given
            case {"Fn::If": [_, yes, _]}:
                return self._value(yes)
            case {"Fn::Sub": str(text)}:
                return text.replace("${AWS::StackName}", self.stack)
            case {"Ref": str(name)} if name in self.template.get("Parameters", {}):
                default = self.template["Parameters"][name].get("Default", "")
                return str(self.place.parameters.get(name, default))
        return ""


def _of_templates(place: Place, kinds: Sequence[str]) -> Iterator[Grant]:
    yield from _of_template(PIPELINE, place, place.stack, kinds)
    yield from _of_template(BOOTSTRAP, place, place.bootstrap_stack, kinds, "bootstrap")


def _of_template(
    path: str, place: Place, stack: str, kinds: Sequence[str], command: str = ""
) -> Iterator[Grant]:
    """Yield what CloudFormation does for a template; each for a command, else for the one that it follows from."""
    template = json.loads((ROOT / path).read_text("utf-8"))
    names = Names(template, place, stack)
    for resource in template["Resources"].values():
        yield from _of_resource(resource, names, kinds, command)


def _of_resource(
    resource: Mapping[str, Any], names: Names, kinds: Sequence[str], command: str
) -> Iterator[Grant]:
    kind = resource["Type"]
    known = handlers(kind) or unsaid()[kind]
    written = json.dumps(resource.get("Properties", {}))
    for verb in kinds:
        for action in known.get(verb, ()):
            # Schemas name actions that IAM does not have.
            if formats(action) is not None and _is_taken(action, kind, verb, written):
                for resources, condition in _on(action, kind, names):
                    yield Grant(resources, condition, action, command or VERBS[verb])


def _is_taken(action: str, kind: str, verb: str, written: str) -> bool:
    """Tell whether a handler takes an action for the properties that a resource has."""
    needs = _table("needs.yaml")
    if action == "iam:PassRole" and verb not in {"create", "update"}:
        return False
    service = _own_service(kind)
    if action.partition(":")[0] != service:
        return any(
            _matches(action, rule["actions"])
            and _is_written(rule["when"], written)
            and kind in rule.get("types", [kind])
            for rule in needs["others"]
        )
    return all(
        "when" in rule and _is_written(rule["when"], written)
        for rule in needs["only"]
        if _matches(action, rule["actions"])
    )


def _own_service(kind: str) -> str:
    """Return a type's service as IAM names it."""
    service = kind.split("::")[1].lower()
    return {"stepfunctions": "states"}.get(service, service)


def _matches(action: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(action, pattern) for pattern in patterns)


def _is_written(name: str, written: str) -> bool:
    return not name or f'"{name}"' in written


Condition = tuple[tuple[str, str, tuple[str, ...]], ...]


def _on(action: str, kind: str, names: Names) -> Iterator[tuple[tuple[str, ...], Condition]]:
    """Yield what an action is limited to."""
    place = names.place
    if action == "iam:PassRole":
        if roles := tuple(names.arns("AWS::IAM::Role")):
            yield roles, (("StringEquals", "iam:PassedToService", tuple(_trusted(names.template))),)
    elif action == "iam:CreateServiceLinkedRole":
        service = _table("needs.yaml")["service_linked"][kind]
        arn = place.fill(f"arn:{{partition}}:iam::{{account}}:role/aws-service-role/{service}/*")
        yield (arn,), (("StringEquals", "iam:AWSServiceName", (service,)),)
    elif action.startswith("kms:"):
        if key := place.parameters.get("EncryptionKeyArn"):
            yield (key,), ()
    elif action == "s3:GetObject":
        yield (f"{place.fill('arn:{partition}:s3:::')}{_bucket(place)}/*",), ()
    else:
        yield _limited(action, names.beside(kind), place), ()


def _limited(action: str, named: Sequence[str], place: Place) -> tuple[str, ...]:
    """Return the named ARNs that an action takes; else those that it takes at all; `*` where it takes none."""
    known = formats(action)
    if not known:
        return ("*",)
    wanted = [
        text.replace("${Partition}", place.partition)
        .replace("${Region}", place.region)
        .replace("${Account}", place.account)
        for text in known
    ]
    limit = () if action in _table("needs.yaml")["whole"] else named
    fitting = [arn for arn in limit if any(_fits(arn, text) for text in wanted)]
    return tuple(fitting or sorted(wanted))


def _fits(arn: str, pattern: str) -> bool:
    from review.wildcards import matches  # noqa: PLC0415 - only where a policy is wanted

    # A `*` of the ARN's own stands for text, too.
    return matches(pattern, arn)


def _trusted(template: Mapping[str, Any]) -> list[str]:
    """Return the services that the template's roles are passed to."""
    found: set[str] = set()
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::IAM::Role":
            for statement in resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]:
                services = statement.get("Principal", {}).get("Service", ())
                found.update([services] if isinstance(services, str) else services)
    return sorted(found)


def _bucket(place: Place) -> str:
    return place.bucket or place.parameters.get("ArtifactBucket") or f"{place.bootstrap_stack.lower()}-*"


def _of_calls(kind: str, place: Place) -> Iterator[Grant]:
    template = json.loads((ROOT / PIPELINE).read_text("utf-8"))
    on = _resources(Names(template, place, place.stack))
    for call in calls(kind):
        action = action_of(call)
        named = on[call["resource"]]
        if not action or not named:
            continue
        condition: Condition = ()
        resources = tuple(named) if named == ["*"] else _limited(action, named, place)
        if action == "ecs:ListTasks":
            # Of a cluster's tasks; the resource that it takes is a container instance, of which Fargate has none.
            resources, condition = ("*",), (("ArnEquals", "ecs:cluster", tuple(on["cluster"])),)
        for command in call["by"]:
            yield Grant(resources, condition, action, command)


def _resources(names: Names) -> dict[str, list[str]]:
    """Return what the table of calls names, as ARNs."""
    place = names.place
    machines = [arn for arn in names.arns("AWS::StepFunctions::StateMachine") if not arn.endswith(":*")]
    own = {key: _named(names, key, "AWS::StepFunctions::StateMachine")[0] for key in ("Pipeline", "Sweeper")}
    clusters = names.arns("AWS::ECS::Cluster")
    groups = {
        key: [f"{arn}" for arn in _named(names, logical, "AWS::Logs::LogGroup")]
        for key, logical in (
            ("build_logs", "BuildLogGroup"),
            ("task_logs", "TaskLogGroup"),
            ("validator_logs", "ValidatorLogGroup"),
        )
    }
    stack = "arn:{partition}:cloudformation:{region}:{account}:stack/{name}/*"
    secrets = [value for key, value in place.parameters.items() if key.endswith("SecretArn") and value]
    bucket = f"{place.fill('arn:{partition}:s3:::')}{_bucket(place)}"
    return {
        "any": ["*"],
        "stack": [place.fill(stack, place.stack)],
        "stacks": sorted({place.fill(stack, place.stack), place.fill(stack, place.bootstrap_stack)}),
        "alias": [f"{own['Pipeline']}:*", own["Pipeline"]],
        "machine": [own["Pipeline"], f"{own['Pipeline']}:*"],
        "sweeper": [own["Sweeper"]],
        "executions": [f"{arn.replace(':stateMachine:', ':execution:')}:*" for arn in machines],
        "table": names.arns("AWS::DynamoDB::Table"),
        "index": [f"{arn}/index/*" for arn in names.arns("AWS::DynamoDB::Table")],
        "project": names.arns("AWS::CodeBuild::Project"),
        "cluster": clusters,
        "tasks": [f"{arn.replace(':cluster/', ':task/')}/*" for arn in clusters],
        "alarms": names.arns("AWS::CloudWatch::Alarm"),
        "bucket": [bucket],
        "objects": [f"{bucket}/*"],
        # Where no parameter is known, any secret may be named; where none of them names one, none is asked for.
        "secrets": secrets
        or ([] if place.parameters else [place.fill("arn:{partition}:secretsmanager:{region}:{account}:secret:*")]),
        "quotas": [
            place.fill(f"arn:{{partition}}:servicequotas:{{region}}:{{account}}:{service}/*")
            for service in sorted({each["service"] for each in quotas()})
        ],
        "identity": [place.fill("arn:{partition}:iam::{account}:role/*"), place.fill("arn:{partition}:iam::{account}:user/*")],
        "repository": names.arns("AWS::ECR::Repository"),
        "log_groups": [place.fill("arn:{partition}:logs:{region}:{account}:log-group:*")],
        "queues": names.arns("AWS::SQS::Queue"),
        "functions": names.arns("AWS::Lambda::Function"),
        "roles": names.arns("AWS::IAM::Role"),
        "policies": [place.fill("arn:{partition}:iam::{account}:policy/*"), place.fill("arn:{partition}:iam::aws:policy/*")],
        **groups,
    }  # fmt: skip


def _named(names: Names, logical: str, kind: str) -> list[str]:
    properties = names.template["Resources"][logical].get("Properties", {})
    name = names.names(kind, properties)[0]
    return [names.place.fill(text, name) for text in _table("needs.yaml")["arns"][kind]]


def _policy(grants: Sequence[Grant]) -> dict[str, Any]:
    """Return the policy: one statement for the actions of a service that are on the same resources, for the same commands."""
    commands: dict[tuple[Any, ...], set[str]] = {}
    for grant in grants:
        commands.setdefault((grant.resources, grant.condition, grant.action), set()).add(grant.command)
    grouped: dict[tuple[Any, ...], set[str]] = {}
    for (resources, condition, action), by in commands.items():
        service = action.partition(":")[0]
        grouped.setdefault((tuple(sorted(by)), service, resources, condition), set()).add(action)
    statements, counted = [], dict[str, int]()
    for (by, service, resources, condition), actions in sorted(grouped.items()):
        sid = "".join(word.capitalize() for word in (*by, *service.split("-")))
        counted[sid] = counted.get(sid, 0) + 1
        statement: dict[str, Any] = {
            "Sid": sid if counted[sid] == 1 else f"{sid}No{counted[sid]}",
            "Effect": "Allow",
            "Action": sorted(actions),
            "Resource": sorted(resources),
        }
        if condition:
            statement["Condition"] = _block(condition)
        statements.append(statement)
    return {"Version": "2012-10-17", "Statement": statements}


def _block(condition: Condition) -> dict[str, Any]:
    return {operator: {key: list(values)} for operator, key, values in condition}
