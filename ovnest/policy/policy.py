"""A policy: the default rules and what a file says differently, checked and compiled."""

from collections.abc import Iterator, Mapping

from ovnest.caller import Caller
from ovnest.errors.policy import BadPolicy
from ovnest.policy.catalogue import Catalogue, can_be_new
from ovnest.policy.checks import BrokenCheck, Compiler, Who, compile_leaf, leaves, references
from ovnest.policy.language import BrokenRule, Tree, read_rule
from ovnest.policy.rights import Rights

CALLERS_KEPT = 1024


class Policy:
    """Rules that are known to be good. It never changes; a changed file makes a new one."""

    def __init__(
        self, catalogue: Catalogue, changes: Mapping[str, str] | None = None, path: str = ""
    ) -> None:
        """The default rules of a catalogue, with these instead or in addition.

        Raises:
            BadPolicy: a rule has an unknown name, cannot be read, or refers to one that is not there.
        """
        changes = changes or {}
        old = catalogue.renamed
        renamed = {old[name]: text for name, text in changes.items() if name in old}
        trees, problems = _read(
            catalogue, {**renamed, **{name: text for name, text in changes.items() if name not in old}}
        )
        if problems:
            raise BadPolicy(path, tuple(problems))
        self.path = path
        self.changes = dict(changes)
        self.without_effect = tuple(sorted(name for name in changes if catalogue.is_not_served(name)))
        compiler = Compiler(trees, catalogue)
        self.catalogue = catalogue
        self._checks = {name: compiler.rule(name) for name in trees}
        self._attribute_rules: dict[str, dict[str, str]] = {}
        for name in trees:
            action, _, attribute = name.partition(":")
            if attribute:
                self._attribute_rules.setdefault(action, {})[attribute] = name
        self._asks_for_user = any(kind == "user_id" for tree in trees.values() for kind, _ in leaves(tree))
        self._rights: dict[Who, Rights] = {}

    def rights(self, caller: Caller) -> Rights:
        """What this caller may do; the same object for callers that no rule tells apart."""
        who = Who(
            project_id=caller.project_id,
            user_id=caller.user_id if self._asks_for_user else "",
            roles=frozenset(role.lower() for role in caller.roles),
        )
        found = self._rights.get(who)
        if found is None:
            if len(self._rights) >= CALLERS_KEPT:
                del self._rights[next(iter(self._rights))]
            found = self._rights[who] = Rights(
                who, self._checks, self._attribute_rules, self.catalogue.defaults
            )
        return found


def _read(catalogue: Catalogue, changes: Mapping[str, str]) -> tuple[dict[str, Tree], list[str]]:
    """The trees of all rules that have an effect, and what is wrong with the changed ones."""
    changed: dict[str, Tree] = {}
    problems = []
    for name, text in changes.items():
        try:
            changed[name] = read_rule(name, text)
        except BrokenRule as error:
            problems.append(f"{name}: {error}.")

    referred = {reference for tree in changed.values() for reference in references(tree)}
    for name in changes:
        is_new = name not in catalogue.served and not catalogue.is_not_served(name)
        if is_new and not (can_be_new(name) and name in referred):
            problems.append(f"{name}: {_unknown(catalogue, name)}")

    trees = {name: read_rule(name, text) for name, text in catalogue.rules.items()}
    trees |= {name: tree for name, tree in changed.items() if not catalogue.is_not_served(name)}
    problems += [
        f"{name}: {problem}."
        for name in changed
        if name in trees
        for problem in _broken(catalogue, trees[name])
    ]
    for name, tree in trees.items():
        problems += [
            f"{name}: it refers to rule:{other}, which is not defined.{catalogue.nearest(other, trees)}"
            for other in sorted(references(tree) - trees.keys())
        ]
    problems += [f"{circle[0]}: it refers to itself, {' -> '.join(circle)}." for circle in _circles(trees)]
    return trees, problems


def _unknown(catalogue: Catalogue, name: str) -> str:
    if can_be_new(name):
        return f"it is no rule of Neutron's, and no other rule refers to it.{catalogue.nearest(name)}"
    return f"there is no rule of that name.{catalogue.nearest(name)}"


def _broken(catalogue: Catalogue, tree: Tree) -> Iterator[str]:
    for kind, value in leaves(tree):
        try:
            compile_leaf(kind, value, catalogue)
        except BrokenCheck as error:
            yield str(error)


def _circles(trees: Mapping[str, Tree]) -> list[list[str]]:
    """Each circle of references once, beginning where it is met first."""
    circles: list[list[str]] = []
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> None:
        if name in way:
            circles.append([*way[way.index(name) :], name])
        elif name in trees and name not in done:
            for other in sorted(references(trees[name])):
                walk(other, [*way, name])
            done.add(name)

    for name in trees:
        walk(name, [])
    return circles
