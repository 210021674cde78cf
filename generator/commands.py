"""The generator's commands: template, package, verify, lint, bump, release, graph."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from generator.artifacts import Artifact, Package
    from generator.documents import Documents

ROOT = Path(__file__).parent.parent
EXIT_ERROR, EXIT_GATE = 1, 3


@contextmanager
def told() -> Iterator[None]:
    """Turn what a person can mend into a message and an exit code; anything else is a defect and keeps its traceback."""
    from generator.artifacts import ArtifactError  # noqa: PLC0415  # the help needs none of these
    from generator.documents import GateError  # noqa: PLC0415
    from generator.policy import UnboundTokenError  # noqa: PLC0415
    from generator.settings import SettingsError  # noqa: PLC0415
    from states_language.document import DocumentError  # noqa: PLC0415
    from states_language.permissions import PermissionsError  # noqa: PLC0415

    try:
        yield
    except GateError as error:
        _complain(str(error))
        sys.exit(EXIT_GATE)
    except (SettingsError, ArtifactError, DocumentError, PermissionsError, UnboundTokenError) as error:
        _complain(str(error))
        sys.exit(EXIT_ERROR)
    except BrokenPipeError:  # whoever read the output has had enough: click ends quietly
        raise
    except OSError as error:
        _complain(f"{error.filename}: {error.strerror}")
        sys.exit(EXIT_ERROR)


def _complain(message: str) -> None:
    for line in message.replace(f"{ROOT}/", "").splitlines():
        click.secho(f"error: {line}", fg="red", err=True)


def _generate(package: Package | None = None) -> Documents:
    from generator.documents import generate  # noqa: PLC0415

    return generate(ROOT, package)


def _write(artifacts: Iterable[Artifact]) -> list[Artifact]:
    from generator.artifacts import read, write  # noqa: PLC0415
    from generator.differences import summary  # noqa: PLC0415

    artifacts = list(artifacts)
    before = {artifact.path: read(ROOT, artifact.path) for artifact in artifacts}
    changed = write(ROOT, artifacts)
    for artifact in changed:
        click.secho(f"wrote {artifact.path}", fg="green")
        for line in summary(before[artifact.path], artifact.text):
            click.echo(f"      {line}")
    if len(changed) < len(artifacts):
        click.echo(f"unchanged: {len(artifacts) - len(changed)} of {len(artifacts)} files")
    return changed


def _lint(documents: Documents) -> None:
    from generator.documents import BOOTSTRAP, RETAINED, TEMPLATE, definition_path  # noqa: PLC0415
    from generator.lint import REGIONS, lint  # noqa: PLC0415

    findings = [
        *lint(ROOT, TEMPLATE, [definition_path(each.name) for each in documents.definitions]),
        *(finding for template in (BOOTSTRAP, RETAINED) for finding in lint(ROOT, template, [])),
    ]
    for finding in findings:
        _complain(str(finding))
    if findings:
        sys.exit(EXIT_GATE)
    click.echo(f"cfn-lint: clean in {', '.join(REGIONS)}")


@click.command()
@click.option("--lint/--no-lint", default=True, help="Lint what was written (default), or not.")
def template(*, lint: bool) -> None:
    """Write the template, the definitions and what is made from them, then lint them."""
    with told():
        documents = _generate()
        _write(documents.artifacts)
        if lint:
            _lint(documents)


@click.command()
def lint() -> None:
    """Lint the committed template and definitions with cfn-lint, in five regions."""
    with told():
        _lint(_generate())


@click.command()
def verify() -> None:
    """Compare the committed files with what the settings and the validator's source give."""
    from generator.artifacts import PACKAGE_LOCK, read  # noqa: PLC0415
    from generator.package import build  # noqa: PLC0415

    with told():
        documents = _generate()
        stale = [
            artifact.path for artifact in documents.artifacts if read(ROOT, artifact.path) != artifact.text
        ]
        for path in stale:
            _complain(
                f"{path}: is not what the settings give; run `make template`, and commit what it writes"
            )
        packaged = build(ROOT).sha256 == documents.package.sha256
        if not packaged:
            _complain(
                f"{PACKAGE_LOCK}: is not the digest of the validator's source; run `make package`, and commit what it writes"
            )
    if stale or not packaged:
        sys.exit(EXIT_GATE)
    click.echo(f"verified: {len(documents.artifacts)} files and the package are current")


@click.command()
def package() -> None:
    """Fill dist/ with what is deployed, laid out by S3 key: the definitions and the validator's package."""
    from generator.artifacts import PACKAGE_LOCK, Artifact, Package, canonical, write_bytes  # noqa: PLC0415
    from generator.package import build  # noqa: PLC0415

    with told():
        built = build(ROOT)
        documents = _generate(Package(built.sha256))
        _write([Artifact(PACKAGE_LOCK, canonical({"sha256": built.sha256})), *documents.artifacts])
        contents = {
            documents.package.key: built.content,
            **{each.key: each.text.encode("utf-8") for each in documents.definitions},
        }
        write_bytes(ROOT / "dist", contents)
        for key, content in contents.items():
            click.echo(f"dist/{key}  {len(content) / 1024:.0f} KiB")


def _known(_ctx: click.Context, _param: click.Parameter, name: str) -> str:
    """Refuse the name of a document that there is none of; the table is read only where the command runs."""
    from generator.documents import SOURCES  # noqa: PLC0415

    if name not in SOURCES:
        message = f"there is no document '{name}', only {', '.join(SOURCES)}"
        raise click.BadParameter(message)
    return name


_document_argument = click.argument("document", default="validation-pipeline", callback=_known)


@click.command()
@_document_argument
@click.option(
    "--at-least",
    type=click.Choice(["patch", "minor", "major"]),
    help="Raise by more than the changes ask for.",
)
@click.option("--message", "-m", required=True, help="What changed, for asl/CHANGELOG.md.")
def bump(*, document: str, at_least: str | None, message: str) -> None:
    """Raise a definition's version by what its changes since the last release ask for."""
    from generator.releases import bump as plan  # noqa: PLC0415
    from states_language.versioning import Bump  # noqa: PLC0415

    with told():
        least = Bump[at_least.upper()] if at_least else Bump.NONE
        before, after, needed, artifacts = plan(ROOT, least, message, document)
        click.echo(f"{before.version} → {after.version} (the changes ask for {needed})")
        _write(artifacts)
        _write(_generate().artifacts)


@click.command()
@_document_argument
def release(*, document: str) -> None:
    """Release a committed definition: keep its bytes, and let them change no more under this version."""
    from generator.releases import release as plan  # noqa: PLC0415

    with told():
        definition, artifacts = plan(ROOT, document)
        _write(artifacts)
        click.echo(f"{definition.name} {definition.version} is released")
