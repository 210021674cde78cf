"""How a stack stands before it is deployed to: ready, busy, to be deleted first, or stuck."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer import change_sets, events, stacks, tokens
from deployer.console import EXIT_ERROR, Refused
from deployer.progress import clock, line
from deployer.stacks import Meaning, Stack

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer.context import Context
    from deployer.execute import Outcome

    Follow = Callable[[str, events.Stream, Callable[[list[events.StackEvent], Stack | None], bool]], Outcome]


def ready(context: Context, follow: Follow) -> Stack | None:
    """Return the stack once it can be deployed to; None where there is none. Raises `Refused`.

    `follow` shows what a stack does until it has settled.
    """
    while True:
        stack = stacks.read(context.client, context.options.stack)
        if stack is None or stack.status == "DELETE_COMPLETE":
            return None
        match stack.meaning:
            case Meaning.UPDATE:
                return stack
            case Meaning.CREATE:
                _tell_of_review(context, stack)
                return stack
            case Meaning.WAIT:
                _wait_for(context, stack, follow)
            case Meaning.RECREATE:
                _delete(context, stack, follow)
                return None
            case _:
                raise Refused(explained(context, stack), EXIT_ERROR)


def explained(context: Context, stack: Stack) -> str:
    """Return what a person reads of a stack that cannot be deployed to: what it is, and what to do."""
    return stacks.explanation(stack, _not_taken_back(context, stack))


def _not_taken_back(context: Context, stack: Stack) -> list[str]:
    """Return the resources that are in a failed state now."""
    last: dict[str, str] = {}
    for event in events.of_stack(context.client, stack.id):
        if not event.is_stack and event.status:
            last[event.logical_id] = event.status
    return sorted(name for name, status in last.items() if status.endswith("_FAILED"))


def _tell_of_review(context: Context, stack: Stack) -> None:
    others = [each["ChangeSetName"] for each in change_sets.listed(context.client, stack.name)]
    since = f" at {stack.created.astimezone():%Y-%m-%d %H:%M}" if stack.created is not None else ""
    told = f"{stack.name} has no resources yet: a review was begun{since}, and not finished"
    if others:
        told += f"; its change sets go when another is executed: {', '.join(others)}"
    context.voice.note(told)


def _wait_for(context: Context, stack: Stack, follow: Follow) -> None:
    """Follow what somebody else does, where that is wanted. Raises `Refused`."""
    told = stacks.explanation(stack, ()) + _begun(context, stack)
    is_asked = not context.options.does_wait and context.can_ask and not context.options.is_yes
    if is_asked or context.options.does_wait:
        context.voice.note(told)
    if not context.options.does_wait and not (
        is_asked and context.ask("Follow it, and go on when it has ended?", default=True)
    ):
        raise Refused(
            f"{told}\n--wait follows it and then goes on; `python build.py events --follow` only follows it",
            EXIT_ERROR,
        )
    stream = events.Stream(context.client, stack.id)
    stream.skip()
    follow(stack.name, stream, lambda _shown, _stack: True)


def _begun(context: Context, stack: Stack) -> str:
    """Return when an operation began, and by whom, as far as the stack's events tell."""
    found = events.beginning(events.of_stack(context.client, stack.id), stack.name)
    if found is None:
        return ""
    by = f", by {tokens.beginner(found.token)}" if found.token else ""
    return f", since {clock(found.at)}{by}"


def _delete(context: Context, stack: Stack, follow: Follow) -> None:
    """Delete a stack whose creation was rolled back, where that is wanted. Raises `Refused`."""
    options = context.options
    if stack.is_protected:
        raise Refused(
            f"{stack.name} is {stack.status}, and protected against deletion (termination protection)\n"
            "whoever protected it must say that it may go: aws cloudformation update-termination-protection "
            f"--no-enable-termination-protection --stack-name {stack.name}",
            EXIT_ERROR,
        )
    if not options.does_recreate:
        told = stacks.explanation(stack, ())
        # A plan that was made before is gone with the stack: it would be deleted for nothing.
        if not context.can_ask or options.is_yes or not options.does_execute or options.execute:
            raise Refused(told, EXIT_ERROR)
        context.voice.note(told.splitlines()[0])
        if not context.ask("Delete it, and create it anew?"):
            raise Refused("nothing was done", EXIT_ERROR)
    context.voice.say(f"deleting {stack.name}, which is {stack.status}")
    stream = events.Stream(context.client, stack.id)
    stream.skip()
    context.client.delete_stack(StackName=stack.id, ClientRequestToken=tokens.new(context.account))
    outcome = follow(stack.name, stream, lambda _shown, now: now is None or now.status != stack.status)
    if outcome.status != "DELETE_COMPLETE":
        reasons = [line(event) for event in outcome.events if event.is_failure] or ["no event says why"]
        raise Refused(
            "\n".join([f"{stack.name} could not be deleted: it is {outcome.status}", *reasons]), EXIT_ERROR
        )
