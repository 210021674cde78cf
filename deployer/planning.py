"""The change set of a deployment: created from what was published, or planned before; and taken back again."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from deployer import change_sets, events, parameters, tokens
from deployer.account import error_code
from deployer.change_sets import ChangeSet, ChangeSetError, ChangeSetRefusedError, NameTakenError, Request
from deployer.console import EXIT_ERROR, EXIT_USAGE, Refused
from deployer.deployed import BUCKET, template_of
from deployer.signals import patient

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deployer.context import Context
    from deployer.reviewed import Reviewed
    from deployer.stacks import Stack

MARK = "ToolShed"
"""How the description of a change set of ours begins."""
NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
"""Of a change set. Evidence: botocore 1.44.5's model."""


def name_for(template: bytes) -> str:
    """Return the name of a change set: the same for the same template, which names all else by its digest."""
    return f"toolshed-{hashlib.sha256(template).hexdigest()[:16]}"


@dataclass
class Made:
    """What a run has made in the account, or may have; it can be taken back until it is executed."""

    context: Context
    name: str = ""
    """Of the change set; empty where none was asked for."""
    arn: str = ""
    """Of the change set; empty as long as the answer has not come."""
    stack_id: str = ""
    has_made_stack: bool = False
    """Whether there was no stack before, or only what an earlier run of ours has left."""

    def plan(self, stack: Stack | None, documents: Reviewed) -> ChangeSet:
        """Publish, and create the change set. Raises `Refused`, `ChangeSetError`."""
        from deployer import artifacts  # noqa: PLC0415 - the help needs none

        context, options = self.context, self.context.options
        is_new = change_sets.kind_for(stack) == "CREATE"
        before: Mapping[str, str] = {} if stack is None or is_new else stack.parameters
        given = dict(options.given)
        bucket = _bucket(context, given, before)
        if before.get(BUCKET) != bucket:
            given[BUCKET] = bucket
        declared = documents.fields.get("Parameters", {})
        parameters.check(declared, given)
        values = parameters.settle(declared, given, None if is_new else before)
        if is_new or (stack is not None and stack.status == "IMPORT_COMPLETE"):
            from deployer import leftovers  # noqa: PLC0415 - only where something is made that was not there

            has_resources = None if is_new else stack
            named = {**before, **values.given}
            leftovers.check(context.account, has_resources, documents.fields, named, context.voice.note)
        owner = options.bucket_owner or context.account.identity().account
        published = artifacts.publish(context.account, bucket, documents, owner=owner)
        if published.uploaded:
            count = len(published.uploaded)
            context.voice.note(f"uploaded {count} of {count + len(published.present)} artifacts to {bucket}")
        request = Request(
            stack=options.stack,
            name=options.change_set_name or name_for(documents.content),
            template_url=published.template_url,
            parameters=values.given,
            kept=values.kept,
            tags=options.tags,
            role_arn=options.role_arn,
            description=f"{MARK}, commit {documents.commit or 'none'}",
            token=tokens.new(context.account),
            does_revert_drift=options.does_revert_drift,
        )
        self._make_room(request, stack)
        return self._create(request, stack)

    def _make_room(self, request: Request, stack: Stack | None) -> None:
        """Delete an earlier change set of the same name, where it is of our making. Raises `Refused`."""
        if stack is None:
            return
        found = change_sets.find(self.context.client, stack.name, request.name)
        if found is None:
            return
        is_used = found.status != "FAILED" and found.execution in ("AVAILABLE", "UNAVAILABLE")
        if is_used and not found.description.startswith(MARK):
            raise Refused(
                f"{stack.name} has a change set {request.name} already, which somebody else made\n"
                "choose another name with --change-set-name, or delete it",
                EXIT_ERROR,
            )
        change_sets.delete(self.context.client, found.arn)
        self.has_made_stack = stack.status == "REVIEW_IN_PROGRESS"
        if found.execution == "AVAILABLE":
            made = f" of {found.created.astimezone():%Y-%m-%d %H:%M}" if found.created is not None else ""
            self.context.voice.note(f"replaced the change set {request.name}{made}")

    def _create(self, request: Request, stack: Stack | None) -> ChangeSet:
        client, kind = self.context.client, change_sets.kind_for(stack)
        self.context.voice.note(f"creating the change set {request.name}")
        self.has_made_stack, self.name = self.has_made_stack or stack is None, request.name
        try:
            self.arn, self.stack_id = change_sets.begin(client, request, kind)
        except NameTakenError:
            # It is theirs, and so is the stack where there was none.
            self.name = ""
            raise
        try:
            return change_sets.wait(client, self.arn, kind, self.context.pace)
        except ChangeSetRefusedError as error:
            self._explain(error)
            raise Refused(
                "CloudFormation refuses the change set; nothing was executed", EXIT_ERROR
            ) from error

    def _explain(self, error: ChangeSetRefusedError) -> None:
        """Tell why a change set was refused: what early validation and hooks found, then CloudFormation's words."""
        from deployer import failures  # noqa: PLC0415 - only where something went wrong
        from deployer.reviewed import TEMPLATE  # noqa: PLC0415
        from states_language.sources import parse  # noqa: PLC0415

        context = self.context
        found = events.findings(context.client, context.voice.note, change_set=error.arn)
        template = parse((context.root / TEMPLATE).read_text("utf-8"), str(TEMPLATE))
        causes = failures.causes((), found, template)
        context.answer |= {
            "result": "refused",
            "reason": error.reason,
            "causes": [failures.document(each) for each in causes],
        }
        for text in failures.lines(causes):
            context.voice.blame(text)
        context.voice.blame(f"CloudFormation says: {error.reason or 'nothing'}")

    # Taking back

    def take_back(self) -> None:
        """Delete the change set that this run made, and the stack where it made that, too; say what could not be."""
        if not self.name:
            return
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the help needs no botocore

        context, name = self.context, self.name
        self.name = ""
        try:
            with patient(context.voice.note):
                self._delete_change_set(name)
                if self.has_made_stack:
                    self._delete_stack()
        except (BotoCoreError, ClientError, ChangeSetError, KeyboardInterrupt) as error:
            stack, blame = context.options.stack, context.voice.blame
            blame(f"left behind, not executed ({error_code(error)}): the change set {name} of {stack}")
            blame(f"  aws cloudformation delete-change-set --stack-name {stack} --change-set-name {name}")
            if self.has_made_stack:
                blame("and the empty stack, which is free of charge, and holds nothing")
                blame(f"  aws cloudformation delete-stack --stack-name {stack}")

    def _delete_change_set(self, name: str) -> None:
        client = self.context.client
        if self.arn:
            change_sets.delete(client, self.arn)
            return
        # The request was under way when the run was interrupted: it may have been heard.
        found = change_sets.find(client, self.context.options.stack, name)
        if found is not None and found.description.startswith(MARK):
            self.stack_id = found.stack_id
            change_sets.delete(client, found.arn)

    def _delete_stack(self) -> None:
        """Delete the stack that this run made, unless somebody has begun to use it."""
        stack = self.context.options.stack
        if not change_sets.remove_empty(self.context.client, self.stack_id or stack):
            self.context.voice.note(f"{stack} stays: somebody else has begun to use it")


def planned_before(context: Context, stack: Stack | None, documents: Reviewed) -> ChangeSet:
    """Return a change set that was planned before, where it is of the same documents. Raises `Refused`."""
    name = context.options.execute
    found = change_sets.find(context.client, stack.name, name) if stack is not None else None
    if stack is None or found is None:
        raise Refused(f"{context.options.stack} has no change set {name}", EXIT_ERROR)
    if found.status != "CREATE_COMPLETE" or found.execution != "AVAILABLE":
        raise Refused(
            f"the change set {name} cannot be executed: it is {found.status}, its execution {found.execution}\n"
            f"{found.reason or 'deploy without --execute to make a new one'}",
            EXIT_ERROR,
        )
    if found.mode != "STANDARD" or found.is_rollback_disabled:
        raise Refused(
            f"the change set {name} would be executed without rollback (mode {found.mode})\n"
            "a failure would leave the stack half changed, and CloudFormation then refuses replacements: make it anew"
        )
    held = template_of(context.client, stack=stack.name, change_set=found.arn)
    if json.loads(held) != documents.fields:
        raise Refused(f"the change set {name} is of another template than the committed one\nmake it anew")
    return replace(found, kind=change_sets.kind_for(stack))


def _bucket(context: Context, given: Mapping[str, str], before: Mapping[str, str]) -> str:
    """Return the artifact bucket: as it is given, as the stack has it, or the one that `bootstrap` made."""
    option, parameter = context.options.bucket, given.get(BUCKET, "")
    if option and parameter and option != parameter:
        raise Refused(f"--bucket says {option}, and the parameter {BUCKET} says {parameter}", EXIT_USAGE)
    found = option or parameter or before.get(BUCKET, "")
    if not found:
        from deployer.bootstrap import bucket_of  # noqa: PLC0415 - only where nothing else tells it

        found = bucket_of(context.account, context.options.bootstrap_stack)
    return found
