"""Claim: a compiled rule is answered a hundred times as fast as oslo.policy's Enforcer answers it.

Both are asked the same rules about the same caller and target, in one run.
"""

import timeit
from collections.abc import Callable
from functools import partial
from time import perf_counter

from oslo_config import cfg
from oslo_policy import policy as oslo

from ovnest.caller import Caller
from ovnest.operations import CATALOGUE
from ovnest.policy import Policy, Target

RULES = ("create_port", "get_port", "create_port:binding:profile")
ROLES = {"member": frozenset({"member", "reader"}), "admin": frozenset({"admin"})}
TARGET = Target(project_id="red", parent_project_id="red")
FACTS = {"project_id": "red", "network:project_id": "red", "shared": False, "device_owner": ""}
# oslo.policy has no check for `field:`; as its own generic check it would only be cheaper than Neutron's.


def main() -> None:
    """Print a table: microseconds a decision, and the ratio."""
    enforcer = oslo.Enforcer(cfg.ConfigOpts(), use_conf=False)
    enforcer.set_rules(oslo.Rules.from_dict(dict(CATALOGUE.rules)))
    print(f"compiling the default rules: {best_us(partial(Policy, CATALOGUE), 3) / 1000:.1f} ms")
    print(f"{'caller':8}{'rule':30}{'oslo us':>9}{'first us':>10}{'then us':>9}{'ratio':>8}")
    for name, roles in ROLES.items():
        caller = Caller(project_id="red", roles=roles)
        credentials = {"roles": sorted(roles), "project_id": "red"}
        policy = Policy(CATALOGUE)
        rights = policy.rights(caller)
        for rule in RULES:
            theirs = best_us(partial(enforcer.enforce, rule, FACTS, credentials), 2000)
            first = first_us(rule, roles)
            ours = best_us(partial(rights.allows, rule, TARGET), 20_000)
            print(f"{name:8}{rule:30}{theirs:9.0f}{first:10.1f}{ours:9.2f}{theirs / ours:8.0f}")
        print(
            f"{name:8}{'finding the rights':30}{'':19}{best_us(partial(policy.rights, caller), 20_000):9.2f}"
        )


def first_us(rule: str, roles: frozenset[str]) -> float:
    """Microseconds of the first question about callers who were never asked about."""
    policy = Policy(CATALOGUE)
    strangers = [policy.rights(Caller(project_id=str(number), roles=roles)) for number in range(1000)]
    start = perf_counter()
    for rights in strangers:
        rights.allows(rule, TARGET)
    return (perf_counter() - start) / len(strangers) * 1e6


def best_us(call: Callable[[], object], number: int) -> float:
    """Microseconds a call, the best of five rounds."""
    return min(timeit.repeat(call, number=number, repeat=5)) / number * 1e6


if __name__ == "__main__":
    main()
