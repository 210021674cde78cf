"""Run each scanner over a template, in an environment of its own, and read what it found."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scan.finding import Finding, Key, ScanError
from scan.policies import policies

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HERE = Path(__file__).parent
ENVIRONMENT = Path(".venv-checkov")
REQUIREMENTS = Path("requirements-checkov.txt")
NAG = Path(".cache/nag")
NAG_FILES = ("nag.js", "package.json", "package-lock.json")
NAG_REPORT = "validation-report.json"


def scanners(root: Path) -> dict[str, Callable[[Path], list[Finding]]]:
    """Return the scanners that can run here, by name: each takes a template's path.

    cdk-nag is among them where npm is at hand. Raises `ScanError` where an environment cannot be made.
    """
    python = _environment(root)
    found: dict[str, Callable[[Path], list[Finding]]] = {
        "checkov": lambda template: _checkov(python, template),
        "cloudformation-validate": lambda template: _scripted(
            "cloudformation-validate",
            [str(python), str(HERE / "scripts/validate_template.py"), str(template)],
        ),
        "parliament": lambda template: _parliament(python, template),
    }
    if shutil.which("npm") and shutil.which("node"):
        folder = _nag_environment(root)
        found["cdk-nag"] = lambda template: _nag(folder, template)
    return found


def _checkov(python: Path, template: Path) -> list[Finding]:
    arguments = ["--framework", "cloudformation", "--file", str(template), "--output", "json"]
    # It ends with 1 where something is found; offline, since its own rules need nothing from elsewhere.
    text = _run(
        [str(python.parent / "checkov"), *arguments, "--quiet", "--compact", "--skip-download"],
        allowed=(0, 1),
    )
    reports = json.loads(text)
    found = []
    for report in reports if isinstance(reports, list) else [reports]:
        for check in report.get("results", {}).get("failed_checks", []):
            where = check["resource"].rpartition(".")[2]
            found.append(Finding(Key("checkov", check["check_id"], where), check["check_name"]))
    return found


def _parliament(python: Path, template: Path) -> list[Finding]:
    rendered = json.dumps(policies(json.loads(template.read_text("utf-8"))))
    command = [str(python), str(HERE / "scripts/lint_policies.py")]
    return _scripted("parliament", command, given=rendered)


def _scripted(scanner: str, command: Sequence[str], given: str = "") -> list[Finding]:
    rows: list[dict[str, Any]] = json.loads(_run(command, given=given))
    return [Finding(Key(scanner, row["rule"], row["where"]), row["message"]) for row in rows]


def _nag(folder: Path, template: Path) -> list[Finding]:
    report = folder / "out" / NAG_REPORT
    report.unlink(missing_ok=True)
    # It ends with 1 where something is found, and where it cannot run: then there is no report.
    said = _run(["node", "nag.js", str(template.resolve()), "out"], cwd=folder, allowed=(0, 1))
    if not report.exists():
        message = f"cdk-nag wrote no report: {said.strip()[-300:]}"
        raise ScanError(message)
    return [
        Finding(
            Key("cdk-nag", violation["ruleName"], construct["constructPath"].rpartition("/")[2]),
            violation["description"],
        )
        for plugin in json.loads(report.read_text("utf-8"))["pluginReports"]
        if plugin["pluginName"] == "AwsSolutions"
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    ]


def _environment(root: Path) -> Path:
    """Make the scanners' environment where it is missing or older than its pins, and return its Python."""
    folder, stamp = root / ENVIRONMENT, root / ENVIRONMENT / ".requirements"
    python = folder / "bin/python"
    pins = (root / REQUIREMENTS).read_text("utf-8")
    if not stamp.exists() or stamp.read_text("utf-8") != pins:
        _tell(f"making {ENVIRONMENT} (a minute, once)")
        venv.create(folder, clear=True, with_pip=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        _run([str(python), *install, "-r", str(root / REQUIREMENTS)])
        stamp.write_text(pins, encoding="utf-8")
    return python


def _nag_environment(root: Path) -> Path:
    """Put cdk-nag into the cache, by its lock, and return the folder."""
    folder = root / NAG
    current = {name: (HERE / "nag" / name).read_text("utf-8") for name in NAG_FILES}
    stamp = folder / ".installed"
    if not stamp.exists() or stamp.read_text("utf-8") != json.dumps(current):
        _tell("fetching cdk-nag (a minute, once)")
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in current.items():
            (folder / name).write_text(text, encoding="utf-8")
        _run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"], cwd=folder)
        stamp.write_text(json.dumps(current), encoding="utf-8")
    return folder


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _run(
    command: Sequence[str], *, given: str = "", cwd: Path | None = None, allowed: tuple[int, ...] = (0,)
) -> str:
    try:
        done = subprocess.run(command, input=given, cwd=cwd, capture_output=True, text=True, check=False)
    except OSError as error:
        message = f"{command[0]} cannot be run: {error.strerror}"
        raise ScanError(message) from error
    if done.returncode not in allowed:
        message = f"{Path(command[0]).name} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-500:]}"
        raise ScanError(message)
    return done.stdout
