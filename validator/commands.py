"""The validator's command: judge a server as the registry would, from a shell or in CI."""

import json
import math
import sys
from typing import Any

import click

EXIT_CODES = {"verified": 0, "rejected": 3, "needs_policy": 3, "inconclusive": 1}


@click.command()
@click.argument("url")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON, for a program.")
@click.option(
    "--time-limit",
    type=click.FloatRange(1, 900),
    default=20.0,
    show_default=True,
    metavar="SECONDS",
    help="What the whole run may take, the server's start included.",
)
def validate(url: str, *, as_json: bool, time_limit: float) -> None:
    """Judge the MCP server at URL and print the verdict.

    URL is http:// with an address literal or localhost, a port, and the path, if it is not /mcp: for example
    http://127.0.0.1:8000/mcp. Nothing but that address is asked, and no tool is called.

    Exit codes: 0 verified, 3 rejected or a matter of policy, 1 inconclusive, 2 usage.
    """
    # Imported here: who only asks for help does not wait for them.
    from validator.endpoint import EndpointError, parse_endpoint  # noqa: PLC0415
    from validator.handler import judge  # noqa: PLC0415
    from validator.limits import Limits  # noqa: PLC0415

    if math.isnan(time_limit):  # no range refuses it
        raise click.BadParameter("nan is no number of seconds.", param_hint="--time-limit")
    try:
        endpoint = parse_endpoint(url, allow_localhost=True)
    except EndpointError as problem:
        raise click.BadParameter(str(problem), param_hint="URL") from None
    verdict = judge(endpoint, Limits(total_seconds=time_limit), {})
    click.echo(json.dumps(verdict, indent=2) if as_json else report(verdict))
    sys.exit(EXIT_CODES[verdict["outcome"]])


def report(verdict: dict[str, Any]) -> str:
    """Return the verdict as text for a person: the outcome, what was seen, and what failed, worst first."""
    server = verdict["server"]
    seen = [
        f"{verdict['outcome'].replace('_', ' ')}: {verdict['message']}",
        "",
        f"server    {server['name'] or '(no name)'} {server['version'] or ''}".rstrip(),
        f"endpoint  {verdict['endpoint']['path'] or '(not found)'}, Host: {verdict['endpoint']['hostHeader']}",
        f"speaks    {_spoken(verdict)}",
        f"tools     {verdict['toolCount']}",
        f"time      first answer after {verdict['timing']['readySeconds']} s, judged in {verdict['timing']['checkSeconds']} s",
    ]
    order = ["error", "policy", "warn"]
    failed = sorted(
        (check for check in verdict["checks"] if check["status"] == "fail"),
        key=lambda check: order.index(check["severity"]),
    )
    for check in failed:
        seen += [
            "",
            f"{check['severity']}  {check['id']}",
            f"  at        {check['at']}",
            f"  expected  {check['expected']}",
            f"  found     {check['detail']}",
            f"  source    {check['source']}",
            f"  more      docs/validator/{check['id']}.md",
        ]
    counts = {
        status: sum(check["status"] == status for check in verdict["checks"])
        for status in ("pass", "fail", "skip")
    }
    seen += [
        "",
        f"{counts['pass']} checks passed, {counts['fail']} failed, {counts['skip']} had nothing to judge",
    ]
    return "\n".join(seen)


def _spoken(verdict: dict[str, Any]) -> str:
    if not verdict["eras"]:
        return "(no MCP was understood)"
    return f"MCP {verdict['protocolVersion'] or '(no version)'} ({' and '.join(verdict['eras'])})"
