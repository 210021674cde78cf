"""A deployment from beginning to end: what was reviewed, a change set, a question, what happens, what came of it.

Nothing is half done without being told. Until the change set is executed, whatever ends the deployment (an answer, a
refusal, Ctrl-C) takes back what it made. From then on CloudFormation works without us: we may go, and say how to follow.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING

import click

from deployer import change_sets, events, execute, parameters, standing, tokens
from deployer.account import error_code, refusal
from deployer.change_sets import ChangeSet, ChangeSetError
from deployer.console import (
    EXIT_ERROR,
    EXIT_INTERRUPTED,
    EXIT_PLANNED,
    EXIT_USAGE,
    Refused,
    warn,
)
from deployer.execute import Follower, Outcome
from deployer.planning import Made, planned_before
from deployer.progress import choose
from deployer.signals import interruptible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from deployer.context import Context
    from deployer.plan import Plan
    from deployer.reviewed import Reviewed
    from deployer.stacks import Stack


class Stage(Enum):
    """How far a deployment is, as far as it matters for who interrupts it."""

    PREPARING = auto()
    """Nothing was begun; what was published or planned is harmless, and is taken back where it can be."""
    STARTING = auto()
    """The execution was asked for, and the answer has not come yet."""
    FOLLOWING = auto()
    """It is being executed."""
    WATCHING = auto()
    """Something else is watched: somebody's operation, or the deletion of a stack whose creation failed."""
    ENDED = auto()


class Deployment:
    """One run of `deploy`."""

    def __init__(self, context: Context):
        self.context = context
        self.stage = Stage.PREPARING
        self._made = Made(context)
        self._change_set: ChangeSet | None = None

    def run(self) -> int:
        """Deploy; return the exit code. Raises `Refused`, `AccountError`, and what botocore raises."""
        with interruptible():
            try:
                return self._run()
            except KeyboardInterrupt:
                return self._interrupted()
            except BaseException:
                if self.stage is Stage.PREPARING:
                    self._made.take_back()
                raise

    def _run(self) -> int:
        from deployer import reviewed  # noqa: PLC0415 - the help needs none

        context, options = self.context, self.context.options
        if options.does_execute and not options.is_yes and not context.can_ask:
            raise Refused(
                "nobody is here to be asked: there is no terminal\n"
                "add --yes to execute what is planned, or --no-execute to look at it first",
                EXIT_USAGE,
            )
        documents = reviewed.check(context.root, allow_uncommitted=options.is_uncommitted_allowed)
        # What is mistyped is told before anything is asked, of anybody.
        parameters.check(documents.fields.get("Parameters", {}), options.given)
        stack = standing.ready(context, self._watch)
        change_set = self._planned(stack, documents)
        if change_set.is_empty:
            return self._unchanged(stack)
        plan = self._plan(change_set, stack, documents)
        self._show(plan)
        self._tell_of_rollout(change_set, stack)
        if not options.does_execute:
            return self._left(change_set)
        if not options.is_yes and not context.ask(self._question(plan)):
            self._made.take_back()
            context.voice.say("nothing was executed")
            context.answer["result"] = "declined"
            return EXIT_PLANNED
        outcome = self._execute(change_set)
        self.stage = Stage.ENDED
        from deployer.conclusion import conclude  # noqa: PLC0415

        return conclude(context, outcome, change_set, documents)

    # The plan

    def _planned(self, stack: Stack | None, documents: Reviewed) -> ChangeSet:
        try:
            if self.context.options.execute:
                return planned_before(self.context, stack, documents)
            return self._made.plan(stack, documents)
        except ChangeSetError as error:
            raise Refused(str(error), EXIT_ERROR) from error

    def _unchanged(self, stack: Stack | None) -> int:
        from deployer.conclusion import unchanged  # noqa: PLC0415

        self._made.take_back()
        return unchanged(self.context, stack)

    def _plan(self, change_set: ChangeSet, stack: Stack | None, documents: Reviewed) -> Plan:
        from deployer import deployed, plan  # noqa: PLC0415
        from review.model import ReviewError  # noqa: PLC0415

        committed = plan.side(deployed.committed(documents))
        if change_set.kind == "CREATE" or stack is None:
            return plan.make(change_set, {}, committed, {})
        found = deployed.read(self.context.account, stack, documents, self.context.root)
        notes = found.notes
        try:
            before = plan.side(found.contents)
        except ReviewError as error:
            before, notes = {}, (f"what is deployed cannot be read: {error}",)
        after = {name: document for name, document in committed.items() if name not in found.missing}
        return plan.make(change_set, before, after, stack.parameters, notes)

    def _show(self, plan: Plan) -> None:
        """Show a plan. Raises `Refused` where it is of another stack, or does not pass a gate."""
        from deployer import plan as plans  # noqa: PLC0415
        from deployer import plan_view  # noqa: PLC0415

        plans.check_whose(plan)
        context, say = self.context, self.context.voice.say
        context.answer |= plan_view.document(plan)
        say(click.style(plan.verdict, bold=True))
        say()
        say(plan_view.text(plan, has_all=context.options.has_all))
        say()
        if unknown := plans.undecided(plan, context.options.gates):
            raise Refused(
                f"--fail-on {', '.join(unknown)} cannot be decided, since what is deployed is not known; "
                "nothing was executed"
            )
        if failed := plans.refused(plan, context.options.gates):
            raise Refused(f"the plan does not pass --fail-on {', '.join(failed)}; nothing was executed")

    def _tell_of_rollout(self, change_set: ChangeSet, stack: Stack | None) -> None:
        """Tell how executions are led over, and what would end that as soon as it begins."""
        from deployer import rollout  # noqa: PLC0415

        steps = rollout.steps(change_set)
        if not steps or stack is None:
            return
        doubts = rollout.doubts(self.context.account, stack.outputs)
        self.context.answer |= {"rollout": steps, "warnings": doubts}
        self.context.voice.say(steps)
        for doubt in doubts:
            warn(doubt)

    def _question(self, plan: Plan) -> str:
        what = "Create" if plan.change_set.kind == "CREATE" else "Change"
        danger = f" {plan.dangers} of the changes may lose, open or break something." if plan.dangers else ""
        return f"{danger} {what} {self.context.options.stack} in {self.context.account.region}?".strip()

    def _left(self, change_set: ChangeSet) -> int:
        context, say = self.context, self.context.voice.say
        context.answer["result"] = "planned"
        named = f"--stack-name {change_set.stack} --change-set-name {change_set.name}"
        say(f"planned, not executed: the change set {change_set.name} of {change_set.stack}")
        say(f"  execute it:    python build.py deploy --execute {change_set.name}")
        say(f"             or  aws cloudformation execute-change-set {named}")
        say(f"  throw it away: aws cloudformation delete-change-set {named}")
        if self._made.has_made_stack:
            say("  with the empty stack: python build.py destroy")
        return EXIT_PLANNED

    # Its execution

    def _execute(self, change_set: ChangeSet) -> Outcome:
        context = self.context
        token = tokens.new(context.account)
        try:
            stream = execute.stream_of(context.client, change_set)
            self._change_set, self.stage = change_set, Stage.STARTING
            execute.start(context.client, change_set, token, stream)
        except execute.NotBegunError as error:
            self.stage = Stage.PREPARING
            raise Refused(str(error), EXIT_ERROR) from error
        except Exception:
            # Refused, or lost on the way: then it may have been heard.
            if self.stage is Stage.PREPARING or self._is_untouched():
                self.stage = Stage.PREPARING
            else:
                context.voice.blame(self._going_on())
            raise
        self.stage = Stage.FOLLOWING
        names = [change.logical_id for change in change_set.changes]
        has_begun = execute.beginning(context.client, change_set, token)
        return self._follow(change_set.stack, names, stream, has_begun, token)

    def _watch(
        self,
        name: str,
        stream: events.Stream,
        has_begun: Callable[[list[events.StackEvent], Stack | None], bool],
    ) -> Outcome:
        """Show what a stack does that this run has not begun."""
        self.stage = Stage.WATCHING
        outcome = self._follow(name, (), stream, has_begun)
        self.stage = Stage.PREPARING
        return outcome

    def _follow(
        self,
        name: str,
        names: Sequence[str],
        stream: events.Stream,
        has_begun: Callable[[list[events.StackEvent], Stack | None], bool],
        token: str = "",
    ) -> Outcome:
        """Show what a stack does until it has settled. Raises `Refused` where it cannot be watched any longer."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the help needs no botocore

        context = self.context
        try:
            with choose(name, names, is_json=context.options.is_json) as view:
                context.voice.view = view
                pace = replace(context.pace, limit=execute.LONGEST_SECONDS)
                follower = Follower(context.client, stream, view.event, context.voice.note, view.look, pace)
                return follower.follow(has_begun, token)
        except ChangeSetError as error:
            raise Refused(f"{error}\n{self._going_on()}", EXIT_ERROR) from error
        except (BotoCoreError, ClientError) as error:
            told = refusal(error, context.access)
            raise Refused(f"{told}\n{self._going_on()}", EXIT_ERROR) from error
        except OSError:
            # Nobody reads what is shown any more, or the disk that it goes to is full.
            context.voice.blame(self._going_on())
            raise
        finally:
            context.voice.view = None

    def _going_on(self) -> str:
        """Return what to know, and to do, of an operation that goes on without us."""
        stack = self.context.options.stack
        is_certain = self.stage is not Stage.STARTING or self._is_untouched() is False
        told = [
            f"what was begun goes on in AWS, with nobody watching: {stack}"
            if is_certain
            else f"whether CloudFormation heard of it is not known: {stack} may be changing now",
            "  follow it: python build.py events --follow",
        ]
        if self._change_set is not None and self._change_set.kind == "UPDATE":
            told.append(f"  cancel it: aws cloudformation cancel-update-stack --stack-name {stack}")
        elif self._change_set is not None:
            told.append(
                f"  end it:    aws cloudformation delete-stack --stack-name {stack} (a creation cannot be cancelled)"
            )
        return "\n".join(told)

    # Letting go

    def _interrupted(self) -> int:
        """End after Ctrl-C: take back what can be, and say what goes on."""
        context = self.context
        context.voice.blame()
        if self.stage is Stage.STARTING and self._is_untouched():
            self.stage = Stage.PREPARING
        match self.stage:
            case Stage.PREPARING:
                self._made.take_back()
                context.voice.blame("interrupted: nothing was executed")
            case Stage.ENDED:
                context.voice.blame("interrupted: the deployment itself has ended")
            case _:
                context.voice.blame(f"interrupted: {self._going_on()}")
        return EXIT_INTERRUPTED

    def _is_untouched(self) -> bool | None:
        """Tell whether a change set whose execution was asked for, with no answer, is as it was; None: nobody knows."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        if self._change_set is None:
            return True
        try:
            found = change_sets.describe(self.context.client, self._change_set.arn)
        except ClientError as error:
            return False if error_code(error) in change_sets.GONE else None
        except BotoCoreError:
            return None
        return found.execution == "AVAILABLE"
