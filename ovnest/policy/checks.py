"""Compiling rules: from trees of checks to functions, first of the caller, then of the target.

A compiled rule is asked about a caller first. What the caller alone decides (a role, being an
administrator) is then True or False; what is left is a function of the target, a comparison or two.

Source: oslo_policy._checks; neutron.policy.OwnerCheck and FieldCheck.
"""

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter

from msgspec import Struct
from oslo_policy import policy

from ovnest.policy.catalogue import Catalogue
from ovnest.policy.language import Tree
from ovnest.policy.target import Target

Predicate = Callable[[Target], bool]
Decision = bool | Predicate

KINDS = ("rule", "role", "project_id", "tenant_id", "user_id", "field")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class Who(Struct, frozen=True, kw_only=True):
    """What of a caller rules can look at; `roles` in lower case."""

    project_id: str
    user_id: str
    roles: frozenset[str]


Check = Callable[[Who], Decision]


class BrokenCheck(ValueError):
    """A check that is written well but means nothing here; the message says what would."""


class Compiler:
    """Compiles rules that refer to each other. They must not refer to each other in a circle."""

    def __init__(self, trees: Mapping[str, Tree], catalogue: Catalogue) -> None:
        self._trees = trees
        self._catalogue = catalogue
        self._compiled: dict[str, Check] = {}

    def rule(self, name: str) -> Check:
        """The compiled rule.

        Raises:
            BrokenCheck: one of its own checks means nothing here.
            KeyError: it refers to a rule that does not exist.
        """
        found = self._compiled.get(name)
        if found is None:
            found = self._compiled[name] = self._check(self._trees[name])
        return found

    def _check(self, tree: Tree) -> Check:
        if isinstance(tree, policy.OrCheck):
            return _any(map(self._check, tree.rules))
        if isinstance(tree, policy.AndCheck):
            return _all(map(self._check, tree.rules))
        if isinstance(tree, policy.NotCheck):
            return _not(self._check(tree.rule))
        if isinstance(tree, policy.RuleCheck):
            return self.rule(tree.match)
        if isinstance(tree, policy.Check):
            return compile_leaf(tree.kind, tree.match, self._catalogue)
        return _constant(str(tree) == "@")  # what is left is @ or !


def references(tree: Tree) -> set[str]:
    """The names of the rules that a rule refers to itself."""
    if isinstance(tree, policy.RuleCheck):
        return {tree.match}
    if isinstance(tree, policy.NotCheck):
        return references(tree.rule)
    if isinstance(tree, policy.AndCheck | policy.OrCheck):
        return {name for rule in tree.rules for name in references(rule)}
    return set()


def leaves(tree: Tree) -> Iterable[tuple[str, str]]:
    """Kind and value of every check of a rule that refers to no other rule."""
    if isinstance(tree, policy.NotCheck):
        yield from leaves(tree.rule)
    elif isinstance(tree, policy.AndCheck | policy.OrCheck):
        for rule in tree.rules:
            yield from leaves(rule)
    elif isinstance(tree, policy.Check) and not isinstance(tree, policy.RuleCheck):
        yield tree.kind, tree.match


def compile_leaf(kind: str, value: str, known: Catalogue) -> Check:
    """One check: `role:admin`, `project_id:%(network:project_id)s`, `field:networks:shared=True`, …

    Raises:
        BrokenCheck: the kind is not known here, or the value is none that it can have.
    """
    if kind == "role":
        return _role(value)
    if kind in ("project_id", "tenant_id"):
        return _caller_is(attrgetter("project_id"), value, known)
    if kind == "user_id":
        return _caller_is(attrgetter("user_id"), value, known)
    if kind == "field":
        return _field(value, known)
    return _literal(kind, value, known)


def _any(checks: Iterable[Check]) -> Check:
    parts = tuple(checks)

    def check(who: Who) -> Decision:
        open_parts = []
        for part in parts:
            decision = part(who)
            if decision is True:
                return True
            if decision is not False:
                open_parts.append(decision)
        if not open_parts:
            return False
        return open_parts[0] if len(open_parts) == 1 else _passes_any(tuple(open_parts))

    return check


def _all(checks: Iterable[Check]) -> Check:
    parts = tuple(checks)

    def check(who: Who) -> Decision:
        open_parts = []
        for part in parts:
            decision = part(who)
            if decision is False:
                return False
            if decision is not True:
                open_parts.append(decision)
        if not open_parts:
            return True
        return open_parts[0] if len(open_parts) == 1 else _passes_all(tuple(open_parts))

    return check


def _not(part: Check) -> Check:
    def check(who: Who) -> Decision:
        decision = part(who)
        if decision is True or decision is False:
            return not decision
        return lambda target: not decision(target)

    return check


def _passes_any(predicates: tuple[Predicate, ...]) -> Predicate:
    def passes(target: Target) -> bool:
        for predicate in predicates:  # noqa: SIM110 - a generator costs three times as much
            if predicate(target):
                return True
        return False

    return passes


def _passes_all(predicates: tuple[Predicate, ...]) -> Predicate:
    def passes(target: Target) -> bool:
        for predicate in predicates:  # noqa: SIM110 - a generator costs three times as much
            if not predicate(target):
                return False
        return True

    return passes


def _constant(decision: bool) -> Check:
    return lambda who: decision


def _role(value: str) -> Check:
    if not re.fullmatch(r"[\w.:-]+", value):
        raise BrokenCheck(f"'{value}' cannot be the name of a role")
    role = value.lower()
    return lambda who: role in who.roles


def _caller_is(fact: Callable[[Who], str], value: str, known: Catalogue) -> Check:
    # A fact that is empty is nobody's: a resource without an owner does not belong to a caller without a
    # project.
    attribute = _target_attribute(value, known)
    if attribute is None:
        return lambda who: fact(who) == value
    theirs = attrgetter(attribute)

    def check(who: Who) -> Decision:
        mine = fact(who)
        return (lambda target: bool(theirs(target) == mine)) if mine else False

    return check


def _field(value: str, known: Catalogue) -> Check:
    match = re.fullmatch(r"(\w+):(.+?)=(.*)", value)
    if match is None or match[1] not in known.resources:
        raise BrokenCheck(f"'field:{value}' is not of the form field:networks:shared=True")
    attribute = known.facts.get(match[2])
    if attribute is None:
        raise BrokenCheck(f"'{match[2]}' is no field that rules know; they know {', '.join(known.facts)}")
    predicate = _is_boolean(attribute, match[3]) if _is_switch(attribute) else _is_text(attribute, match[3])
    return lambda who: predicate


def _literal(kind: str, value: str, known: Catalogue) -> Check:
    # As oslo.policy has it: 'compute:nova':%(device_owner)s or True:%(shared)s.
    try:
        literal = str(ast.literal_eval(kind))
    except (ValueError, SyntaxError):
        raise BrokenCheck(
            f"'{kind}:{value}' is no check that ovnest knows; it knows {', '.join(KINDS)}"
        ) from None  # Python's words for it are about Python
    attribute = _target_attribute(value, known)
    if attribute is None:
        return _constant(value == literal)
    theirs = attrgetter(attribute)
    return lambda who: lambda target: str(theirs(target)) == literal


def _target_attribute(value: str, known: Catalogue) -> str | None:
    # The attribute of Target that `%(name)s` means; None for a plain value.
    match = re.fullmatch(r"%\((.*)\)s", value)
    if match is None:
        if "%" in value:
            raise BrokenCheck(f"'{value}' is neither a plain value nor of the form %(project_id)s")
        return None
    if match[1] not in known.facts:
        raise BrokenCheck(f"'%({match[1]})s' is no fact that rules know; they know {', '.join(known.facts)}")
    return known.facts[match[1]]


def _is_switch(attribute: str) -> bool:
    return Target.__annotations__[attribute] is bool


def _is_boolean(attribute: str, text: str) -> Predicate:
    wanted = _BOOLEANS.get(text.lower())
    if wanted is None:
        raise BrokenCheck(f"'{text}' is neither True nor False")
    theirs = attrgetter(attribute)
    return lambda target: theirs(target) is wanted


def _is_text(attribute: str, text: str) -> Predicate:
    theirs = attrgetter(attribute)
    if not text.startswith("~"):
        return lambda target: bool(theirs(target) == text)
    try:
        pattern = re.compile(text[1:])
    except re.error as error:
        raise BrokenCheck(f"'{text[1:]}' is not a regular expression: {error}") from error
    return lambda target: pattern.match(theirs(target)) is not None
