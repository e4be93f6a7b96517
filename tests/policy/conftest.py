"""oslo.policy's own Enforcer, as the one who knows what a rule means."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from oslo_config import cfg
from oslo_policy import policy as oslo

from ovnest.caller import Caller
from ovnest.operations import CATALOGUE
from ovnest.policy import Target

Oracle = Callable[[Mapping[str, str]], Callable[[str, Caller, Target], bool]]


class FieldCheck(oslo.Check):
    """What Neutron registers for `field:`; oslo.policy has none of its own."""

    def __call__(self, target: Any, creds: Any, enforcer: Any, current_rule: Any = None) -> bool:
        _, _, rest = self.match.partition(":")
        name, _, wanted = rest.partition("=")
        value = target[name]
        if wanted.startswith("~"):
            return re.match(wanted[1:], value) is not None
        return str(value) == wanted


oslo.register("field", FieldCheck)


@pytest.fixture
def oracle() -> Oracle:
    """An enforcer of the default rules with some changed: what it says of a rule, a caller and a target."""

    def build(changes: Mapping[str, str]) -> Callable[[str, Caller, Target], bool]:
        enforcer = oslo.Enforcer(cfg.ConfigOpts(), use_conf=False)
        enforcer.set_rules(oslo.Rules.from_dict({**CATALOGUE.rules, **changes}))

        def enforce(rule: str, caller: Caller, target: Target) -> bool:
            return bool(enforcer.enforce(rule, _target(target), _credentials(caller)))

        return enforce

    return build


def _target(target: Target) -> dict[str, object]:
    facts: dict[str, object] = {
        "shared": target.shared,
        "router:external": target.external,
        "device_owner": target.device_owner,
    }
    if target.project_id:  # an owner that is missing is nobody's
        facts |= {"project_id": target.project_id, "tenant_id": target.project_id}
    if target.parent_project_id:
        owner = target.parent_project_id
        facts |= {"network:project_id": owner, "network:tenant_id": owner}
    return facts


def _credentials(caller: Caller) -> dict[str, object]:
    return {
        "roles": sorted(caller.roles),
        "project_id": caller.project_id,
        "tenant_id": caller.project_id,
        "user_id": caller.user_id,
    }
