"""Address scopes over HTTP: what all kinds have, for one without tags, description and revisions."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.http import Http

pytestmark = [pytest.mark.api]

PATH = "/v2.0/address-scopes"


@pytest.fixture
async def scopes(http: Http) -> AsyncIterator[list[dict[str, Any]]]:
    """Five, made by one request; whatever is there afterwards is deleted."""
    wanted = [{"name": f"s{number}", "ip_version": 6 if number % 2 else 4} for number in range(5)]
    made = await http.json(201, "POST", PATH, {"address_scopes": wanted})
    yield made["address_scopes"]
    for each in (await http.json(200, "GET", PATH))["address_scopes"]:
        await http.json(204, "DELETE", f"{PATH}/{each['id']}")


async def test_one_is_shown_changed_and_deleted(http: Http, scopes: list[dict[str, Any]]) -> None:
    first = scopes[0]
    for suffix in ("", ".json"):
        path = f"{PATH}/{first['id']}{suffix}"
        assert await http.json(200, "GET", path) == {"address_scope": first}
        changed = await http.json(200, "PUT", path, {"address_scope": {"name": f"new{suffix}"}})
        assert changed == {"address_scope": {**first, "name": f"new{suffix}"}}
        first = changed["address_scope"]
    assert await http.json(204, "DELETE", path) is None
    gone = await http("GET", path)
    assert (gone.status, gone.error) == (404, "AddressScopeNotFound")


async def test_lists_are_filtered_sorted_and_paged(http: Http, scopes: list[dict[str, Any]]) -> None:
    async def names(query: str) -> list[str]:
        listed = await http.json(200, "GET", f"{PATH}?{query}")
        return [each["name"] for each in listed["address_scopes"]]

    assert await names("sort_key=name&sort_dir=asc&ip_version=6") == ["s1", "s3"]
    assert await names("sort_key=ip_version&sort_dir=desc&sort_key=name&sort_dir=asc") == [
        *("s1", "s3"),
        *("s0", "s2", "s4"),
    ]
    assert await names("sort_key=name&sort_dir=asc&shared=true") == []
    assert await names(f"id={scopes[2]['id']}") == ["s2"]
    assert await names(f"sort_key=name&sort_dir=asc&limit=2&marker={scopes[1]['id']}") == ["s2", "s3"]
    page = await http.json(200, "GET", f"{PATH}?sort_key=name&sort_dir=asc&limit=2&fields=name")
    assert page["address_scopes"] == [{"name": "s0"}, {"name": "s1"}]
    assert [link["rel"] for link in page["address_scopes_links"]] == ["next", "previous"]
    unknown = await http("GET", f"{PATH}?description=x")
    assert unknown.status == 400


async def test_what_it_has_not_is_refused(http: Http, scopes: list[dict[str, Any]]) -> None:
    path = f"{PATH}/{scopes[0]['id']}"
    assert (await http("GET", f"{path}/tags")).status == 404
    assert (await http("PUT", f"{path}/tags/red")).status == 404
    for method, body in (("PUT", {"address_scope": {"name": "x"}}), ("DELETE", None)):
        conditional = await http(method, path, body, If_Match="revision_number=1")
        assert conditional.status == 400
        assert "address scopes have no revision_number" in conditional.message
    assert await http.json(200, "GET", path) == {"address_scope": scopes[0]}


async def test_it_is_named_by_what_the_api_says_about_itself(http: Http) -> None:
    extension = (await http.json(200, "GET", "/v2.0/extensions/address-scope"))["extension"]
    assert (extension["name"], extension["updated"]) == ("Address scope", "2015-07-26T10:00:00-00:00")
    listed = await http.json(200, "GET", "/v2.0")
    hrefs = {each["collection"]: each["links"][0]["href"] for each in listed["resources"]}
    assert hrefs["address_scopes"].endswith(PATH)
