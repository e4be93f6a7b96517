from collections.abc import Callable, Mapping
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ovnest.caller import Caller
from ovnest.operations import CATALOGUE
from ovnest.policy import Policy, PolicyNotAuthorized, Target
from ovnest.policy.policy import CALLERS_KEPT

Oracle = Callable[[Mapping[str, str]], Callable[[str, Caller, Target], bool]]

ROLES = [
    set[str](),
    {"reader"},
    {"reader", "member"},
    {"Member"},
    {"reader", "member", "manager"},
    {"admin"},
    {"service"},
    {"advsvc"},
    {"cloud_admin", "reader"},
]
CALLERS = [
    Caller(project_id=project, user_id=user, roles=frozenset(roles))
    for project, user, roles in product(("red", "blue"), ("ann", "bob"), ROLES)
]
TARGETS = [
    Target(
        project_id=project,
        parent_project_id=network,
        shared=shared,
        external=external,
        device_owner=device_owner,
    )
    for project, network, shared, external, device_owner in product(
        ("red", "green", ""),
        ("red", "green", ""),
        (False, True),
        (False, True),
        ("", "network:dhcp", "compute:nova"),
    )
]
CHANGES: dict[str, dict[str, str]] = {
    "the defaults": {},
    "container ports for everybody": {"create_port:binding:profile": "", "get_port:binding:profile": "@"},
    "another administrator": {"context_is_admin": "role:admin or role:cloud_admin"},
    "old defaults": {
        "create_port": "rule:regular_user",
        "update_port": "rule:admin_or_owner or rule:context_is_advsvc",
        "get_port": "rule:context_is_advsvc or rule:admin_owner_or_network_owner",
        "delete_port": "tenant_id:%(tenant_id)s or tenant_id:%(network:tenant_id)s",
    },
    "new rules, negations and literals": {
        "ours": "project_id:red and not user_id:bob",
        "vm": "field:ports:device_owner=~^compute: or field:port:device_owner=network:dhcp",
        "create_port": "(rule:ours and rule:vm) or True:%(shared)s and role:member or !",
        "delete_port": "not (rule:ours or not rule:vm)",
        "get_network": "field:networks:shared=False and field:networks:router:external=True",
        "create_network": "1:2 or 'a':a",
    },
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_answer_is_oslo_policys_own(change: str, oracle: Oracle) -> None:
    enforce = oracle(CHANGES[change])
    policy = Policy(CATALOGUE, CHANGES[change])
    rules = sorted({"get_port", "create_port:binding:profile", *(CHANGES[change] or CATALOGUE.rules)})
    for number, caller in enumerate(CALLERS):
        rights = policy.rights(caller)
        for target, rule in product(TARGETS[number % 6 :: 6], rules):  # each target with six callers
            allowed = rights.allows(rule, target)
            assert allowed == enforce(rule, caller, target), f"{rule} for {caller} on {target}"


TEXTS = st.recursive(
    st.sampled_from(
        (
            *(
                "@",
                "!",
                "role:member",
                "role:ADMIN",
                "project_id:%(project_id)s",
                "project_id:red",
                "user_id:ann",
            ),
            *(
                "rule:owner",
                "rule:shared",
                "field:port:device_owner=~^network:",
                "tenant_id:%(network:tenant_id)s",
            ),
        )
    ),
    lambda inner: st.one_of(
        inner.map(lambda text: f"not {text}" if " " not in text else f"not ({text})"),
        inner.map(lambda text: f"({text})"),
        st.tuples(inner, st.sampled_from(("and", "or", "AND")), inner).map(" ".join),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS)
def test_any_rule_that_can_be_written_is_answered_as_oslo_policy_answers(oracle: Oracle, text: str) -> None:
    enforce = oracle({"delete_port": text})
    policy = Policy(CATALOGUE, {"delete_port": text})
    for caller in CALLERS[::5]:
        for target in TARGETS[::11]:
            allowed = policy.rights(caller).allows("delete_port", target)
            assert allowed == enforce("delete_port", caller, target), f"{text} for {caller} on {target}"


MEMBER = Caller(project_id="red", roles=frozenset({"member", "reader"}))
ADMIN = Caller(project_id="default", roles=frozenset({"admin"}))
SERVICE = Caller(project_id="services", roles=frozenset({"service"}))
THEIRS = Target(project_id="red", parent_project_id="red")


def test_by_default_administrators_and_services_may_make_container_ports() -> None:
    policy = Policy(CATALOGUE)
    for rule in ("create_port:binding:profile", "update_port:binding:profile"):
        assert policy.rights(ADMIN).allows(rule, THEIRS)
        assert policy.rights(SERVICE).allows(rule, THEIRS)
        assert not policy.rights(MEMBER).allows(rule, THEIRS)
        with pytest.raises(PolicyNotAuthorized, match=f"^rule:{rule} is disallowed by policy$") as refusal:
            policy.rights(MEMBER).require(rule, THEIRS)
        assert (refusal.value.status, refusal.value.kind) == (403, "PolicyNotAuthorized")


def test_an_attribute_without_a_rule_is_everybodys_and_an_action_without_one_a_mistake() -> None:
    rights = Policy(CATALOGUE).rights(MEMBER)
    assert rights.allows("create_port:name", THEIRS)
    rights.require("create_port:fixed_ips:something", THEIRS)
    with pytest.raises(LookupError, match="create_banana"):
        rights.allows("create_banana", THEIRS)


def test_what_may_not_be_seen_is_named() -> None:
    policy = Policy(CATALOGUE, {"get_port:device_id": "rule:owner", "get_network:project_id": "!"})
    shown = ["id", "device_id", "binding:profile", "binding:vif_type"]
    assert policy.rights(ADMIN).hidden("port", shown, THEIRS) == {"device_id"}
    assert policy.rights(MEMBER).hidden("port", shown, THEIRS) == {"binding:profile", "binding:vif_type"}
    others = Target(project_id="blue", parent_project_id="red")
    assert policy.rights(MEMBER).hidden("port", shown, others) == {*shown} - {"id"}
    assert policy.rights(ADMIN).hidden("network", ["tenant_id", "name"], THEIRS) == {"tenant_id"}
    assert Policy(CATALOGUE).rights(ADMIN).hidden("port", shown, THEIRS) == frozenset()


def test_who_is_an_administrator_is_the_policys_to_say() -> None:
    policy = Policy(CATALOGUE, {"context_is_admin": "role:boss"})
    assert not policy.rights(ADMIN).is_admin
    assert policy.rights(Caller(project_id="red", roles=frozenset({"boss"}))).is_admin


def test_an_owner_that_is_missing_is_nobody() -> None:
    nobody = Caller(project_id="", roles=frozenset({"member", "reader"}))
    rights = Policy(CATALOGUE).rights(nobody)
    assert not rights.allows("get_port", Target(project_id=""))
    assert not rights.allows("delete_port", Target(project_id="", parent_project_id=""))


def test_callers_that_no_rule_tells_apart_share_their_rights() -> None:
    ann = Caller(project_id="red", user_id="ann", roles=frozenset({"member"}), request_id="1")
    bob = Caller(project_id="red", user_id="bob", roles=frozenset({"MEMBER"}), request_id="2")
    policy = Policy(CATALOGUE)
    assert policy.rights(ann) is policy.rights(bob)
    by_user = Policy(CATALOGUE, {"delete_port": "user_id:ann"})
    assert by_user.rights(ann).allows("delete_port", THEIRS)
    assert not by_user.rights(bob).allows("delete_port", THEIRS)


def test_however_many_callers_come_few_are_kept() -> None:
    policy = Policy(CATALOGUE)
    for number in range(3 * CALLERS_KEPT):
        policy.rights(Caller(project_id=str(number)))
    assert len(policy._rights) == CALLERS_KEPT
