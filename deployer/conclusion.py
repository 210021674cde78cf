"""What came of a deployment: outputs and the alias's version, or the root cause, what was done about it, what to do now."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from deployer import events, execute
from deployer.account import error_code
from deployer.console import EXIT_DONE, EXIT_ERROR, EXIT_ROLLED_BACK, complain, table, warn
from deployer.deployed import ALIAS
from deployer.history import document
from deployer.progress import span
from deployer.standing import explained

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from deployer.change_sets import ChangeSet
    from deployer.context import Context
    from deployer.events import Finding
    from deployer.execute import Outcome
    from deployer.reviewed import Reviewed
    from deployer.stacks import Stack

DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
TAKEN_BACK = ("ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "DELETE_COMPLETE")


def conclude(context: Context, outcome: Outcome, change_set: ChangeSet, documents: Reviewed) -> int:
    """Tell what came of the execution of a change set; return the exit code."""
    context.answer |= {
        "status": outcome.status,
        "seconds": round(outcome.seconds, 1),
        "events": [document(event) for event in outcome.events],
    }
    if outcome.stack is not None and outcome.status == execute.DONE[change_set.kind]:
        return _succeeded(context, outcome, outcome.stack, change_set)
    return _failed(context, outcome, change_set, documents)


def _succeeded(context: Context, outcome: Outcome, stack: Stack, change_set: ChangeSet) -> int:
    say, count = context.voice.say, len(change_set.changes)
    changed = f"{count} change" if count == 1 else f"{count} changes" if count else "no resource changed"
    say(click.style(f"{outcome.status}  {stack.name}: {changed} in {span(outcome.seconds)}", fg="green"))
    context.answer |= {"result": "deployed", "outputs": dict(stack.outputs)}
    if stack.outputs:
        say()
        say(table(["output", "value"], [[name, stack.outputs[name]] for name in sorted(stack.outputs)]))
    if ALIAS in stack.outputs:
        tell_alias(context, stack.outputs[ALIAS])
    return EXIT_DONE


def unchanged(context: Context, stack: Stack | None) -> int:
    """Tell that there is nothing to change, and where the alias leads all the same: a rollback leaves the template."""
    context.answer |= {
        "result": "unchanged",
        "outputs": dict(stack.outputs) if stack is not None else {},
    }
    context.voice.say(
        f"nothing to change: {context.options.stack} is deployed from these documents; "
        "`python build.py status` tells what was changed outside of the stack"
    )
    if stack is None or ALIAS not in stack.outputs:
        return EXIT_DONE
    from deployer.rollback import is_of_template  # noqa: PLC0415 - only where nothing is changed

    for version in tell_alias(context, stack.outputs[ALIAS]):
        if not is_of_template(context.account, stack.id, version):
            warn(
                f"version {version.rpartition(':')[2]} is not the template's: somebody led the alias there\n"
                "`python build.py rollback --to VERSION` leads it elsewhere"
            )
    return EXIT_DONE


def tell_alias(context: Context, arn: str) -> list[str]:
    """Tell which versions of the state machine the alias leads to; return their ARNs."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the help needs no botocore

    found, arns = [], []
    try:
        client = context.account.client("stepfunctions")
        for route in client.describe_state_machine_alias(stateMachineAliasArn=arn)["routingConfiguration"]:
            if not route["weight"]:
                continue
            version = route["stateMachineVersionArn"]
            described = client.describe_state_machine(stateMachineArn=version)
            found.append((version.rpartition(":")[2], route["weight"], described.get("description", "")))
            arns.append(version)
    except (BotoCoreError, ClientError) as error:
        context.voice.note(f"which version the alias leads to is not known ({error_code(error)})")
        return []
    context.answer["alias"] = {
        "arn": arn,
        "routes": [
            {"version": version, "weight": weight, "description": told} for version, weight, told in found
        ],
    }
    context.voice.say()
    for version, weight, told in found:
        share = "" if weight == 100 else f" for {weight} % of the executions"
        context.voice.say(f"alias {arn.rpartition(':')[2]} → version {version}{share}{_in_short(told)}")
    return arns


def _in_short(description: str) -> str:
    """Return what a version is of, with as much of its document's digest as other tables show."""
    return f" ({DIGEST.sub(lambda found: found[1], description)})" if description else ""


def _failed(context: Context, outcome: Outcome, change_set: ChangeSet, documents: Reviewed) -> int:
    from deployer import failures  # noqa: PLC0415 - only where something went wrong
    from states_language.sources import parse  # noqa: PLC0415

    template = parse(documents.content.decode(), str(documents.template))
    causes = failures.causes(outcome.events, _findings(context, outcome), template)
    is_rolled_back = outcome.status in TAKEN_BACK
    context.answer |= {
        "result": "rolled back" if is_rolled_back else "failed",
        "causes": [failures.document(each) for each in causes],
    }
    complain(f"{change_set.stack} could not be {'created' if change_set.kind == 'CREATE' else 'changed'}")
    told: Sequence[str] = [
        *(failures.lines(causes) if causes else ["cause: no event tells it"]),
        "",
        *_aftermath(context, outcome),
    ]
    for text in told:
        context.voice.blame(text)
    return EXIT_ROLLED_BACK if is_rolled_back else EXIT_ERROR


def _findings(context: Context, outcome: Outcome) -> list[Finding]:
    """Return what the operation's events say went wrong; where its ID is not known, the stack's since it began."""
    client, note = context.client, context.voice.note
    if outcome.operation:
        return events.findings(client, note, operation=outcome.operation)
    if outcome.stack is None or not outcome.events:
        return []
    since = outcome.events[0].at
    found = events.findings(client, note, stack=outcome.stack.id)
    return [each for each in found if each.at is None or since is None or each.at >= since]


def _aftermath(context: Context, outcome: Outcome) -> Iterator[str]:
    """Yield what CloudFormation did about a failure, and what to do now."""
    after = f"after {span(outcome.seconds)}"
    match outcome.status:
        case "UPDATE_ROLLBACK_COMPLETE":
            yield f"then: CloudFormation took everything back ({outcome.status}, {after}); the stack is as it was before"
            yield "now:  mend the cause, and deploy again"
        case "ROLLBACK_COMPLETE":
            yield f"then: CloudFormation deleted what it had made ({outcome.status}, {after}); the stack is empty"
            yield "now:  mend the cause, and deploy again with --recreate, which deletes the empty stack first"
        case "DELETE_COMPLETE":
            yield f"then: the stack was deleted, {after}"
            yield "now:  mend the cause, and deploy again"
        case _:
            yield f"then: CloudFormation came to {outcome.status}, {after}"
            if outcome.stack is not None:
                yield from explained(context, outcome.stack).splitlines()
