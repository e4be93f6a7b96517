"""What clients really send, brought into the Structs' types or refused in Neutron's words."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from ovnest.errors import Refusal
from ovnest.errors.fields import HTTPBadRequest, InvalidField
from ovnest.resources import fields
from ovnest.resources.fields import Coercion, Coercions, to_struct
from ovnest.resources.network import CREATE_NETWORK, CreateNetwork
from ovnest.resources.port import CREATE_PORT, CreatePort
from ovnest.resources.resource import Resource
from tests.kinds import RESOURCES
from tests.resources.strategies import json_values


@pytest.mark.parametrize(
    ("coerce", "good", "bad"),
    [
        (
            fields.boolean,
            [(True, True), (False, False), ("True", True), ("false", False), ("1", True), (0, False)],
            [None, "yes", 2, "", [], 1.0],
        ),
        (fields.integer, [(5, 5), ("5", 5), ("-5", -5), ("007", 7)], [True, 5.0, "5.0", "", "x", None, " 5"]),
        (fields.text, [("x", "x"), ("", "")], [None, 5, [], {}]),
        (fields.text_or_empty, [("x", "x"), (None, "")], [5]),
        (
            fields.uuid,
            [("0A000000-0000-4000-8000-00000000000B", "0a000000-0000-4000-8000-00000000000b")],
            [None, "", "x", "0a00000000004000800000000000000b", 5],
        ),
        (
            fields.ip_address,
            [("192.0.2.1", "192.0.2.1"), ("2001:DB8::0:1", "2001:db8::1")],
            ["192.0.2.01", "192.0.2.1/24", "fe80::1%eth0", 5, None, "", "192.0.2"],
        ),
        (
            fields.ip_network,
            [("192.0.2.7/24", "192.0.2.0/24"), ("2001:DB8::1/64", "2001:db8::/64")],
            ["192.0.2.0", "192.0.2.0/255.255.255.0", "192.0.2.0/0.0.0.255", "x/24", "192.0.2.0/33", None],
        ),
        (fields.ip_version, [(4, 4), ("6", 6)], [5, "5", True, None]),
        (
            fields.ip_or_network,
            [("192.0.2.1/32", "192.0.2.1"), ("192.0.2.9/24", "192.0.2.0/24"), ("2001:DB8::1", "2001:db8::1")],
            ["x", None, "192.0.2.1/"],
        ),
        (fields.ip_or_network_text, [("192.0.2.1/32", "192.0.2.1/32")], ["224.0.0.1", "ff02::1", "x"]),
        (fields.unicast(fields.mac_address), [("FA163E000001", "fa:16:3e:00:00:01")], ["01:00:5e:00:00:01"]),
        (fields.one_line(fields.text), [("a b", "a b")], ["a\nb", "a\rb"]),
        (fields.without(", ", fields.text), [("ab", "ab")], ["", "a,b", "a b"]),
        (fields.limited(2), [("ab", "ab")], ["abc", None]),
        (fields.choice("a", "b"), [("a", "a")], ["c", None, 5, ["a"]]),
        (fields.whole_number(1, 3), [("3", 3), (1, 1)], [0, 4, "x"]),
        (
            fields.listed(fields.integer, most=2),
            [([], []), (None, []), (["1", 2], [1, 2])],
            ["x", {}, [1, 2, 3], ["x"]],
        ),
        (fields.distinct(fields.listed(fields.integer)), [([1, 2], [1, 2])], [[1, "1"]]),
        (
            fields.mapping(a=fields.integer),
            [({}, {}), ({"a": "1"}, {"a": 1})],
            [{"b": 1}, [], None, {"a": "x"}],
        ),
        (fields.required("a", of=fields.mapping(a=fields.integer)), [({"a": 1}, {"a": 1})], [{}]),
        (fields.optional(fields.integer), [(None, None), ("1", 1)], ["x"]),
        (
            fields.resource_tags,
            [([], []), (["b", "a", "b"], ["a", "b"]), (None, [])],
            [[""], ["a/b"], ["a,b"], ["x" * 256], [str(n) for n in range(51)], "a", [5]],
        ),
    ],
)  # fmt: skip
def test_coercions(coerce: Coercion, good: list[tuple[Any, Any]], bad: list[Any]) -> None:
    for sent, wanted in good:
        assert coerce(sent) == wanted
        assert type(coerce(sent)) is type(wanted)
        assert coerce(coerce(sent)) == wanted
    for sent in bad:
        with pytest.raises(ValueError, match=r"\w"):
            coerce(sent)


@given(st.ip_addresses(), st.integers(0, 32))
def test_networks_lose_their_host_bits(address: Any, length: int) -> None:
    cidr = f"{address}/{length}"
    assert fields.ip_network(cidr) == str(ipaddress.ip_network(cidr, strict=False))


def requests(resource: Resource) -> list[tuple[type[Struct], Coercions]]:
    """What clients may send of a resource, and its coercions."""
    both = (
        (resource.create, resource.create_coercions),
        (resource.update, resource.update_coercions),
    )
    return [(struct, coercions) for struct, coercions in both if struct is not None]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.plural)
@given(body=st.data())
def test_whatever_a_client_sends_is_taken_or_refused(resource: Resource, body: st.DataObject) -> None:
    for struct, coercions in requests(resource):
        names = st.sampled_from(sorted(coercions)) | st.text(max_size=5)
        sent = body.draw(st.dictionaries(names, json_values, max_size=4))
        refusal = refusal_of(sent, struct, coercions)
        assert refusal is None or refusal.status == 400


def refusal_of(sent: dict[str, Any], struct: type[Struct], coercions: Coercions) -> Refusal | None:
    """How it is refused; None if it is taken. Anything else that is raised is a fault."""
    try:
        to_struct(sent, struct, coercions)
    except Refusal as refusal:
        return refusal
    return None


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.plural)
def test_every_attribute_that_may_be_sent_has_a_coercion_and_the_other_way_round(resource: Resource) -> None:
    for struct, coercions in requests(resource):
        assert {*struct.__struct_encode_fields__} | {"tenant_id"} == {*coercions} | {"tenant_id"}


def test_what_is_wrong_is_said_with_its_field() -> None:
    with pytest.raises(InvalidField, match=r"Invalid input for mtu\. Reason: 'x' is not an integer\."):
        to_struct({"mtu": "x"}, CreateNetwork, CREATE_NETWORK)
    with pytest.raises(HTTPBadRequest, match=r"Unrecognized attribute\(s\) 'a', 'b'"):
        to_struct({"b": 1, "a": 2}, CreateNetwork, CREATE_NETWORK)
    with pytest.raises(HTTPBadRequest, match="Required attribute 'network_id' not specified"):
        to_struct({}, CreatePort, CREATE_PORT)


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.plural)
def test_what_is_shown_but_not_taken_is_refused_in_neutrons_words(resource: Resource) -> None:
    shown = {*resource.body.__struct_encode_fields__}
    if resource.create is not None:
        for name in shown - {*resource.create_coercions}:
            with pytest.raises(HTTPBadRequest, match=f"^Attribute '{name}' not allowed in POST$"):
                resource.wanted({name: "x"})
    if resource.update is not None:
        for name in shown - {*resource.update_coercions}:
            with pytest.raises(HTTPBadRequest, match=f"^Cannot update read-only attribute {name}$"):
                resource.changes({name: "x"})
        with pytest.raises(HTTPBadRequest, match=r"^Unrecognized attribute\(s\) 'spam'$"):
            resource.changes({"id": "x", "spam": 1})


def test_tenant_id_is_project_ids_older_name() -> None:
    assert to_struct({"tenant_id": "a"}, CreateNetwork, CREATE_NETWORK).project_id == "a"
    both = {"tenant_id": "a", "project_id": "a"}
    assert to_struct(both, CreateNetwork, CREATE_NETWORK).project_id == "a"
    with pytest.raises(HTTPBadRequest, match="do not match"):
        to_struct({"tenant_id": "a", "project_id": "b"}, CreateNetwork, CREATE_NETWORK)
