"""What one caller may do: each rule is decided once as far as the caller decides it."""

from collections.abc import Collection, Mapping

from ovnest.errors.policy import PolicyNotAuthorized
from ovnest.policy.checks import Check, Decision, Who
from ovnest.policy.target import Target


class Rights:
    """A caller's rights under one policy: a rule costs some microseconds at first, later 0.1 to 0.5."""

    __slots__ = ("_attribute_rules", "_checks", "_decided", "_hidden", "_who")

    def __init__(
        self, who: Who, checks: Mapping[str, Check], attribute_rules: Mapping[str, Mapping[str, str]]
    ) -> None:
        self._who = who
        self._checks = checks
        self._attribute_rules = attribute_rules
        self._decided: dict[str, Decision] = {}
        self._hidden: dict[str, tuple[frozenset[str], dict[str, str]]] = {}

    @property
    def is_admin(self) -> bool:
        """Whether the rule `context_is_admin` says so."""
        return self.allows("context_is_admin", Target(project_id=""))

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
        found = self._hidden.get(resource)
        if found is None:
            found = self._hidden[resource] = self._decide_hidden(resource)
        always, open_rules = found
        hidden = always
        for attribute, rule in open_rules.items():
            if not self.allows(rule, target):
                hidden |= {attribute}
        if "project_id" in hidden:
            hidden |= {"tenant_id"}  # its older name
        return hidden.intersection(attributes) if hidden else hidden

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
        return always, open_rules
