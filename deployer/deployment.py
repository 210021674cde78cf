"""A deployment from beginning to end: what was reviewed, a change set, a question, what happens, what came of it.

Nothing is half done without being told. Until the change set is executed, whatever ends the deployment (an answer, a
refusal, Ctrl-C) takes back what it made. From then on CloudFormation works without us: we may go, and say how to follow.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shlex
import signal
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

import click

from deployer import change_sets, events, execute, parameters, stacks
from deployer.account import Access, Account, error_code, refusal
from deployer.change_sets import ChangeSet, ChangeSetError, ChangeSetRefusedError, Request
from deployer.console import (
    EXIT_DONE,
    EXIT_ERROR,
    EXIT_INTERRUPTED,
    EXIT_PLANNED,
    EXIT_ROLLED_BACK,
    EXIT_USAGE,
    Refused,
    complain,
    note,
    table,
)
from deployer.execute import Follower, Outcome
from deployer.progress import Lines, choose, clock, line, span
from deployer.stacks import Meaning, Pace, Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from deployer.plan import Plan
    from deployer.reviewed import Reviewed

MARK = "ToolShed"
"""How the description of a change set of ours begins."""
NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
"""Of a change set, and of a token. Evidence: botocore 1.44.5's model."""
BUCKET = "ArtifactBucket"
ALIAS = "PipelineArn"
"""The output with the alias's ARN."""
REMOVAL = Pace(first=0.2, last=2.0, limit=60)


class Stage(Enum):
    """How far a deployment is, as far as it matters for who interrupts it."""

    PREPARING = auto()
    """Nothing was made in the account, apart from artifacts, which stay."""
    PLANNING = auto()
    """A change set, and maybe an empty stack, may have been made."""
    STARTING = auto()
    """Its execution was asked for, and the answer has not come yet."""
    FOLLOWING = auto()
    """It is being executed."""
    DELETING = auto()
    """A stack whose creation failed is being deleted."""
    ENDED = auto()


@dataclass(frozen=True)
class Options:
    """What the person, or CI, asks for."""

    stack: str
    given: Mapping[str, str] = field(default_factory=dict)
    """Parameters."""
    tags: Mapping[str, str] = field(default_factory=dict)
    bucket: str = ""
    bucket_owner: str = ""
    bootstrap_stack: str = ""
    role_arn: str = ""
    change_set_name: str = ""
    execute: str = ""
    """The name of a change set that was planned before, which is to be executed."""
    gates: tuple[str, ...] = ()
    is_yes: bool = False
    does_execute: bool = True
    does_recreate: bool = False
    does_wait: bool = False
    is_uncommitted_allowed: bool = False
    is_json: bool = False


@dataclass
class Voice:
    """Speaks to whoever runs this: above the live view while there is one; never into what a program reads."""

    is_json: bool = False
    view: Lines | None = None

    def say(self, text: str = "") -> None:
        """Tell a result."""
        click.echo(text, err=self.is_json)

    def note(self, text: str) -> None:
        """Tell what is good to know while something goes on."""
        (self.view.tell if self.view is not None else note)(text)


def aws_options(access: Access) -> str:
    """Return the options with which the AWS command line reaches the same account."""
    given = {"--profile": access.profile, "--region": access.region, "--endpoint-url": access.endpoint_url}
    return "".join(f" {name} {shlex.quote(value)}" for name, value in given.items() if value)


class Deployment:
    """One run of `deploy`."""

    def __init__(self, access: Access, options: Options, root: Path, pace: Pace | None = None):
        self.options = options
        self.root = root
        self.pace = pace or Pace()
        self.voice = Voice(options.is_json)
        self.account = Account(access, self.voice.note)
        self.stage = Stage.PREPARING
        self.token = ""
        self.answer: dict[str, Any] = {"stack": options.stack}
        """What `--json` prints."""
        self._client: Any = None
        self._stack_id = ""
        self._name = ""
        """Of the change set that this run made; empty where it made none."""
        self._arn = ""
        self._kind = ""
        self._has_made_stack = False

    # The way through

    def run(self) -> int:
        """Deploy; return the exit code. Raises `Refused`, `AccountError`, and what botocore raises."""
        with _interruptible():
            try:
                code = self._run()
            except KeyboardInterrupt:
                code = self._interrupted()
            except BaseException:
                if self.stage is Stage.PLANNING:
                    self._take_back()
                raise
        self.answer["exit"] = code
        if self.options.is_json:
            click.echo(json.dumps(self.answer, indent=2, ensure_ascii=False, default=str))
        return code

    def _run(self) -> int:
        from deployer import reviewed  # noqa: PLC0415 - the help needs none of these

        options = self.options
        if options.does_execute and not options.is_yes and not self._can_ask:
            raise Refused(
                "nobody is here to be asked: there is no terminal\n"
                "add --yes to execute what is planned, or --no-execute to look at it first",
                EXIT_USAGE,
            )
        documents = reviewed.check(self.root, allow_uncommitted=options.is_uncommitted_allowed)
        self._client = self.account.client("cloudformation")
        stack = self._ready()
        change_set = (
            self._planned_before(stack, documents) if options.execute else self._planned(stack, documents)
        )
        if change_set.is_empty:
            return self._unchanged(stack)
        plan = self._plan(change_set, stack, documents)
        self._show(plan)
        if failed := self._gates_failed(plan):
            raise Refused(f"the plan does not pass --fail-on {', '.join(failed)}; nothing was executed")
        if not options.does_execute:
            return self._left_planned(change_set)
        if not options.is_yes and not self._ask(self._question(plan)):
            self._take_back()
            self.voice.say("nothing was executed")
            self.answer["result"] = "declined"
            return EXIT_PLANNED
        return self._concluded(self._execute(change_set, plan), change_set, documents)

    @property
    def _can_ask(self) -> bool:
        return sys.stdin.isatty() and sys.stderr.isatty()

    def _ask(self, question: str, *, default: bool = False) -> bool:
        try:
            return click.confirm(question, default=default, err=True)
        except click.Abort as error:
            raise KeyboardInterrupt from error

    # The stack, as it is found

    def _ready(self) -> Stack | None:
        """Return the stack once it can be deployed to; None where there is none. Raises `Refused`."""
        while True:
            stack = stacks.read(self._client, self.options.stack)
            if stack is None or stack.status == "DELETE_COMPLETE":
                return None
            if stack.meaning is Meaning.UPDATE:
                return stack
            if stack.meaning is Meaning.CREATE:
                self._tell_of_review(stack)
                return stack
            if stack.meaning is Meaning.WAIT:
                self._wait_for(stack)
            elif stack.meaning is Meaning.RECREATE:
                self._delete_failed(stack)
                return None
            else:
                raise Refused(self._explained(stack), EXIT_ERROR)

    def _explained(self, stack: Stack) -> str:
        return stacks.explanation(stack, self._not_taken_back(stack), aws_options(self.account.access))

    def _not_taken_back(self, stack: Stack) -> list[str]:
        """Return the resources that are in a failed state now."""
        last: dict[str, str] = {}
        for event in events.of_stack(self._client, stack.id):
            if not event.is_stack and event.status:
                last[event.logical_id] = event.status
        return sorted(name for name, status in last.items() if status.endswith("_FAILED"))

    def _tell_of_review(self, stack: Stack) -> None:
        others = [each["ChangeSetName"] for each in change_sets.listed(self._client, stack.id)]
        since = f" since {stack.created.astimezone():%Y-%m-%d %H:%M}" if stack.created is not None else ""
        told = f"{stack.name} has no resources yet: somebody began a review{since} and has not finished it"
        if others:
            told += f"; executing deletes their change sets: {', '.join(others)}"
        self.voice.note(told)

    def _wait_for(self, stack: Stack) -> None:
        """Follow what somebody else does, where that is wanted. Raises `Refused`."""
        told = self._explained(stack).splitlines()[0] + self._begun(stack)
        is_wanted = self.options.does_wait
        if not is_wanted and self._can_ask and not self.options.is_yes:
            self.voice.note(told)
            is_wanted = self._ask("Follow it, and go on when it has ended?", default=True)
        if not is_wanted:
            raise Refused(
                f"{told}\n--wait follows it and then goes on; `python build.py events --follow` only follows it",
                EXIT_ERROR,
            )
        if self.options.does_wait:
            self.voice.note(told)
        stream = events.Stream(self._client, stack.id)
        stream.skip()
        self._follow(stack.name, (), stream, lambda _shown, _stack: True)

    def _begun(self, stack: Stack) -> str:
        """Return when an operation began, and by whom, as far as its events tell."""
        found = [
            event
            for event in events.of_stack(self._client, stack.id)
            if event.is_stack and event.logical_id == stack.name and event.status.endswith("_IN_PROGRESS")
            and "ROLLBACK" not in event.status and "CLEANUP" not in event.status
        ]  # fmt: skip
        if not found or found[-1].at is None:
            return ""
        by = f", by {beginner(found[-1].token)}" if found[-1].token else ""
        return f", since {clock(found[-1].at)}{by}"

    def _delete_failed(self, stack: Stack) -> None:
        """Delete a stack whose creation was rolled back, where that is wanted. Raises `Refused`."""
        if stack.is_protected:
            raise Refused(
                f"{stack.name} is {stack.status}, and protected against deletion (termination protection)\n"
                "whoever protected it must say that it may go: aws cloudformation update-termination-protection "
                f"--no-enable-termination-protection --stack-name {stack.name}{aws_options(self.account.access)}",
                EXIT_ERROR,
            )
        if not self.options.does_recreate:
            if not self._can_ask or self.options.is_yes or not self.options.does_execute:
                raise Refused(self._explained(stack), EXIT_ERROR)
            self.voice.note(self._explained(stack).splitlines()[0])
            if not self._ask("Delete it, and create it anew?"):
                raise Refused("nothing was done", EXIT_ERROR)
        self.voice.say(f"deleting {stack.name}, which is {stack.status}")
        stream = events.Stream(self._client, stack.id)
        stream.skip()
        self.stage = Stage.DELETING
        self._client.delete_stack(StackName=stack.id, ClientRequestToken=self._new_token())
        outcome = self._follow(
            stack.name, (), stream, lambda _shown, now: now is None or now.status != stack.status
        )
        self.stage = Stage.PREPARING
        if outcome.status != "DELETE_COMPLETE":
            raise Refused(
                f"{stack.name} could not be deleted: it is {outcome.status}\n{self._reasons(outcome)}",
                EXIT_ERROR,
            )

    # The change set

    def _planned(self, stack: Stack | None, documents: Reviewed) -> ChangeSet:
        """Publish, and create the change set. Raises `Refused`."""
        from deployer import artifacts  # noqa: PLC0415

        is_new = change_sets.kind_for(stack) == "CREATE"
        before = {} if stack is None or is_new else stack.parameters
        given = dict(self.options.given)
        bucket = self._bucket(given, before)
        if given.get(BUCKET) or before.get(BUCKET) != bucket:
            given[BUCKET] = bucket
        values = parameters.settle(documents.fields.get("Parameters", {}), given, None if is_new else before)
        owner = self.options.bucket_owner or self.account.identity().account
        published = artifacts.publish(self.account, bucket, documents, owner=owner)
        self._tell_published(published.uploaded, published.present, bucket)
        request = Request(
            stack=self.options.stack,
            name=self.options.change_set_name or name_for(documents.content),
            template_url=published.template_url,
            parameters=values.given,
            kept=values.kept,
            tags=self.options.tags,
            role_arn=self.options.role_arn,
            description=f"{MARK} {documents.template_key.rpartition('/')[2][:12]}, commit {(documents.commit or 'none')[:12]}",
            token=self._new_token(),
        )
        self._make_room(request, stack)
        return self._created(request, stack)

    def _tell_published(self, uploaded: Sequence[str], present: Sequence[str], bucket: str) -> None:
        count = len(uploaded)
        if count:
            self.voice.note(f"uploaded {count} of {count + len(present)} artifacts to {bucket}")

    def _bucket(self, given: Mapping[str, str], before: Mapping[str, str]) -> str:
        """Return the artifact bucket: as it is given, as the stack has it, or the one that `bootstrap` made."""
        option, parameter = self.options.bucket, given.get(BUCKET, "")
        if option and parameter and option != parameter:
            raise Refused(f"--bucket says {option}, and the parameter {BUCKET} says {parameter}", EXIT_USAGE)
        return option or parameter or before.get(BUCKET, "") or self._bootstrapped()

    def _bootstrapped(self) -> str:
        from deployer.bootstrap import bucket_of  # noqa: PLC0415

        return bucket_of(self.account, self.options.bootstrap_stack)

    def _make_room(self, request: Request, stack: Stack | None) -> None:
        """Delete an earlier change set of the same name, where it is of our making. Raises `Refused`."""
        if stack is None:
            return
        found = change_sets.find(self._client, stack.name, request.name)
        if found is None:
            return
        if found.execution == "AVAILABLE" and not found.description.startswith(MARK):
            raise Refused(
                f"{stack.name} has a change set {request.name} already, which somebody else made\n"
                "choose another name with --change-set-name, or delete it",
                EXIT_ERROR,
            )
        change_sets.delete(self._client, found.arn)
        if found.execution == "AVAILABLE":
            self.voice.note(f"replaced the change set {request.name} of {found.created:%Y-%m-%d %H:%M} UTC")

    def _created(self, request: Request, stack: Stack | None) -> ChangeSet:
        self.voice.note(f"creating the change set {request.name}")
        kind = change_sets.kind_for(stack)
        self._has_made_stack, self._name, self._kind = stack is None, request.name, kind
        self.stage = Stage.PLANNING
        self._arn, self._stack_id = change_sets.begin(self._client, request, kind)
        try:
            return change_sets.wait(self._client, self._arn, kind, self.pace)
        except ChangeSetRefusedError as error:
            self._explain_refused(error)
            raise Refused(
                "CloudFormation refuses the change set; nothing was executed", EXIT_ERROR
            ) from error

    def _explain_refused(self, error: ChangeSetRefusedError) -> None:
        from deployer import failures  # noqa: PLC0415 - only where something went wrong
        from deployer.reviewed import TEMPLATE  # noqa: PLC0415
        from states_language.sources import parse  # noqa: PLC0415

        found = events.findings(self._client, self.voice.note, change_set=error.arn)
        parsed = parse((self.root / TEMPLATE).read_text("utf-8"), str(TEMPLATE))
        causes = failures.causes((), found, parsed)
        self.answer["causes"] = [vars(each) for each in causes]
        self.answer["reason"] = error.reason
        for text in failures.lines(causes):
            complain_line(text)
        complain_line(f"CloudFormation says: {error.reason or 'nothing'}")

    def _planned_before(self, stack: Stack | None, documents: Reviewed) -> ChangeSet:
        """Return a change set that was planned before, where it is of the same documents. Raises `Refused`."""
        name = self.options.execute
        found = change_sets.find(self._client, stack.name, name) if stack is not None else None
        if stack is None or found is None:
            raise Refused(f"{self.options.stack} has no change set {name}", EXIT_ERROR)
        if found.status != "CREATE_COMPLETE" or found.execution != "AVAILABLE":
            raise Refused(
                f"the change set {name} cannot be executed: it is {found.status}, its execution {found.execution}\n"
                f"{found.reason or 'deploy without --execute to make a new one'}",
                EXIT_ERROR,
            )
        if found.mode != "STANDARD" or found.is_rollback_disabled:
            raise Refused(
                f"the change set {name} would be executed without rollback ({found.mode})\n"
                "a failure would leave the stack half changed, and replacements are then refused: make it anew"
            )
        from deployer.deployed import template_of  # noqa: PLC0415

        held = template_of(self._client, stack=stack.id, change_set=found.arn)
        if json.loads(held) != documents.fields:
            raise Refused(
                f"the change set {name} is of another template than the committed one; make it anew"
            )
        return replace(found, kind=change_sets.kind_for(stack))

    def _unchanged(self, stack: Stack | None) -> int:
        self._take_back()
        self.stage = Stage.ENDED
        self.answer |= {"result": "unchanged", "outputs": dict(stack.outputs) if stack is not None else {}}
        self.voice.say(f"nothing to change: {self.options.stack} is as the documents say")
        return EXIT_DONE

    # The plan

    def _plan(self, change_set: ChangeSet, stack: Stack | None, documents: Reviewed) -> Plan:
        from deployer import deployed, plan  # noqa: PLC0415

        after = plan.side(deployed.committed(documents))
        if change_set.kind == "CREATE" or stack is None:
            return plan.make(change_set, {}, after, {})
        found = deployed.read(self.account, stack, documents, self.root)
        return plan.make(change_set, plan.side(found.contents), after, stack.parameters, found.notes)

    def _show(self, plan: Plan) -> None:
        from deployer import plan as plans  # noqa: PLC0415

        self.answer |= plans.document(plan)
        say = self.voice.say
        say(click.style(plan.verdict, bold=True))
        say()
        say(table(*plans.rows(plan)))
        if remarks := plans.remarks(plan):
            say()
            say(remarks)
        say()

    def _gates_failed(self, plan: Plan) -> list[str]:
        from deployer import plan as plans  # noqa: PLC0415

        return plans.refused(plan, self.options.gates)

    def _question(self, plan: Plan) -> str:
        what = "Create" if plan.change_set.kind == "CREATE" else "Change"
        danger = f" ({plan.dangers} of the changes may lose, open or break something)" if plan.dangers else ""
        return f"{what} {self.options.stack} in {self.account.region}{danger}?"

    def _left_planned(self, change_set: ChangeSet) -> int:
        self.stage = Stage.ENDED
        self.answer["result"] = "planned"
        options = aws_options(self.account.access)
        say = self.voice.say
        say(f"planned, not executed: the change set {change_set.name} of {change_set.stack}")
        say(f"  execute it:    python build.py deploy --execute {change_set.name}{self._ours}")
        say(
            f"             or  aws cloudformation execute-change-set --change-set-name {change_set.arn}{options}"
        )
        say(
            f"  throw it away: aws cloudformation delete-change-set --change-set-name {change_set.arn}{options}"
        )
        if self._has_made_stack:
            say(
                f"  and the empty stack with it: aws cloudformation delete-stack --stack-name {change_set.stack}{options}"
            )
        return EXIT_PLANNED

    @property
    def _ours(self) -> str:
        """The options with which this command line reaches the same stack."""
        from deployer.console import STACK  # noqa: PLC0415

        named = "" if self.options.stack == STACK else f" --stack-name {self.options.stack}"
        return named + aws_options(self.account.access)

    # Its execution

    def _execute(self, change_set: ChangeSet, plan: Plan) -> Outcome:
        self._arn, self._stack_id, self._kind = change_set.arn, change_set.stack_id, change_set.kind
        self.token = self._new_token()
        del plan
        self.stage = Stage.STARTING
        stream = execute.start(self._client, change_set, self.token)
        self.stage = Stage.FOLLOWING
        names = [change.logical_id for change in change_set.changes]
        has_begun = execute.beginning(self._client, change_set, self.token)
        return self._follow(change_set.stack, names, stream, has_begun)

    def _follow(
        self,
        name: str,
        names: Sequence[str],
        stream: events.Stream,
        has_begun: Callable[[list[events.StackEvent], Stack | None], bool],
    ) -> Outcome:
        """Show what a stack does until it has settled. Raises `Refused` where it cannot be watched any longer."""
        with choose(name, names, is_json=self.options.is_json) as view:
            self.voice.view = view
            follower = Follower(self._client, stream, view.event, self.voice.note, view.look, self.pace)
            try:
                return follower.follow(has_begun, self.token)
            except ChangeSetError as error:
                raise Refused(f"{error}\n{self._going_on()}", EXIT_ERROR) from error
            except Exception as error:
                from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

                if not isinstance(error, BotoCoreError | ClientError):
                    raise
                told = refusal(error, self.account.access)
                raise Refused(f"{told}\n{self._going_on()}", EXIT_ERROR) from error
            finally:
                self.voice.view = None

    def _going_on(self) -> str:
        """Return what to know, and to do, of an operation that goes on without us."""
        options = aws_options(self.account.access)
        told = [
            "what was begun goes on in AWS, with nobody watching",
            f"  follow it: python build.py events --follow{self._ours}",
        ]
        if self.stage is Stage.FOLLOWING and self._kind == "UPDATE":
            told.append(
                f"  cancel it: aws cloudformation cancel-update-stack --stack-name {self.options.stack}{options}"
            )
        elif self.stage is Stage.FOLLOWING:
            told.append(
                f"  end it:    a creation cannot be cancelled; aws cloudformation delete-stack --stack-name {self.options.stack}{options}"
            )
        return "\n".join(told)

    # What came of it

    def _concluded(self, outcome: Outcome, change_set: ChangeSet, documents: Reviewed) -> int:
        from deployer.history import document  # noqa: PLC0415

        self.stage = Stage.ENDED
        self.answer |= {
            "status": outcome.status,
            "seconds": round(outcome.seconds, 1),
            "events": [document(event) for event in outcome.events],
        }
        if outcome.status == execute.DONE[change_set.kind] and outcome.stack is not None:
            return self._succeeded(outcome, outcome.stack, change_set)
        return self._failed(outcome, change_set, documents)

    def _succeeded(self, outcome: Outcome, stack: Stack, change_set: ChangeSet) -> int:
        say = self.voice.say
        count = len(change_set.changes)
        changed = f"{count} change" if count == 1 else f"{count} changes"
        say(click.style(f"{outcome.status}  {stack.name}: {changed} in {span(outcome.seconds)}", fg="green"))
        self.answer |= {"result": "deployed", "outputs": dict(stack.outputs)}
        if stack.outputs:
            say()
            say(table(["output", "value"], [[name, stack.outputs[name]] for name in sorted(stack.outputs)]))
        if ALIAS in stack.outputs:
            self._tell_alias(stack.outputs[ALIAS])
        return EXIT_DONE

    def _tell_alias(self, arn: str) -> None:
        """Tell which version of the state machine the alias leads to."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            client = self.account.client("stepfunctions")
            routes = client.describe_state_machine_alias(stateMachineAliasArn=arn)["routingConfiguration"]
            found = []
            for route in routes:
                version = route["stateMachineVersionArn"]
                described = client.describe_state_machine(stateMachineArn=version)
                found.append(
                    {
                        "version": version.rpartition(":")[2],
                        "weight": route["weight"],
                        "description": described.get("description", ""),
                    }
                )
        except (BotoCoreError, ClientError) as error:
            self.voice.note(f"which version the alias leads to is not known ({error_code(error)})")
            return
        self.answer["alias"] = {"arn": arn, "routes": found}
        for route in found:
            share = "" if route["weight"] == 100 else f" for {route['weight']} % of the executions"
            told = f" ({route['description']})" if route["description"] else ""
            self.voice.say(f"\nalias {arn.rpartition(':')[2]} → version {route['version']}{share}{told}")

    def _failed(self, outcome: Outcome, change_set: ChangeSet, documents: Reviewed) -> int:
        from deployer import failures  # noqa: PLC0415 - only where something went wrong
        from states_language.sources import parse  # noqa: PLC0415

        operation = outcome.operation
        found = events.findings(self._client, self.voice.note, operation=operation) if operation else []
        if not found and any("DescribeEvents" in event.reason for event in outcome.events):
            every = events.findings(self._client, self.voice.note, stack=self._stack_id)
            since = outcome.events[0].at
            found = [each for each in every if each.at is None or since is None or each.at >= since]
        causes = failures.causes(
            outcome.events, found, parse(documents.content.decode(), str(documents.template))
        )
        is_rolled_back = outcome.status in (
            "ROLLBACK_COMPLETE",
            "UPDATE_ROLLBACK_COMPLETE",
            "DELETE_COMPLETE",
        )
        self.answer |= {
            "result": "rolled back" if is_rolled_back else "failed",
            "causes": [vars(each) for each in causes],
        }
        complain(f"{change_set.stack} could not be {'created' if change_set.kind == 'CREATE' else 'changed'}")
        for text in failures.lines(causes) if causes else ["cause: no event tells it"]:
            complain_line(text)
        complain_line("")
        for text in self._aftermath(outcome, change_set):
            complain_line(text)
        return EXIT_ROLLED_BACK if is_rolled_back else EXIT_ERROR

    def _aftermath(self, outcome: Outcome, change_set: ChangeSet) -> Iterator[str]:
        """Yield what CloudFormation did about a failure, and what to do now."""
        after = span(outcome.seconds)
        match outcome.status:
            case "UPDATE_ROLLBACK_COMPLETE":
                yield f"then: CloudFormation took everything back ({outcome.status}, after {after}); the stack is as it was before"
                yield "now:  mend the cause, and deploy again"
            case "ROLLBACK_COMPLETE":
                yield f"then: CloudFormation deleted what it had made ({outcome.status}, after {after}); the stack is empty"
                yield "now:  mend the cause, and deploy again with --recreate, which deletes the empty stack first"
            case "DELETE_COMPLETE":
                yield f"then: the stack was deleted, after {after}"
                yield "now:  mend the cause, and deploy again"
            case _ if outcome.stack is not None:
                yield f"then: CloudFormation came to {outcome.status}, after {after}"
                yield from self._explained(outcome.stack).splitlines()
            case _:
                yield f"then: CloudFormation came to {outcome.status}, after {after}"
        del change_set

    def _reasons(self, outcome: Outcome) -> str:
        return "\n".join(line(event) for event in outcome.events if event.is_failure) or "no event says why"

    # Taking back, and letting go

    def _interrupted(self) -> int:
        """End after Ctrl-C: take back what can be, and say what goes on."""
        self.answer["result"] = "interrupted"
        click.echo(err=True)
        if self.stage is Stage.STARTING and self._is_untouched():
            self.stage = Stage.PLANNING
        match self.stage:
            case Stage.PLANNING:
                self._take_back()
                complain_line("interrupted: nothing was executed")
            case Stage.STARTING | Stage.FOLLOWING | Stage.DELETING:
                self.stage = Stage.FOLLOWING if self.stage is Stage.STARTING else self.stage
                complain_line(f"detached: {self._going_on()}")
            case _:
                complain_line(
                    "interrupted: nothing was begun" if self.stage is Stage.PREPARING else "interrupted"
                )
        return EXIT_INTERRUPTED

    def _is_untouched(self) -> bool:
        """Tell whether a change set whose execution was asked for, with no answer, is as it was."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            return change_sets.describe(self._client, self._arn).execution == "AVAILABLE"
        except (BotoCoreError, ClientError):
            return False

    def _take_back(self) -> None:
        """Delete the change set that this run made, and the stack where it made that, too; say what could not be."""
        self.stage = Stage.ENDED
        if not self._name:
            return
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            with _patient(self.voice.note):
                self._delete_change_set()
                if self._has_made_stack:
                    self._delete_empty_stack()
        except (BotoCoreError, ClientError, ChangeSetError, KeyboardInterrupt) as error:
            options = aws_options(self.account.access)
            complain_line(
                f"left behind ({error_code(error)}): the change set {self._name} of {self.options.stack}"
            )
            complain_line(
                f"  aws cloudformation delete-change-set --stack-name {self.options.stack} --change-set-name {self._name}{options}"
            )
            if self._has_made_stack:
                complain_line(f"  aws cloudformation delete-stack --stack-name {self.options.stack}{options}")
        self._name = ""

    def _delete_change_set(self) -> None:
        if self._arn:
            change_sets.delete(self._client, self._arn)
            return
        # The request was under way when we were interrupted: it may have been heard.
        found = change_sets.find(self._client, self.options.stack, self._name)
        if found is not None and found.description.startswith(MARK):
            self._stack_id = found.stack_id
            change_sets.delete(self._client, found.arn)

    def _delete_empty_stack(self) -> None:
        """Delete the stack that this run made, unless somebody has begun to use it."""
        stack = stacks.read(self._client, self._stack_id or self.options.stack)
        if stack is None or stack.status != "REVIEW_IN_PROGRESS":
            return
        if change_sets.listed(self._client, stack.id):
            self.voice.note(f"{stack.name} stays: somebody else has made a change set for it")
            return
        self._client.delete_stack(StackName=stack.id)
        for _ in REMOVAL.looks():
            now = stacks.read(self._client, stack.id)
            if now is None or now.status == "DELETE_COMPLETE":
                return
        raise ChangeSetError(f"{stack.name} is not deleted yet")

    def _new_token(self) -> str:
        """Return a token for one request, which tells others whose it is."""
        who = re.split("[/:]", self.account.identity().arn)[-1]
        name = re.sub("[^A-Za-z0-9]+", "-", who).strip("-")[:60] or "somebody"
        return f"toolshed-{name}-{secrets.token_hex(8)}"


def name_for(template: bytes) -> str:
    """Return the name of a change set: the same for the same template, which names all else by its digest."""
    return f"toolshed-{hashlib.sha256(template).hexdigest()[:16]}"


def beginner(token: str) -> str:
    """Return who began an operation, by its token: one of ours names the person."""
    found = re.fullmatch(r"toolshed-(.+)-[0-9a-f]{16}", token)
    return found[1] if found else token


def complain_line(text: str) -> None:
    """Tell one more line of what went wrong, on standard error."""
    click.echo(text, err=True)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let whoever ends this process, too, be heard as Ctrl-C is: CI sends SIGTERM, a closed terminal SIGHUP."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, interrupt) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _patient(tell: Callable[[str], None]) -> Iterator[None]:
    """While something is taken back, hear Ctrl-C once without giving up; the second time give up."""
    heard = 0

    def interrupt(_number: int, _frame: object) -> None:
        nonlocal heard
        heard += 1
        if heard > 1:
            raise KeyboardInterrupt
        tell("taking back what was made; once more to leave it as it is")

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, interrupt) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
