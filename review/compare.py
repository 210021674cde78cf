"""The comparison of two sides: which documents belong together, and who compares them.

A kind of document has one handler, and so has each part of a template; nothing here decides how it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from review import cost, differences, interface, machines, needs, network, permissions, resources, safeguards
from review.documents import Document, Kind, Side
from review.machines import Definition
from review.model import Change, Difference, Graph, Level, Place, Review, Section, Verb, Version, code
from review.resource_index import resource_type
from review.template import Template, normal, text_of
from states_language.document import DocumentError
from states_language.pointer import ROOT, Pointer
from states_language.sources import SourceError, find_definitions

_TOKEN = re.compile(r"\$\{(\w+)\}")
DOCUMENT_SUFFIX = re.compile(r"\.asl\.(?:json|ya?ml)$")
POLICY_KEYS = (
    "PolicyDocument",
    "AssumeRolePolicyDocument",
    "KeyPolicy",
    "RepositoryPolicyText",
    "ResourcePolicy",
)
STATE_MACHINES = ("AWS::StepFunctions::StateMachine", "AWS::Serverless::StateMachine")

TEMPLATE_PARTS: tuple[Callable[[Template, Template], Iterable[Change]], ...] = (
    permissions.compare,
    network.compare,
    safeguards.compare,
)
"""What looks at two templates in which renamed resources have their new names."""


@dataclass(frozen=True)
class Pair:
    """One document on both sides; None where it is not there."""

    name: str
    before: Document | None
    after: Document | None

    @property
    def shown(self) -> Document:
        """The document that readers find: the one after, where there is one."""
        found = self.after or self.before
        if found is None:
            raise AssertionError(self.name)
        return found

    @property
    def file(self) -> str:
        """The file that places speak of."""
        return self.shown.parsed.file

    @property
    def kind(self) -> Kind:
        """What it is."""
        return self.shown.kind


@dataclass
class _Found:
    """What the handlers add to."""

    changes: list[Change] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    graphs: list[Graph] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def compare(before: Side, after: Side) -> Review:
    """Compare two sides; the same documents give the same review, byte by byte."""
    pairs = [Pair(name, before.get(name), after.get(name)) for name in sorted({*before, *after})]
    if before and after and not before.keys() & after.keys() and len(before) == len(after) == 1:
        pairs = [Pair("", next(iter(before.values())), next(iter(after.values())))]
    context = _Context(pairs)
    found = _Found()
    if not before:
        found.notes.append("the base holds none of these documents: all of it is new")
    for pair in pairs:
        _handle(pair, context, found)
    return Review(
        tuple(pair.file for pair in pairs),
        tuple(sorted(found.changes, key=_order)),
        tuple(found.differences),
        tuple(found.graphs),
        tuple(found.versions),
        tuple(dict.fromkeys(found.notes)),
    )


def _order(change: Change) -> tuple[Any, ...]:
    return (
        list(Section).index(change.section),
        -change.level.rank,
        list(Verb).index(change.verb),
        change.subject,
        change.message,
    )


def _handle(pair: Pair, context: _Context, found: _Found) -> None:
    old, new = pair.before, pair.after
    if old is not None and new is not None and old.kind is not new.kind:
        found.notes.append(
            f"{code(pair.file)} was {old.kind.value} and is {new.kind.value} now: compared as JSON only"
        )
    elif pair.kind in HANDLERS:
        HANDLERS[pair.kind](pair, context, found)
    _differences(pair, found)
    if (
        old is not None
        and new is not None
        and old.parsed.text != new.parsed.text
        and differences.same(old.value, new.value)
    ):
        found.notes.append(
            f"{code(pair.file)}: only its formatting or the order of its keys changed, which means nothing"
        )


class _Context:
    """The documents of both sides, for handlers that need more than one."""

    def __init__(self, pairs: list[Pair]):
        self.pairs = {pair.name: pair for pair in pairs}

    def templates(self, *, is_before: bool) -> Iterator[Template]:
        for pair in self.pairs.values():
            document = pair.before if is_before else pair.after
            if document is not None and document.kind is Kind.TEMPLATE:
                yield Template(document.parsed.file, document.value)

    def beside(self, pair: Pair, suffix: str, *, is_before: bool) -> Any:
        """Return the value of a definition's companion: `.input.schema.json`, `.lock.json`."""
        name = DOCUMENT_SUFFIX.sub(suffix, pair.name)
        companion = self.pairs.get(name) if name != pair.name else None
        document = companion and (companion.before if is_before else companion.after)
        return document.value if document else None

    def definition(self, pair: Pair, *, is_before: bool) -> Definition | None:
        document = pair.before if is_before else pair.after
        if document is None:
            return None
        schema = self.beside(pair, ".input.schema.json", is_before=is_before)
        file = pair.file.rpartition("/")[2]
        name = DOCUMENT_SUFFIX.sub("", file).partition(".")[0]
        _, tokens = self.deployed(document.value, is_before=is_before)
        return Definition(
            name,
            document.parsed.file,
            document.value,
            tokens=tokens,
            schema=schema if isinstance(schema, Mapping) else None,
        )

    def deployed(self, value: Any, *, is_before: bool) -> tuple[Template | None, Mapping[str, Any]]:
        """Return the template that deploys a document, and the values of its tokens, by the tokens that both have."""
        wanted = set(_TOKEN.findall(text_of(value))) if isinstance(value, Mapping) else set()
        for template in self.templates(is_before=is_before):
            for resource in template.of_type(*STATE_MACHINES):
                given = resource.properties.get("DefinitionSubstitutions")
                if isinstance(given, Mapping) and wanted <= set(given) and (wanted or len(given) == 0):
                    return template, template.resolved(given)
        return next(self.templates(is_before=is_before), None), {}


def _template(pair: Pair, context: _Context, found: _Found) -> None:
    before = Template(
        pair.before.parsed.file if pair.before else pair.file, pair.before.value if pair.before else {}
    )
    after = Template(
        pair.after.parsed.file if pair.after else pair.file, pair.after.value if pair.after else {}
    )
    found.notes += _limits(after)
    if not differences.same(before.fields, after.fields):
        renames = resources.renamed(before, after)
        moved = Template(before.file, _moved(before.fields, renames)) if renames else before
        found.changes += resources.compare(before, after, renames)
        changes = [change for part in TEMPLATE_PARTS for change in part(moved, after)]
        found.changes += needs.named(changes, _needs(pair, after, context, changes))
        found.changes += interface.compare(before, after)
        found.changes += cost.standing(before, after)
        found.notes += _definitions_elsewhere(before, after, context)
    _embedded(pair, before, after, found)


def _needs(pair: Pair, after: Template, context: _Context, changes: list[Change]) -> dict[str, needs.Needs]:
    """Return what the states of the template's state machines need, where a permission asks for it."""
    if not any(change.verb is Verb.WIDER and not change.facts.get("needed_by") for change in changes):
        return {}
    embedded = _inside(pair.after, after, _Found())
    found = {name: needs.of_definition(definition.value) for name, definition in embedded.items()}
    apart = [
        each.after
        for each in context.pairs.values()
        if each.kind is Kind.DEFINITION and each.after is not None
    ]
    for resource in after.of_type(*STATE_MACHINES):
        given = set(resource.properties.get("DefinitionSubstitutions") or ())
        for document in apart:
            if resource.name not in found and set(_TOKEN.findall(text_of(document.value))) <= given:
                found[resource.name] = needs.of_definition(document.value)
    return found


def _definitions_elsewhere(before: Template, after: Template, context: _Context) -> Iterator[str]:
    """Yield the state machines whose definition is another file now, where nobody gave that file to compare."""
    if any(pair.kind is Kind.DEFINITION for pair in context.pairs.values()):
        return
    for resource in after.of_type(*STATE_MACHINES):
        old = before.resources.get(resource.name)
        for key in ("DefinitionS3Location", "DefinitionUri"):
            if old is not None and old.properties.get(key) != resource.properties.get(key):
                yield f"the definition of {code(resource.name)} is another file now ({key}), and is not compared here: compare it, too"


def _moved(value: Any, renames: Mapping[str, str]) -> Any:
    """Return a template in which resources have the logical IDs that they were renamed to, and all that refers to them."""
    if isinstance(value, Mapping):
        if set(value) == {"Ref"}:
            return {"Ref": renames.get(str(value["Ref"]), value["Ref"])}
        if set(value) == {"Fn::GetAtt"}:
            return _normal_attribute(value, renames)
        return {renames.get(key, key): _moved(inner, renames) for key, inner in value.items()}
    if isinstance(value, str) and "${" in value:
        return re.sub(
            r"\$\{(\w+)([.}])", lambda match: f"${{{renames.get(match[1], match[1])}{match[2]}", value
        )
    return [_moved(inner, renames) for inner in value] if isinstance(value, list) else value


def _normal_attribute(value: Mapping[str, Any], renames: Mapping[str, str]) -> Any:
    found = normal(value)["Fn::GetAtt"]
    return (
        {"Fn::GetAtt": [renames.get(str(found[0]), found[0]), *found[1:]]}
        if isinstance(found, list) and found
        else value
    )


def _limits(template: Template) -> Iterator[str]:
    """Yield what of a template a review cannot see."""
    if template.fields.get("Transform"):
        yield f"{code(template.file)} is transformed by {code(text_of(template.fields['Transform']))} at deployment: what that makes is not seen here"
    unknown = sorted(
        {
            each.type or f"{each.name} (no type)"
            for each in template.resources.values()
            if resource_type(each.type) is None and not each.type.startswith("Custom::")
        }
    )
    if unknown:
        yield "of these types it is not known what replaces them: " + ", ".join(
            f"{code(name)}" for name in unknown
        )
    if nested := [each.name for each in template.of_type("AWS::CloudFormation::Stack")]:
        yield "the templates of nested stacks are not followed: " + ", ".join(
            f"{code(name)}" for name in nested
        )


def _embedded(pair: Pair, before: Template, after: Template, found: _Found) -> None:
    """Compare the definitions that stand inside a template."""
    old, new = _inside(pair.before, before, found), _inside(pair.after, after, found)
    for name in dict.fromkeys([*old, *new]):
        _machine(old.get(name), new.get(name), before, after, found)


def _inside(document: Document | None, template: Template, found: _Found) -> dict[str, Definition]:
    if document is None:
        return {}
    try:
        definitions = find_definitions(document.parsed)
    except SourceError as error:
        found.notes.append(f"a definition inside {code(template.file)} cannot be read: {error}")
        return {}
    return {
        each.name: Definition(
            each.name,
            template.file,
            each.value,
            each.prefix,
            each.embedded is not None,
            template.resolved(template.resources[each.name].properties.get("DefinitionSubstitutions") or {}),
        )
        for each in definitions
    }


def _definition(pair: Pair, context: _Context, found: _Found) -> None:
    before, after = context.definition(pair, is_before=True), context.definition(pair, is_before=False)
    sides = [
        context.deployed(each.value if each else None, is_before=is_before)[0]
        for each, is_before in ((before, True), (after, False))
    ]
    _machine(before, after, sides[0], sides[1], found)
    if before is None or after is None:
        return
    was, now = (
        (each.value, each.schema, context.beside(pair, ".lock.json", is_before=is_before))
        for each, is_before in ((before, True), (after, False))
    )
    try:
        version = interface.version(after.name, was, now)
    except DocumentError:
        return
    if version is not None:
        found.versions.append(version)
        lock = DOCUMENT_SUFFIX.sub(".lock.json", pair.file)
        if (change := interface.of_version(version, lock)) is not None:
            found.changes.append(change)


def _machine(
    before: Definition | None,
    after: Definition | None,
    template_before: Template | None,
    template_after: Template | None,
    found: _Found,
) -> None:
    """Compare one state machine; what is not there on one side was added or removed."""
    try:
        if before is None or after is None:
            if (one := after or before) is not None:
                changes, graph = machines.added(one) if before is None else machines.removed(one)
                found.changes += changes
                found.graphs.append(graph)
            return
        if differences.same(before.value, after.value) and before.schema == after.schema:
            if before.tokens != after.tokens:
                found.changes += machines.by_tokens(before, after)
        else:
            changes, graph = machines.compare(before, after)
            found.changes += changes
            found.graphs.append(graph)
        found.changes += cost.compare(
            after.name,
            after.file,
            cost.bill(before.value, template_before, before.tokens or {}),
            cost.bill(after.value, template_after, after.tokens or {}),
        )
    except DocumentError as error:
        shown = after or before
        found.changes.append(
            Change(
                Section.STATE_MACHINE,
                Verb.BROKEN,
                shown.name if shown else "",
                f"a definition cannot be read: {error.message}",
                Level.DANGER,
                shown.place(ROOT) if shown else Place(""),
            )
        )


def _schema(pair: Pair, _: _Context, found: _Found) -> None:
    name = pair.file.rpartition("/")[2]
    subject = "the input of an execution" if ".input." in name else f"the contract {code(name)}"
    if pair.before is None or pair.after is None:
        verb = Verb.ADDED if pair.before is None else Verb.REMOVED
        found.changes.append(
            Change(
                Section.INTERFACE,
                verb,
                subject,
                f"{subject}: its description is {verb.value}",
                Level.NOTE if verb is Verb.ADDED else Level.WARNING,
                Place(pair.file, ROOT, verb is Verb.REMOVED),
                facts={"kind": "contract"},
            )
        )
        return
    found.changes += interface.of_schema(pair.before.value, pair.after.value, pair.file, subject)


def _differences(pair: Pair, found: _Found) -> None:
    old, new = pair.before, pair.after
    if old is None or new is None:
        value = pair.shown.value
        found.differences.append(
            Difference(pair.file, None, ROOT, None, value)
            if old is None
            else Difference(pair.file, ROOT, None, value, None)
        )
        return
    form = normal if pair.kind is Kind.TEMPLATE else (lambda value: value)
    judge = _Meaning(pair, found.changes)
    for leaf in differences.compare(old.value, new.value, form):
        found.differences.append(
            Difference(
                pair.file, leaf.before_at, leaf.after_at, leaf.before, leaf.after, judge.why_nothing(leaf)
            )
        )


class _Meaning:
    """Tells of a difference why it means nothing; of most it cannot."""

    def __init__(self, pair: Pair, changes: list[Change]):
        self.pair = pair
        self.template = Template(pair.file, pair.shown.value) if pair.kind is Kind.TEMPLATE else None
        self.principals = {change.subject for change in changes if change.section is Section.PERMISSIONS}

    def why_nothing(self, leaf: differences.Leaf) -> str:
        """Return the reason; empty where the difference may mean something."""
        steps = (leaf.after_at or leaf.before_at or ROOT).steps
        if self.pair.kind is Kind.DEFINITION:
            return "a comment" if "Comment" in steps[-1:] and steps[-2:-1] != ("Parameters",) else ""
        if self.pair.kind is Kind.SCHEMA:
            return "prose" if interface.is_prose(leaf) else ""
        if self.pair.kind is Kind.LOCK:
            return "follows from the document" if steps[-1:] == ("sha256",) else ""
        return self._in_template(leaf, steps) if self.template is not None else ""

    def _in_template(self, leaf: differences.Leaf, steps: tuple[Any, ...]) -> str:
        if (
            leaf.before_at is not None
            and leaf.after_at is not None
            and not leaf.is_order
            and differences.same(normal(leaf.before), normal(leaf.after))
        ):
            return "the same, written otherwise"
        if steps[:1] in (("Description",), ("Metadata",)) or (
            steps[:1] in (("Parameters",), ("Outputs",))
            and steps[2:] in (("Description",), ("ConstraintDescription",))
        ):
            return "a description"
        if steps[:1] != ("Resources",) or len(steps) == 1:
            return ""
        if steps[2:3] == ("Metadata",):
            own = self.pair.shown.value["Resources"].get(steps[1], {})
            initialises = (
                "AWS::CloudFormation::Init" in own.get("Metadata", {}) if isinstance(own, Mapping) else False
            )
            return "" if initialises else "metadata: no resource reads it"
        if self._same_permissions(steps):
            return "the same permissions, written otherwise"
        path = resources.property_path(replace_pointer(leaf, steps[2:]))
        known = resource_type(self._type(steps[1]))
        if leaf.is_order and known is not None and path in known.unordered:
            return "the order of a list that has none"
        return ""

    def _type(self, name: Any) -> str:
        found = self.template.resources.get(name) if self.template else None
        return found.type if found else ""

    def _same_permissions(self, steps: tuple[Any, ...]) -> bool:
        """Tell whether a place is in a policy of which nobody gained or lost anything."""
        if not any(key in steps for key in POLICY_KEYS) or self.template is None:
            return False
        resource = self.template.resources.get(steps[1])
        if resource is None:
            return False
        named = (
            text_of(dict(resource.properties))
            if resource.type in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
            else ""
        )
        concerned = {steps[1], *re.findall(r"\w+", named)}
        return not concerned & self.principals and not any("managed" in name for name in concerned)


def replace_pointer(leaf: differences.Leaf, steps: tuple[Any, ...]) -> differences.Leaf:
    """Return a difference as seen from inside of a resource."""
    return replace(leaf, before_at=Pointer(steps), after_at=Pointer(steps))


HANDLERS: Mapping[Kind, Callable[[Pair, _Context, _Found], None]] = {
    Kind.TEMPLATE: _template,
    Kind.DEFINITION: _definition,
    Kind.SCHEMA: _schema,
}
"""Who compares which kind of document; what has no handler here is compared as JSON."""
