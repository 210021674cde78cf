"""The scan command."""

from __future__ import annotations

import sys
from pathlib import Path

import click

ROOT = Path(__file__).parent.parent
TEMPLATES = Path("templates")
ANSWERS = Path("docs/accepted-findings.md")
EXIT_ERROR, EXIT_GATE = 1, 3


@click.command()
@click.option(
    "--all", "show_all", is_flag=True, help="Print every finding, answered or not, instead of comparing."
)
def scan(*, show_all: bool) -> None:
    """Run checkov, cdk-nag, cloudformation-validate and parliament over the templates; what they find must be answered."""
    from scan import answers  # noqa: PLC0415  # the help needs none of these
    from scan.finding import ScanError  # noqa: PLC0415
    from scan.scanners import scanners  # noqa: PLC0415

    try:
        available = scanners(ROOT)
        templates = sorted((ROOT / TEMPLATES).glob("*.template.json"))
        findings = []
        for name, run in available.items():
            found = [finding for template in templates for finding in run(template)]
            click.echo(f"{name}: {len({finding.key for finding in found})} findings")
            findings += found
        compared = answers.compare(findings, [] if show_all else answers.read(ROOT / ANSWERS), available)
    except (ScanError, OSError) as error:
        click.secho(f"error: {error}", fg="red", err=True)
        sys.exit(EXIT_ERROR)
    if "cdk-nag" not in available:
        click.echo("cdk-nag: not run, since npm is not at hand; its answers are taken as they are")
    for finding in compared.unanswered:
        click.secho(f"{TEMPLATES}: {finding.key}: {finding.message}", fg="yellow", err=True)
    for answer in compared.stale:
        click.secho(f"{ANSWERS}:{answer.line}: answers {answer.key}, which is not found any more", err=True)
    if not compared.is_clean:
        click.secho(
            f"error: {len(compared.unanswered)} findings without an answer, {len(compared.stale)} answers without a finding; mend them, or answer them in {ANSWERS}",
            fg="red",
            err=True,
        )
        sys.exit(EXIT_GATE)
    click.echo(f"{compared.answered} findings, all answered in {ANSWERS}")
