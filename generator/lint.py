"""cfn-lint over the documents: the template in several regions, and the definitions, which it skips in S3.

What was clean once is not linted again: the cache holds the digest of what was linted, and by which cfn-lint.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generator.substitutions import TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterable

REGIONS = ("us-east-1", "eu-central-1", "ap-southeast-2", "us-gov-west-1", "cn-north-1")
CACHE = Path(".cache/lint")


@dataclass(frozen=True, slots=True)
class Finding:
    """What cfn-lint found: a rule, a place in a file, and its message."""

    file: Path
    line: int
    column: int
    rule: str
    message: str

    def __str__(self) -> str:
        """Write it as compilers do."""
        return f"{self.file}:{self.line}:{self.column}: {self.rule} {self.message}"


def lint(root: Path, template: Path, definitions: Iterable[Path]) -> list[Finding]:
    """Lint the template and the definitions; paths are relative to the project."""
    findings = _lint_once(root, template, (root / template).read_text("utf-8"), REGIONS)
    for definition in definitions:
        try:
            inlined = _inlined((root / definition).read_text("utf-8"))
        except json.JSONDecodeError as error:
            findings.append(
                Finding(definition, error.lineno, error.colno, "E0000", f"is not JSON: {error.msg}")
            )
            continue
        findings += [
            Finding(definition, 1, 1, each.rule, each.message)
            for each in _lint_once(root, definition, inlined, REGIONS[:1])
        ]
    return findings


def _inlined(definition: str) -> str:
    """Return a template that holds a definition where cfn-lint looks, with its tokens filled in."""
    filled = TOKEN.sub(lambda match: "aws" if match[1] == "Partition" else match[1], definition)
    role = "arn:aws:iam::123456789012:role/Any"
    resource = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"RoleArn": role, "Definition": json.loads(filled)},
    }
    return json.dumps({"Resources": {"StateMachine": resource}})


def _lint_once(root: Path, file: Path, text: str, regions: tuple[str, ...]) -> list[Finding]:
    from importlib.metadata import version  # noqa: PLC0415  # only where something is linted

    state = json.dumps([text, regions, version("cfn-lint")])
    stamp = root / CACHE / hashlib.sha256(state.encode("utf-8")).hexdigest()
    if stamp.exists():
        return []
    findings = _run(file, text, regions)
    if not findings:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.touch()
    return findings


def _run(file: Path, text: str, regions: tuple[str, ...]) -> list[Finding]:
    # Half a second to import, and most runs find everything in the cache.
    import cfnlint.api  # noqa: PLC0415
    import cfnlint.core  # noqa: PLC0415

    # cfn-lint's own rules, whatever a configuration file beside the caller appends: the checker has a gate of its own.
    rules = cfnlint.core.get_rules([], [], [])
    matches: list[Any] = cfnlint.api.lint(text, rules=rules, regions=list(regions))
    return [
        Finding(file, match.linenumber, match.columnnumber, match.rule.id, match.message) for match in matches
    ]
