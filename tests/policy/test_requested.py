import pytest
from msgspec import UNSET, Struct

from ovnest.operations import CATALOGUE
from ovnest.policy import rules_for_create, rules_for_update


class Wanted(Struct):
    subnet_id: str | None = None
    ip_address: str | None = None


def test_each_attribute_that_is_set_has_a_rule_and_each_part_of_a_list() -> None:
    rules = rules_for_create(
        "port",
        {
            "network_id": "n",
            "fixed_ips": [{"subnet_id": "s"}, {"subnet_id": "s", "ip_address": "192.0.2.9"}],
            "binding:profile": {"parent_name": "p", "tag": 42},
        },
        CATALOGUE.defaults["port"],
    )
    assert rules == [
        "create_port",
        "create_port:network_id",
        "create_port:fixed_ips",
        "create_port:fixed_ips:subnet_id",
        "create_port:fixed_ips:ip_address",
        "create_port:binding:profile",
    ]


def test_parts_of_structs_count_only_where_they_are_given() -> None:
    wanted = (Wanted(subnet_id="s"), Wanted(subnet_id="t"))
    assert rules_for_update("port", {"fixed_ips": wanted}) == [
        "update_port",
        "update_port:fixed_ips",
        "update_port:fixed_ips:subnet_id",
    ]


@pytest.mark.parametrize("resource", CATALOGUE.defaults)
def test_on_create_a_default_counts_as_not_given_on_update_everything_counts(resource: str) -> None:
    attributes = dict(CATALOGUE.defaults[resource])
    assert rules_for_create(resource, attributes, CATALOGUE.defaults[resource]) == [f"create_{resource}"]
    assert len(rules_for_update(resource, attributes)) == 1 + len(attributes)
    other = {name: not value if isinstance(value, bool) else "x" for name, value in attributes.items()}
    assert rules_for_create(resource, other, CATALOGUE.defaults[resource]) == [f"create_{resource}"] + [
        f"create_{resource}:{name}" for name in other
    ]


def test_an_empty_profile_is_asked_about_too() -> None:
    assert "create_port:binding:profile" in rules_for_create("port", {"binding:profile": {}}, {})
    assert "update_port:binding:profile" in rules_for_update("port", {"binding:profile": None})


def test_an_attribute_with_a_default_has_a_rule() -> None:
    for resource, defaults in CATALOGUE.defaults.items():
        for name in defaults:
            assert f"create_{resource}:{name}" in CATALOGUE.rules


def test_unset_parts_are_not_given() -> None:
    class Loose(Struct):
        ip_address: object = UNSET

    assert rules_for_update("port", {"fixed_ips": [Loose()]}) == ["update_port", "update_port:fixed_ips"]
