"""Address groups over HTTP: the bodies of their actions, conditions, filters."""

import pytest

from tests.http import Http

pytestmark = [pytest.mark.api]

PATH = "/v2.0/address-groups"


async def test_the_body_of_an_action_is_bare_and_the_answer_is_the_group(http: Http) -> None:
    group = await http.create("address_group", addresses=["192.0.2.1"])
    one = f"{PATH}/{group['id']}"
    for suffix in ("", ".json"):
        wanted = {"addresses": [f"192.0.2.{len(suffix) + 2}"]}
        added = await http.json(200, "PUT", f"{one}/add_addresses{suffix}", wanted)
        assert await http.json(200, "GET", one) == added
        gone = await http.json(200, "PUT", f"{one}/remove_addresses{suffix}", wanted)
        assert gone["address_group"]["addresses"] == ["192.0.2.1/32"]
    for body in (b"", b"[]", b"{}", b'{"address_group": {"addresses": []}}', b'{"addresses": ["x"]}'):
        for action in ("add_addresses", "remove_addresses"):
            assert (await http("PUT", f"{one}/{action}", body)).status == 400, body
    for method in ("GET", "POST", "DELETE"):
        assert (await http(method, f"{one}/add_addresses")).status == 405
    assert (await http("PUT", f"{one}/tags", {"tags": ["red"]})).status == 404, "Neutron has none either"
    assert await http.json(200, "GET", one) == gone


async def test_an_action_can_depend_on_the_revision(http: Http) -> None:
    group = await http.create("address_group")
    path = f"{PATH}/{group['id']}/add_addresses"
    wanted = {"addresses": ["192.0.2.1"]}
    stale = await http("PUT", path, wanted, If_Match="revision_number=7")
    assert (stale.status, stale.error) == (412, "RevisionNumberConstraintFailed")
    added = await http.json(200, "PUT", path, wanted, If_Match="revision_number=1")
    assert (added["address_group"]["revision_number"], added["address_group"]["addresses"]) == (
        2,
        ["192.0.2.1/32"],
    )


async def test_groups_are_found_by_an_address_and_by_whose_they_are(http: Http) -> None:
    web = await http.create("address_group", name="web", addresses=["192.0.2.1", "2001:db8::/32"])
    db = await http.create("address_group", name="db", addresses=["192.0.2.2"], project_id="other")
    for query, found in (
        ("addresses=2001:db8::/32", [web]),
        ("addresses=192.0.2.1/32&addresses=192.0.2.2/32&sort_key=name&sort_dir=asc", [db, web]),
        ("project_id=other", [db]),
        ("name=web&description=", [web]),
        ("name=nobody", []),
    ):
        assert await http.list("address_group", f"?{query}") == found, query
    assert (await http("GET", f"{PATH}?shared=true")).status == 400, "not shown, so no filter"
    assert (await http("GET", f"{PATH}?sort_key=addresses")).status == 400
