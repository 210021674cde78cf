"""What would fail, found before it does: credentials, clock, quotas, addresses, bucket, secrets, permissions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from deployer.account import Identity, error_code, is_denied
from deployer.console import ROOT, Refused
from operations import deployed, parallel, policies
from operations.findings import Examination, Finding, Part, fail, ok, unknown, warn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from deployer.account import Account
    from operations.deployed import Deployed

SKEW_WARN, SKEW_FAIL = 30, 240
"""Seconds; AWS refuses a signature that is five minutes off. Evidence: documentation (Signature Version 4)."""
LEAST_ADDRESSES, WANTED_ADDRESSES = 2, 20
"""One for a task and one for the validator; below the other, validations soon wait for each other."""
SIMULATIONS_AT_ONCE = 3
"""IAM takes about five a second. Evidence: users' reports; the calls are made again where it refuses."""
DENIED_SHOWN = 15


@dataclass(frozen=True)
class Subject:
    """What is examined: an account, and the stack in it, which may not be there yet."""

    account: Account
    identity: Identity
    skew: float
    """Seconds that this machine's clock is ahead of AWS's."""
    stack: Deployed | None
    place: policies.Place


def identify(account: Account) -> tuple[Identity, float]:
    """Return who the credentials are, and how many seconds this machine's clock is ahead of AWS's."""
    before = datetime.now(UTC)
    answer = account.client("sts").get_caller_identity()
    after = datetime.now(UTC)
    said = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    here = before + (after - before) / 2
    skew = (here - parsedate_to_datetime(said)).total_seconds() if said else 0.0
    return Identity(answer["Account"], answer["Arn"]), skew


@dataclass
class Doctor:
    """Looks at each part. Each look may be in a thread of its own."""

    subject: Subject

    def examinations(self) -> Sequence[Examination]:
        """Return the parts, in the order in which they are shown."""
        looks = {
            "credentials": self.credentials,
            "clock": self.clock,
            "documents": self.documents,
            "bucket": self.bucket,
            "secrets": self.secrets,
            "quotas": self.quotas,
            "addresses": self.addresses,
            "permissions": self.permissions,
        }
        return [Examination(name, look) for name, look in looks.items()]

    @cached_property
    def _account(self) -> Account:
        return self.subject.account

    def credentials(self) -> Part:
        """Look at who the credentials are."""
        found = self.subject.identity
        told = f"{found.arn} in {self._account.region}"
        finding = ok(told)
        if found.arn.endswith(":root"):
            finding = warn(told, "the root user may do everything: use a role with the policies of --policy")
        facts = {"account": found.account, "arn": found.arn, "region": self._account.region}
        return Part("credentials", (finding,), facts)

    def clock(self) -> Part:
        """Compare this machine's clock with AWS's."""
        skew = self.subject.skew
        told = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} AWS's"
        advice = "set it: `timedatectl set-ntp true`; AWS refuses what is signed five minutes off"
        if abs(skew) >= SKEW_FAIL:
            finding = fail(told, advice)
        elif abs(skew) >= SKEW_WARN:
            finding = warn(told, advice)
        else:
            finding = ok("agrees with AWS's")
        return Part("clock", (finding,), {"aheadSeconds": round(skew, 1)})

    def documents(self) -> Part:
        """Look at whether what is here can be deployed: it belongs together, and is committed."""
        from deployer import reviewed  # noqa: PLC0415 - it starts git

        try:
            found = reviewed.check(ROOT)
        except Refused as error:
            _, *faults = str(error).splitlines() or [""]
            return Part("documents", (fail("what is here cannot be deployed as it is", "", *faults),))
        versions = ", ".join(f"{each.name} {each.version}" for each in found.definitions)
        return Part("documents", (ok(f"committed and whole: {versions}"),), {"commit": found.commit})

    def bucket(self) -> Part:
        """Look at the bucket that holds what is deployed."""
        name = self._bucket()
        client, named = (
            self._account.client("s3"),
            {"Bucket": name, "ExpectedBucketOwner": self.subject.identity.account},
        )
        absent = self._absent(client, named)
        if absent is not None:
            return Part("bucket", (absent,), {"name": name})
        findings = [ok(f"{name} is this account's, in {self._account.region}"), *self._guarded(client, named)]
        return Part("bucket", tuple(findings), {"name": name})

    def _bucket(self) -> str:
        from deployer import bootstrap  # noqa: PLC0415 - only where no bucket is given

        place = self.subject.place
        return place.bucket or bootstrap.bucket_of(self._account, place.bootstrap_stack)

    def _absent(self, client: Any, named: Mapping[str, str]) -> Finding | None:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

        name = named["Bucket"]
        try:
            answer = client.head_bucket(**named)
        except ClientError as error:
            region = error.response["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
            if error_code(error) in {"404", "NoSuchBucket"}:
                return fail(f"there is no bucket {name}", "`python build.py bootstrap` makes one")
            if region not in {None, self._account.region}:
                return fail(f"{name} is in {region}", f"Lambda takes its code from {self._account.region} only: use a bucket there")  # fmt: skip
            if is_denied(error):
                return fail(
                    f"{name} is another account's, or not to be seen",
                    "name one of this account's with --bucket; `python build.py bootstrap` makes one",
                )
            raise
        region = answer.get("BucketRegion")
        if region not in {None, self._account.region}:
            return fail(f"{name} is in {region}", f"Lambda takes its code from {self._account.region} only: use a bucket there")  # fmt: skip
        return None

    def _guarded(self, client: Any, named: Mapping[str, str]) -> Iterator[Finding]:
        """Yield what is missing of a bucket's safeguards."""
        checks = {
            "versioned": ("get_bucket_versioning", lambda answer: answer.get("Status") == "Enabled"),
            "encrypted": ("get_bucket_encryption", lambda answer: bool(answer.get("ServerSideEncryptionConfiguration"))),
            "closed to the public": (
                "get_public_access_block",
                lambda answer: len(answer["PublicAccessBlockConfiguration"]) == 4
                and all(answer["PublicAccessBlockConfiguration"].values()),
            ),
        }  # fmt: skip
        for word, (operation, holds) in checks.items():
            yield self._safeguard(word, operation, holds, client, named)

    def _safeguard(
        self, word: str, operation: str, holds: Any, client: Any, named: Mapping[str, str]
    ) -> Finding:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

        try:
            is_so = holds(getattr(client, operation)(**named))
        except ClientError as error:
            if is_denied(error):
                return unknown(self._account, error)
            if error_code(error) not in UNSET:
                raise
            is_so = False
        if is_so:
            return ok(f"it is {word}")
        return warn(f"it is not {word}", "`python build.py bootstrap` makes a bucket that is")

    def secrets(self) -> Part:
        """Look at whether the secrets that the parameters name are there; their values are not read."""
        named = {
            key: arn
            for key, arn in self.subject.place.parameters.items()
            if key.endswith("SecretArn") and arn
        }
        if not named:
            return Part("secrets", (ok("the parameters name none"),))
        return Part("secrets", tuple(self._secret(*each) for each in sorted(named.items())))

    def _secret(self, parameter: str, arn: str) -> Finding:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

        try:
            found = self._account.client("secretsmanager").describe_secret(SecretId=arn)
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return fail(f"{parameter}: there is no secret {arn}", "make it, or empty the parameter")
            if is_denied(error):
                return unknown(self._account, error)
            raise
        if found.get("DeletedDate"):
            return fail(f"{parameter}: {found['Name']} is about to be deleted", f"`aws secretsmanager restore-secret --secret-id {found['Name']}` keeps it")  # fmt: skip
        return ok(f"{parameter}: {found['Name']} is there")

    def quotas(self) -> Part:
        """Look at the quotas that validations and a deployment run into."""
        found = parallel.each(self._quota, policies.quotas())
        return Part("quotas", (*found, *self._versions()))

    def _quota(self, quota: Mapping[str, Any]) -> Finding:
        value, whence = self._value(quota)
        told = f"{value:g} {quota['what']}{whence}"
        advice = (
            f"{quota['because']}; ask for more: `aws service-quotas request-service-quota-increase "
            f"--service-code {quota['service']} --quota-code {quota['code']} --desired-value {quota['wanted']}`"
        )
        if value < quota["least"]:
            return fail(told, advice)
        return warn(told, advice) if value < quota["wanted"] else ok(told)

    def _value(self, quota: Mapping[str, Any]) -> tuple[float, str]:
        """Return a quota's value: the account's, or AWS's default where it was never set."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

        client = self._account.client("service-quotas")
        named = {"ServiceCode": quota["service"], "QuotaCode": quota["code"]}
        for ask, whence in (
            (client.get_service_quota, ""),
            (client.get_aws_default_service_quota, " (AWS's default)"),
        ):
            try:
                return float(ask(**named)["Quota"]["Value"]), whence
            except ClientError as error:
                if error_code(error) != "NoSuchResourceException":
                    raise
        return float(quota["default"]), " (AWS's default, as documented)"

    def _versions(self) -> list[Finding]:
        if self.subject.stack is None:
            return []
        count = len(deployed.versions(self._account, self.subject.stack.machine_arn))
        told = f"{count} of {deployed.MOST_VERSIONS} versions of the state machine"
        return [fail(told, "each deployment of another document takes one: delete old ones")] if count >= deployed.MANY_VERSIONS else [ok(told)]  # fmt: skip

    def addresses(self) -> Part:
        """Look at how many addresses the subnets of the tasks have left."""
        if named := self.subject.place.parameters.get("SubnetIds"):
            given: dict[str, Any] = {"SubnetIds": [each.strip() for each in named.split(",")]}
        elif self.subject.stack is not None:
            given = {
                "Filters": [{"Name": "vpc-id", "Values": [self.subject.stack.output("VpcIdInUse")]}],
            }
        else:
            return Part("addresses", (ok("the stack makes subnets of its own"),))
        pages = self._account.client("ec2").get_paginator("describe_subnets").paginate(**given)
        found = {
            each["SubnetId"]: each["AvailableIpAddressCount"] for page in pages for each in page["Subnets"]
        }
        free = sum(found.values())
        told = f"{free} free in {len(found)} subnets"
        advice = "each task takes one, and the validator a few: start fewer at once, or name other subnets in SubnetIds"
        if free < LEAST_ADDRESSES:
            finding = fail(told, advice)
        else:
            finding = warn(told, advice) if free < WANTED_ADDRESSES else ok(told)
        return Part("addresses", (finding,), {"free": found})

    def permissions(self) -> Part:
        """Ask IAM whether the credentials may do what deploying and operating need."""
        source = _principal(self._account, self.subject.identity.arn)
        if source is None:
            told = "IAM can tell this of users and roles only"
            return Part(
                "permissions", (warn(told, "`python build.py doctor --policy deploy` prints the policy"),)
            )
        findings = []
        for kind, policy in (
            ("deploy", policies.deploy(self.subject.place)),
            ("operate", policies.operate(self.subject.place)),
        ):
            denied = self._denied(source, policy)
            findings.append(_of_policy(kind, policy, denied))
        return Part("permissions", tuple(findings))

    def _denied(self, source: str, policy: Mapping[str, Any]) -> list[str]:
        """Return the actions of a policy that a principal may not take."""
        found = parallel.each(
            lambda statement: list(self._simulated(source, statement)),
            policy["Statement"],
            SIMULATIONS_AT_ONCE,
        )
        return sorted({action for part in found for action in part})

    def _simulated(self, source: str, statement: Mapping[str, Any]) -> Iterator[str]:
        entries = [
            {"ContextKeyName": key, "ContextKeyValues": values[:1], "ContextKeyType": "string"}
            for block in statement.get("Condition", {}).values()
            for key, values in block.items()
        ]
        pages = self._account.client("iam").get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=source,
            ActionNames=statement["Action"],
            # What stands for any name is replaced by one.
            ResourceArns=[arn if arn == "*" else arn.replace("*", "x") for arn in statement["Resource"]],
            ContextEntries=entries,
        )  # fmt: skip
        for page in pages:
            for result in page["EvaluationResults"]:
                if result["EvalDecision"] != "allowed":
                    yield result["EvalActionName"]


UNSET = frozenset({"ServerSideEncryptionConfigurationNotFoundError", "NoSuchPublicAccessBlockConfiguration"})
"""Errors that say that a safeguard is not set. Evidence: documentation (S3 API)."""


def _of_policy(kind: str, policy: Mapping[str, Any], denied: Sequence[str]) -> Finding:
    count = len({action for statement in policy["Statement"] for action in statement["Action"]})
    doing = {"deploy": "deploying", "operate": "operating"}[kind]
    if not denied:
        return ok(f"{doing}: all {count} actions are allowed")
    more = [f"and {len(denied) - DENIED_SHOWN} more"] if len(denied) > DENIED_SHOWN else []
    return warn(
        f"{doing}: {len(denied)} of {count} actions are not allowed",
        f"`python build.py doctor --policy {kind}` prints the least policy; a role that only does the other needs none of it",
        *denied[:DENIED_SHOWN],
        *more,
    )


def _principal(account: Account, arn: str) -> str | None:
    """Return the user or role behind an identity, as IAM simulates it; None where it is neither."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    _, partition, _, _, number, resource = arn.split(":", 5)
    kind, _, rest = resource.partition("/")
    if kind == "user":
        return arn
    if kind != "assumed-role":
        return None
    name = rest.partition("/")[0]
    try:
        # A session's ARN leaves out its role's path.
        return str(account.client("iam").get_role(RoleName=name)["Role"]["Arn"])
    except ClientError as error:
        if not is_denied(error):
            raise
    return f"arn:{partition}:iam::{number}:role/{name}"
