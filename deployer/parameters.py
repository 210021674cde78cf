"""Parameters: read in the forms that `aws cloudformation deploy --parameter-overrides` takes, and checked before anything is asked.

Its forms: `Key=Value`; and a file of JSON that is a list of `"Key=Value"`, a list of CloudFormation's
`{"ParameterKey", "ParameterValue"}`, or CodePipeline's `{"Parameters": {…}}`. Evidence: the source of aws-cli 2
(customizations/cloudformation/deploy.py). A file of lines `Key=Value` is taken, too: people write `$(cat FILE)`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer.console import EXIT_USAGE, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

FILE_PREFIX = "file://"
LIST_TYPES = re.compile(r"CommaDelimitedList|List<.+>$")
LOOKED_UP = "AWS::SSM::Parameter::Value<"
"""A type whose value is a name: what it stands for is not known here."""


@dataclass(frozen=True)
class Values:
    """What a stack's parameters are to be."""

    given: Mapping[str, str]
    """Those that are set."""
    kept: tuple[str, ...]
    """Those that keep the value that the stack has."""


def read_pairs(pairs: Sequence[str], what: str = "--parameter") -> dict[str, str]:
    """Return what is given as `Key=Value`. Raises `Refused`."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name.strip():
            raise Refused(f"{what} '{pair}': it is no Key=Value", EXIT_USAGE)
        found[name.strip()] = value
    return found


def read_files(files: Sequence[str]) -> dict[str, str]:
    """Return the parameters of files, each named by its path or `file://` and its path. Raises `Refused`."""
    found: dict[str, str] = {}
    for file in files:
        found |= read_file(Path(file.removeprefix(FILE_PREFIX)))
    return found


def read_file(path: Path) -> dict[str, str]:
    """Return the parameters of a file in one of the forms. Raises `Refused`."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}", EXIT_USAGE) from error
    except UnicodeDecodeError as error:
        raise Refused(f"{path}: is no UTF-8", EXIT_USAGE) from error
    if not text.lstrip().startswith(("{", "[")):
        lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
        return _merged(
            path, ((name, value) for number, line in lines if line and not line.startswith("#")
                   for name, value in read_pairs([line], f"{path}:{number}:").items())
        )  # fmt: skip
    try:
        held = json.loads(text)
    except ValueError as error:
        raise Refused(f"{path}: is no JSON: {error}", EXIT_USAGE) from error
    return _merged(path, _entries(path, held))


def _entries(path: Path, held: Any) -> Iterator[tuple[str, str]]:
    if isinstance(held, dict) and isinstance(held.get("Parameters"), dict):
        for name, value in held["Parameters"].items():
            yield name, _text(path, name, value)
        return
    if isinstance(held, dict):
        raise Refused(
            f'{path}: an object has its values under "Parameters" (CodePipeline\'s form)', EXIT_USAGE
        )
    for number, each in enumerate(held, 1):
        if isinstance(each, str):
            yield from read_pairs([each], f"{path}: entry {number}").items()
        elif isinstance(each, dict) and {"ParameterKey", "ParameterValue"} == each.keys():
            yield str(each["ParameterKey"]), _text(path, each["ParameterKey"], each["ParameterValue"])
        else:
            raise Refused(
                f'{path}: entry {number} is neither "Key=Value" nor {{"ParameterKey": …, "ParameterValue": …}}',
                EXIT_USAGE,
            )


def _text(path: Path, name: Any, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise Refused(f"{path}: the value of {name} is no string: {json.dumps(value)}", EXIT_USAGE)


def _merged(path: Path, entries: Iterator[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in entries:
        if name in found:
            raise Refused(f"{path}: {name} is given twice", EXIT_USAGE)
        found[name] = value
    return found


def check(declared: Mapping[str, Mapping[str, Any]], given: Mapping[str, str]) -> None:
    """Raise `Refused`, with all that is wrong, where what is given does not fit what a template declares."""
    _refuse(
        [
            *_unknown(declared, given),
            *(
                f"{name}: {fault}"
                for name, value in given.items()
                if name in declared and (fault := _fault(declared[name], value))
            ),
        ]
    )


def settle(
    declared: Mapping[str, Mapping[str, Any]], given: Mapping[str, str], before: Mapping[str, str] | None
) -> Values:
    """Return what each parameter of a template is to be: given, or as the stack has it, or its default.

    `before` are the stack's, None where it is to be created. Raises `Refused` where one has no value.
    """
    kept = tuple(name for name in declared if name not in given and name in (before or {}))
    _refuse(
        [
            f"{name}: has no value; give one with --parameter {name}=… ({entry.get('Description', 'no description')})"
            for name, entry in declared.items()
            if name not in given and name not in kept and "Default" not in entry
        ]
    )
    return Values(dict(given), kept)


def _refuse(faults: Sequence[str]) -> None:
    if faults:
        raise Refused("\n".join(["the parameters are not right; nothing was deployed", *faults]), EXIT_USAGE)


def _unknown(declared: Mapping[str, Any], given: Mapping[str, str]) -> Iterator[str]:
    folded = {name.lower(): name for name in declared}
    for name in given:
        if name not in declared:
            nearest = get_close_matches(name.lower(), folded, n=1)
            meant = (
                f"; is {folded[nearest[0]]} meant?" if nearest else f"; it has {', '.join(sorted(declared))}"
            )
            yield f"{name}: the template has no such parameter{meant}"


def _fault(declared: Mapping[str, Any], value: str) -> str:
    """Return what is wrong with a parameter's value, as far as its declaration says; empty where nothing is."""
    kind = declared.get("Type", "String")
    if kind.startswith(LOOKED_UP):
        return ""
    constraint = declared.get("ConstraintDescription")
    for entry in value.split(",") if LIST_TYPES.match(kind) else [value]:
        for check in _CHECKS:
            if fault := check(declared, entry.strip() if LIST_TYPES.match(kind) else entry):
                return f"'{_shown(declared, entry)}' {fault}" + (f" ({constraint})" if constraint else "")
    return ""


def _shown(declared: Mapping[str, Any], value: str) -> str:
    return "****" if str(declared.get("NoEcho", "")).lower() == "true" else value


def _is_allowed(declared: Mapping[str, Any], value: str) -> str:
    allowed = [str(each) for each in declared.get("AllowedValues", ())]
    return f"is none of {', '.join(allowed)}" if allowed and value not in allowed else ""


def _matches(declared: Mapping[str, Any], value: str) -> str:
    pattern = declared.get("AllowedPattern")
    if pattern is None:
        return ""
    try:
        is_match = re.fullmatch(pattern, value) is not None
    except re.error:  # Java knows forms that Python does not: CloudFormation decides
        return ""
    return "" if is_match else f"does not match {pattern}"


def _fits(declared: Mapping[str, Any], value: str) -> str:
    if len(value) < int(declared.get("MinLength", 0)):
        return f"is shorter than {declared['MinLength']}"
    if len(value) > int(declared.get("MaxLength", len(value))):
        return f"is longer than {declared['MaxLength']}"
    return ""


def _is_number(declared: Mapping[str, Any], value: str) -> str:
    if declared.get("Type") not in ("Number", "List<Number>"):
        return ""
    try:
        number = float(value)
    except ValueError:
        return "is no number"
    if number < float(declared.get("MinValue", number)):
        return f"is less than {declared['MinValue']}"
    if number > float(declared.get("MaxValue", number)):
        return f"is more than {declared['MaxValue']}"
    return ""


_CHECKS: tuple[Callable[[Mapping[str, Any], str], str], ...] = (_is_allowed, _matches, _fits, _is_number)
"""What a declaration asks of a value. Evidence: documentation (CloudFormation, parameters)."""
