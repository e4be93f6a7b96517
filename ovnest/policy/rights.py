"""What one caller may do: each rule is decided once as far as the caller decides it."""

from collections.abc import Collection, Mapping
from typing import Any

from ovnest.errors.policy import PolicyNotAuthorized
from ovnest.policy.checks import Check, Decision, Who
from ovnest.policy.target import Target


class Rights:
    """A caller's rights under one policy: a rule costs some microseconds at first, later 0.1 to 0.5."""

    __slots__ = ("_attribute_rules", "_checks", "_decided", "_hidden", "_who", "defaults")

    def __init__(
        self,
        who: Who,
        checks: Mapping[str, Check],
        attribute_rules: Mapping[str, Mapping[str, str]],
        defaults: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self.defaults = defaults
        """By kind, the values with which an attribute counts as not asked for on create."""
        self._who = who
        self._checks = checks
        self._attribute_rules = attribute_rules
        self._decided: dict[str, Decision] = {}
        self._hidden: dict[str, tuple[frozenset[str], dict[str, str]]] = {}

    @property
    def is_admin(self) -> bool:
        """Whether the rule `context_is_admin` says so."""
        return self.allows("context_is_admin", Target(project_id=""))

    def whatever(self, rule: str) -> bool | None:
        """What the rule says of this caller whatever the target is; None where it depends on that."""
        decision = self._decided.get(rule)
        if decision is None:
            decision = self._decide(rule)
        return decision if isinstance(decision, bool) else None

    def always_hidden(self, resource: str) -> frozenset[str] | None:
        """The attributes that the caller may not see of any such resource; None where it depends on which."""
        always, open_rules = self._hidden_of(resource)
        return None if open_rules else always

    def allows(self, rule: str, target: Target) -> bool:
        """Whether the rule lets the caller. An attribute's rule that is not defined lets everybody.

        Raises:
            LookupError: a rule that is no attribute's is not defined, which is a mistake of ours.
        """
        decision = self._decided.get(rule)
        if decision is None:
            decision = self._decide(rule)
        if decision is True or decision is False:
            return decision
        return decision(target)

    def require(self, rule: str, target: Target) -> None:
        """Go on only if the rule lets the caller.

        Raises:
            PolicyNotAuthorized: it does not.
        """
        if not self.allows(rule, target):
            raise PolicyNotAuthorized(rule=rule)

    def hidden(self, resource: str, attributes: Collection[str], target: Target) -> frozenset[str]:
        """Those of the attributes that the caller may not see of this `network`, `subnet`, `port`."""
        always, open_rules = self._hidden_of(resource)
        hidden = always
        for attribute, rule in open_rules.items():
            if not self.allows(rule, target):
                hidden |= _with_older_name(frozenset((attribute,)))
        return hidden.intersection(attributes) if hidden else hidden

    def _hidden_of(self, resource: str) -> tuple[frozenset[str], dict[str, str]]:
        found = self._hidden.get(resource)
        if found is None:
            found = self._hidden[resource] = self._decide_hidden(resource)
        return found

    def _decide(self, rule: str) -> Decision:
        check = self._checks.get(rule)
        if check is None:
            if ":" in rule:
                return True  # not kept: the names come from requests, and could be any number
            raise LookupError(f"there is no policy rule {rule}")
        decision = self._decided[rule] = check(self._who)
        return decision

    def _decide_hidden(self, resource: str) -> tuple[frozenset[str], dict[str, str]]:
        rules = self._attribute_rules.get(f"get_{resource}", {})
        decided = {attribute: self._decide(rule) for attribute, rule in rules.items()}
        always = frozenset(attribute for attribute, decision in decided.items() if decision is False)
        open_rules = {
            attribute: rules[attribute]
            for attribute, decision in decided.items()
            if decision is not True and decision is not False
        }
        return _with_older_name(always), open_rules


def _with_older_name(hidden: frozenset[str]) -> frozenset[str]:
    return hidden | {"tenant_id"} if "project_id" in hidden else hidden
