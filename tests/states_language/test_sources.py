"""Reading files: places, templates, and files that no reader should meet."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states_language.pointer import Pointer
from states_language.sources import Definition, Parsed, SourceError, find_definitions, parse, read_file

MACHINE: dict[str, Any] = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
LAUGH = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{level}: &a{level} [{','.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 30)
)


@pytest.mark.parametrize(
    ("name", "data", "message", "place"),
    [
        ("a.json", b"", "The file is empty.", (0, 0)),
        ("a.json", b'{"a": 1,\n "b": }', "This is no JSON: Expecting value.", (2, 7)),
        ("a.json", b'{"a": NaN}', "'NaN' is no JSON.", (1, 7)),
        ("a.json", b"[" * 100_000, "The JSON is nested too deeply.", (0, 0)),
        ("a.json", b'{"a":' * 300 + b"1" + b"}" * 300, "The JSON is nested more than 200 levels deep.", (0, 0)),
        ("a.json", b'{"a": ' + b"1" * 5000 + b"}", "The JSON has a number of thousands of digits.", (0, 0)),
        ("a.json", b'{"a":\n 1e999}', "The number 1e999 is too large.", (2, 2)),
        ("a.json", b'{"a": "\\uD83D\\uDE00",\n "b": "\\uD83D"}', "'\\ud83d' is half a character; the other half is missing.", (2, 8)),
        ("a.json", b"5", "A state machine is an object; this file holds a number.", (1, 1)),
        ("a.json", b"[1]", "A state machine is an object; this file holds a list.", (1, 1)),
        ("a.json", b"\x7fELF\0\0", "The file is binary, no JSON or YAML.", (0, 0)),
        ("a.json", b'{\n"a": "\xff"}', "The file is no UTF-8 (byte 8).", (2, 1)),
        ("a.yaml", b"a: [1, 2\nb: }", "This is no YAML: did not find expected ',' or ']'.", (2, 2)),
        ("a.yaml", b"a: &a\n  b: *a\n", "The anchor 'a' holds itself.", (2, 6)),
        ("a.yaml", LAUGH.encode(), "The YAML has more than 1,000,000 values, its aliases written out.", (6, 46)),
        ("a.yaml", b"[" * 100_000, "The YAML is nested more than 200 levels deep.", (1, 201)),
        ("a.yaml", b"--- {}\n--- {}\n", "The file holds several YAML documents; one is read.", (2, 1)),
        ("a.yaml", b"? [a]\n: b\n", "A key must be a text.", (1, 3)),
        ("a.yaml", b"just text", "A state machine is an object; this file holds a text.", (1, 1)),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)  # fmt: skip
def test_a_bad_file_is_refused_at_its_place(
    name: str, data: bytes, message: str, place: tuple[int, int], tmp_path: Path
) -> None:
    """Whatever is in a file, reading it ends soon, and says what is wrong and where."""
    path = tmp_path / name
    path.write_bytes(data)
    before = time.monotonic()
    with pytest.raises(SourceError) as caught:
        read_file(path)
    assert (message, place) == (caught.value.message, (caught.value.line, caught.value.column))
    assert time.monotonic() - before < 5


@pytest.mark.parametrize("path", [Path("/nonexistent/a.json"), Path("/")])
def test_a_path_that_is_no_file_is_refused(path: Path) -> None:
    """A file that is missing, or a folder, is a message and not a traceback."""
    with pytest.raises(SourceError, match="cannot be read"):
        read_file(path)


def test_a_device_without_an_end_is_refused() -> None:
    """Reading stops at the largest size."""
    with pytest.raises(SourceError, match="too large"):
        read_file(Path("/dev/zero"))


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.dictionaries(st.text(max_size=5), inner, max_size=4) | st.lists(inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=5), st.sampled_from([None, 2]), st.booleans())
def test_every_value_of_a_json_text_is_found_at_its_place(
    value: Any, indent: int | None, ascii_only: bool
) -> None:
    """Decoding what stands at a value's place gives the value, whatever the layout."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    parsed = parse(text, "a.json")
    decoder = json.JSONDecoder()
    for pointer, expected in _walk(value, Pointer()):
        found, _ = decoder.raw_decode(text, parsed.spot(pointer).value)
        assert expected == found


def _walk(value: Any, pointer: Pointer) -> Any:
    yield pointer, value
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for step, inner in entries:
        yield from _walk(inner, pointer / step)


def test_a_character_of_a_string_is_found_past_escapes() -> None:
    """An offset counts the characters of the value, the column those of the file."""
    parsed = parse('{"a": "\\u00e9\\"x$"}', "a.json")
    line, column = parsed.locate(Pointer(("a",)), 3)
    assert "$" == parsed.line(line)[column - 1]


@pytest.mark.parametrize("text", ['a: "$.b"\n', "a: '$.b'\n", "a: $.b\n", "a: |\n    $.b\n"])
def test_a_character_of_a_yaml_string_is_found(text: str) -> None:
    """Quoted, plain and block strings give the place of their characters."""
    parsed = parse(text, "a.yaml")
    line, column = parsed.locate(Pointer(("a",)), 2)
    assert "b" == parsed.line(line)[column - 1]


def test_yaml_keeps_what_amazon_writes() -> None:
    """Keys are texts, dates stay texts, merges work, and CloudFormation's tags are its functions."""
    text = (
        "base: &base {x: 1}\n"
        "on: yes\n"
        "date: 2020-01-02\n"
        "merged:\n  <<: *base\n  y: 0x10\n"
        "sub: !Sub '${A}'\n"
        "get: !GetAtt A.B.C\n"
        "ref: !Ref A\n"
        "join: !Join ['', [a, !Ref B]]\n"
        "none: ~\n"
    )
    assert {
        "base": {"x": 1},
        "on": True,
        "date": "2020-01-02",
        "merged": {"y": 16, "x": 1},
        "sub": {"Fn::Sub": "${A}"},
        "get": {"Fn::GetAtt": ["A", "B.C"]},
        "ref": {"Ref": "A"},
        "join": {"Fn::Join": ["", ["a", {"Ref": "B"}]]},
        "none": None,
    } == parse(text, "a.yaml").value


# Templates


def definition_of(
    properties: dict[str, Any], kind: str = "AWS::StepFunctions::StateMachine", folder: Path | None = None
) -> Definition:
    """Return the one state machine of a template."""
    template = {
        "Resources": {
            "Other": {"Type": "AWS::SNS::Topic"},
            "Machine": {"Type": kind, "Properties": properties},
        }
    }
    found = find_definitions(parse(json.dumps(template, indent=1), "t.json"), folder)
    assert len(found) == 1
    return found[0]


CALL = {"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": "${Function}", "End": True}}}
TEXT = json.dumps(CALL)


@pytest.mark.parametrize(
    "properties",
    [
        {"Definition": CALL},
        {"DefinitionString": TEXT},
        {"DefinitionString": {"Fn::Sub": TEXT}},
        {"DefinitionString": {"Fn::Sub": [TEXT, {"Function": {"Ref": "F"}}]}},
        {
            "DefinitionString": {
                "Fn::Join": ["", [TEXT[:70], {"Ref": "Function"}, TEXT[TEXT.index("${Function}") + 11 :]]]
            }
        },
        {
            "Definition": {
                **CALL,
                "States": {"Call": {"Type": "Task", "Resource": {"Ref": "Function"}, "End": True}},
            }
        },
    ],
    ids=["object", "text", "sub", "sub with variables", "join", "ref"],
)
def test_a_state_machine_is_found_however_a_template_writes_it(properties: dict[str, Any]) -> None:
    """Objects, texts, Fn::Sub and Fn::Join give the same document, with tokens for what is filled in."""
    if "Fn::Join" in str(properties):
        head = TEXT[: TEXT.index("${Function}")]
        properties["DefinitionString"]["Fn::Join"][1][0] = head
    found = definition_of(properties)
    assert (CALL, "Machine") == (found.value, found.name)


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("DefinitionUri", "machine.asl.json"),
        ("DefinitionS3Location", "machine.asl.json"),
        ("DefinitionS3Location", {"Bucket": {"Ref": "Bucket"}, "Key": "definitions/machine.asl.json"}),
    ],
)
def test_a_file_beside_the_template_is_read(key: str, place: Any, tmp_path: Path) -> None:
    """A definition's file is read where the template names a local path, with its substitutions."""
    (tmp_path / "machine.asl.json").write_text(TEXT)
    properties = {
        key: place,
        "DefinitionSubstitutions": {"Function": "arn:aws:states:::lambda:invoke"},
    }
    found = definition_of(properties, "AWS::Serverless::StateMachine", tmp_path)
    assert "arn:aws:states:::lambda:invoke" == found.value["States"]["Call"]["Resource"]
    assert str(tmp_path / "machine.asl.json") == found.file


def test_a_place_inside_a_texts_definition_is_a_place_of_the_template(tmp_path: Path) -> None:
    """A finding in a block of YAML points at its own line and column."""
    path = tmp_path / "template.yaml"
    path.write_text(
        "Resources:\n"
        "  Machine:\n"
        "    Type: AWS::StepFunctions::StateMachine\n"
        "    Properties:\n"
        "      DefinitionString: !Sub |\n"
        "        {\n"
        '          "StartAt": "A",\n'
        '          "States": {"A": {"Type": "Pass", "InputPath": "$.x", "End": true}}\n'
        "        }\n"
    )
    found = read_file(path)[0]
    line, column = found.locate(Pointer(("States", "A", "InputPath")))
    assert '"$.x"' == found.line(line)[column - 1 : column + 4]


def test_a_broken_text_in_a_template_is_placed() -> None:
    """JSON inside a template that cannot be parsed is told with the resource's name."""
    with pytest.raises(SourceError, match="DefinitionString of Machine: This is no JSON"):
        definition_of({"DefinitionString": '{"a": }'})


def test_a_template_without_state_machines_has_none() -> None:
    """A template of other resources is no fault."""
    assert [] == find_definitions(parse('{"Resources": {}}', "t.json"))


def test_a_machine_in_parsed_text_is_itself() -> None:
    """A document is its own and only definition."""
    parsed: Parsed = parse(json.dumps(MACHINE), "m.json")
    assert [MACHINE] == [entry.value for entry in find_definitions(parsed)]
