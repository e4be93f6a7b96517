"""Networks, subnets and ports over HTTP, with `ovnest serve` and a real Northbound behind it."""

import asyncio
from typing import Any
from urllib.parse import quote

import pytest
from msgspec import UNSET
from msgspec.structs import fields

from ovnest.resources.resource import Resource
from tests.http import Http
from tests.kinds import BY_NAME, STANDARD, TAGGED, not_found, path_of
from tests.northbound_server import Northbound

pytestmark = [pytest.mark.api]

ABSENT = "00000000-0000-4000-8000-000000000000"
each_resource = pytest.mark.parametrize("resource", STANDARD, ids=lambda resource: resource.singular)
each_tagged = pytest.mark.parametrize("resource", TAGGED, ids=lambda resource: resource.singular)
each_suffix = pytest.mark.parametrize("suffix", ["", ".json"])


async def wanted(http: Http, kind: str, count: int = 1) -> list[dict[str, Any]]:
    """What makes so many of a kind."""
    if BY_NAME[kind].resource.parent is None:
        return [{"name": f"n{number}"} for number in range(count)]
    network = await http.create("network", name="around")
    common = {"network_id": network["id"]}
    if kind == "port":
        return [{**common, "name": f"n{number}"} for number in range(count)]
    return [
        {**common, "name": f"n{number}", "ip_version": 4, "cidr": f"10.0.{number}.0/24"}
        for number in range(count)
    ]


async def made(http: Http, kind: str) -> dict[str, Any]:
    return await http.create(kind, **(await wanted(http, kind))[0])


@each_resource
@each_suffix
async def test_it_is_created_shown_listed_changed_and_deleted(
    http: Http, resource: Resource, suffix: str
) -> None:
    one, many = resource.singular, resource.plural
    (asked,) = await wanted(http, one)
    created = await http.json(201, "POST", f"{path_of(one)}{suffix}", {one: asked})
    path = f"{path_of(one, created[one]['id'])}{suffix}"

    assert created.keys() == {one}
    assert created[one].keys() == {f.encode_name for f in fields(resource.body) if f.default is not UNSET}
    assert {name: created[one][name] for name in asked} == asked
    assert created[one]["revision_number"] == 1
    assert await http.json(200, "GET", path) == created
    assert created[one] in (await http.json(200, "GET", f"{path_of(one)}{suffix}"))[many]

    changed = await http.json(200, "PUT", path, {one: {"name": "other", "description": "changed"}})
    unlike = {name for name in created[one] if changed[one][name] != created[one][name]}
    assert unlike - {"updated_at"} == {"name", "description", "revision_number"}
    assert await http.json(200, "GET", path) == changed

    assert await http.json(204, "DELETE", path) is None
    for method, body in (("GET", None), ("PUT", {one: {"name": "x"}}), ("DELETE", None)):
        gone = await http(method, path, body)
        assert (gone.status, gone.error) == (404, not_found(resource))
        assert created[one]["id"] in gone.message
    assert (await http.json(200, "GET", f"{path_of(one)}{suffix}?id={created[one]['id']}"))[many] == []


@each_resource
@each_suffix
async def test_several_are_made_by_one_request_in_their_order(
    http: Http, resource: Resource, suffix: str
) -> None:
    one, many = resource.singular, resource.plural
    asked = await wanted(http, one, 5)
    created = await http.json(201, "POST", f"{path_of(one)}{suffix}", {many: asked})
    assert created.keys() == {many}
    assert [each["name"] for each in created[many]] == [f"n{number}" for number in range(5)]
    listed = await http.list(
        one, "?sort_key=name&sort_dir=asc&name=" + "&name=".join(f"n{n}" for n in range(5))
    )
    assert listed == created[many]


@each_resource
async def test_if_one_of_several_is_refused_none_is_made(http: Http, resource: Resource) -> None:
    one, many = resource.singular, resource.plural
    asked = await wanted(http, one, 3)
    before = await http.list(one)
    refused = await http("POST", path_of(one), {many: [*asked, {**asked[0], "description": 5}]})
    assert refused.status == 400
    assert await http.list(one) == before


@each_resource
async def test_fields_are_chosen_for_lists_and_single_ones(http: Http, resource: Resource) -> None:
    one, many = resource.singular, resource.plural
    body = await made(http, one)
    chosen = {name: body[name] for name in ("id", "name")}
    for query in ("fields=id&fields=name", "fields=name&fields=id&fields=spam"):
        assert await http.json(200, "GET", f"{path_of(one, body['id'])}?{query}") == {one: chosen}
        assert chosen in (await http.json(200, "GET", f"{path_of(one)}?{query}"))[many]


@each_resource
async def test_every_attribute_with_a_plain_value_is_a_filter(http: Http, resource: Resource) -> None:
    one, many = resource.singular, resource.plural
    body = await made(http, one)
    for name, value in body.items():
        if isinstance(value, str | int | bool) and value != "":
            text = quote(str(value).lower() if isinstance(value, bool) else str(value))
            found = await http.json(200, "GET", f"{path_of(one)}?{quote(name)}={text}&id={body['id']}")
            assert found[many] == [body], name


@each_resource
async def test_it_is_sorted_by_several_keys_and_paged(http: Http, resource: Resource) -> None:
    one, many = resource.singular, resource.plural
    asked = await wanted(http, one, 6)
    for number, each in enumerate(asked):
        each["description"] = f"d{number % 2}"
    await http.json(201, "POST", path_of(one), {many: asked})
    names = "&".join(f"name=n{number}" for number in range(6))
    order = "sort_key=description&sort_dir=desc&sort_key=name&sort_dir=asc"
    expected = ["n1", "n3", "n5", "n0", "n2", "n4"]
    listed = await http.list(one, f"?{names}&{order}")
    assert [each["name"] for each in listed] == expected

    seen: list[str] = []
    marker = ""
    while True:
        page = await http.json(200, "GET", f"{path_of(one)}?{names}&{order}&limit=4{marker}")
        seen += [each["name"] for each in page[many]]
        if not any(link["rel"] == "next" for link in page[f"{many}_links"]):
            break
        marker = f"&marker={page[many][-1]['id']}"
    assert seen == expected
    back = await http.json(200, "GET", f"{path_of(one)}?{names}&{order}&limit=2&page_reverse=True{marker}")
    assert [each["name"] for each in back[many]] == ["n3", "n5"], (
        "the two before the marker, in the same order"
    )


@each_resource
async def test_a_change_can_depend_on_the_revision(http: Http, resource: Resource) -> None:
    one = resource.singular
    body = await made(http, one)
    path = path_of(one, body["id"])
    stale = await http("PUT", path, {one: {"name": "x"}}, If_Match="revision_number=7")
    assert (stale.status, stale.error) == (412, "RevisionNumberConstraintFailed")
    assert (await http("DELETE", path, None, If_Match="revision_number=7")).status == 412
    assert await http.json(200, "GET", path) == {one: body}
    changed = await http.json(200, "PUT", path, {one: {"name": "x"}}, If_Match="revision_number=1")
    assert changed[one]["revision_number"] == 2
    same = await http.json(200, "PUT", path, {one: {"name": "x"}}, If_Match="revision_number=2")
    assert same == changed, "what changes nothing is no new revision"
    assert (await http("DELETE", path, None, If_Match="revision_number=2")).status == 204


@each_tagged
async def test_tags_are_replaced_added_asked_for_and_removed(http: Http, resource: Resource) -> None:
    one = resource.singular
    body = await made(http, one)
    path = path_of(one, body["id"])
    assert await http.json(200, "GET", f"{path}/tags") == {"tags": []}
    assert await http.json(200, "PUT", f"{path}/tags", {"tags": ["b", "a", "b"]}) == {"tags": ["a", "b"]}
    assert (await http("PUT", f"{path}/tags/c")).status == 201
    assert (await http("PUT", f"{path}/tags/c")).status == 201
    assert (await http("GET", f"{path}/tags/c")).status == 204
    shown = await http.json(200, "GET", path)
    assert shown[one]["tags"] == ["a", "b", "c"]
    assert shown[one]["revision_number"] == 3, "each change of tags is a revision, and no change is none"
    assert (await http("DELETE", f"{path}/tags/a")).status == 204
    for method in ("GET", "DELETE"):
        gone = await http(method, f"{path}/tags/a")
        assert (gone.status, gone.error) == (404, "TagNotFound")
    assert await http.json(200, "GET", f"{path}/tags") == {"tags": ["b", "c"]}
    assert (await http("DELETE", f"{path}/tags")).status == 204
    assert await http.json(200, "GET", f"{path}/tags") == {"tags": []}
    nowhere = f"{path_of(one, ABSENT)}/tags"
    for method, below, asked in (
        ("GET", "", None),
        ("PUT", "", {"tags": []}),
        ("PUT", "/x", None),
        ("DELETE", "", None),
    ):
        answer = await http(method, nowhere + below, asked)
        assert (answer.status, answer.error) == (404, not_found(resource)), method


async def test_things_are_found_by_their_tags(http: Http) -> None:
    for name, tags in (("none", []), ("red", ["red"]), ("both", ["blue", "red"])):
        network = await http.create("network", name=name)
        await http.json(200, "PUT", f"/v2.0/networks/{network['id']}/tags", {"tags": tags})
    for query, names in (
        ("tags=red", ["both", "red"]),
        ("tags=red,blue", ["both"]),
        ("tags-any=red,blue", ["both", "red"]),
        ("not-tags=red,blue", ["none", "red"]),
        ("not-tags-any=red,blue", ["none"]),
    ):
        assert sorted(each["name"] for each in await http.list("network", f"?{query}")) == names, query


@each_resource
async def test_what_refers_to_nothing_is_404_that_names_it(http: Http, resource: Resource) -> None:
    one, parent = resource.singular, resource.parent
    if parent is None:
        answer = await http("PUT", path_of(one, ABSENT), {one: {"name": "x"}})
        missing = resource
    else:
        (asked,) = await wanted(http, one)
        answer = await http("POST", path_of(one), {one: {**asked, parent.attribute: ABSENT}})
        missing = parent.resource
    assert (answer.status, answer.error) == (404, not_found(missing))
    assert ABSENT in answer.message


async def test_what_clashes_is_409_that_names_the_holder_and_changes_nothing(http: Http) -> None:
    network = await http.create("network")
    subnet = await http.create("subnet", network_id=network["id"], ip_version=4, cidr="192.0.2.0/24")
    address = [{"ip_address": "192.0.2.9"}]
    port = await http.create("port", network_id=network["id"], fixed_ips=address)
    child = await http.create(
        "port", network_id=network["id"], binding__profile={"parent_name": port["id"], "tag": 5}
    )
    before = await http.list("port")

    def another(**attributes: Any) -> dict[str, Any]:
        return {"port": {"network_id": network["id"], **attributes}}

    mac = port["mac_address"]
    profile = {"binding:profile": {"parent_name": port["id"], "tag": 5}}
    clashes: list[tuple[str, str, Any, str, str]] = [
        ("POST", "/v2.0/ports", another(fixed_ips=address), "IpAddressAlreadyAllocated", "192.0.2.9"),
        ("POST", "/v2.0/ports", another(mac_address=mac), "MacAddressInUse", mac),
        ("POST", "/v2.0/ports", another(**profile), "TagInUse", child["id"]),
        ("DELETE", f"/v2.0/networks/{network['id']}", None, "NetworkInUse", port["id"]),
        ("DELETE", f"/v2.0/subnets/{subnet['id']}", None, "SubnetInUse", subnet["id"]),
        ("DELETE", f"/v2.0/ports/{port['id']}", None, "ParentHasContainerPorts", child["id"]),
    ]
    for method, path, body, kind, named in clashes:
        answer = await http(method, path, body)
        assert (answer.status, answer.error) == (409, kind)
        assert named in answer.message
    assert await http.list("port") == before
    assert (await http("DELETE", f"/v2.0/ports/{port['id']}?cascade=true")).status == 204
    assert await http.list("port") == []


async def test_a_container_port_over_http_is_what_ovn_nbctl_says(http: Http, northbound: Northbound) -> None:
    network = await http.create("network")
    vm = await http.create("port", network_id=network["id"], name="vm")
    web = await http.create(
        "port", network_id=network["id"], binding__profile={"parent_name": vm["id"], "tag": 42}
    )
    assert northbound.nbctl("lsp-get-parent", web["id"]) == vm["id"]
    assert northbound.nbctl("lsp-get-tag", web["id"]) == "42"
    free = await http.create("port", network_id=network["id"], binding__profile={"parent_name": vm["id"]})
    assert northbound.nbctl("lsp-get-tag", free["id"]) == str(free["binding:profile"]["tag"])
    path = f"/v2.0/ports/{web['id']}"
    text = await http.json(
        200, "PUT", path, {"port": {"binding:profile": {"parent_name": vm["id"], "tag": "43"}}}
    )
    assert text["port"]["binding:profile"] == {"parent_name": vm["id"], "tag": 43}
    assert northbound.nbctl("lsp-get-tag", web["id"]) == "43"
    cleared = await http.json(200, "PUT", path, {"port": {"binding:profile": {}}})
    assert cleared["port"]["binding:profile"] == {}
    assert northbound.nbctl("lsp-get-parent", web["id"]) == ""
    assert northbound.nbctl("lsp-get-tag", web["id"]) == ""


async def test_each_answer_has_a_request_id_of_its_own(http: Http) -> None:
    network = await http.create("network")
    path = f"/v2.0/networks/{network['id']}"
    answers = [
        await http("GET", path),
        await http("GET", path, None, X_Openstack_Request_Id="req-mine"),
        await http("PUT", path, {"network": {"name": "x"}}),
        await http("GET", "/nowhere"),
        await http("GET", "/healthz"),
        await http("PATCH", path),
        await http("DELETE", path),
    ]
    ids = [answer.headers["x-openstack-request-id"] for answer in answers]
    assert len(set(ids)) == len(ids)
    assert all(each.startswith("req-") and len(each) == 40 for each in ids)


async def test_many_clients_at_once_are_all_served_rightly(http: Http) -> None:
    network = await http.create("network")
    await http.create("subnet", network_id=network["id"], ip_version=4, cidr="10.0.0.0/22")
    vm = await http.create("port", network_id=network["id"])

    async def one(number: int) -> dict[str, Any]:
        profile = {"parent_name": vm["id"]} if number % 2 else {}
        return await http.create(
            "port", network_id=network["id"], name=f"p{number}", binding__profile=profile
        )

    ports = [vm, *await asyncio.gather(*(one(number) for number in range(200)))]
    assert len({fixed["ip_address"] for port in ports for fixed in port["fixed_ips"]}) == 201
    assert len({port["mac_address"] for port in ports}) == 201
    tags = [port["binding:profile"]["tag"] for port in ports if port["binding:profile"]]
    assert len(tags) == len(set(tags)) == 100
    assert {port["id"] for port in await http.list("port")} == {port["id"] for port in ports}


async def test_headers_that_say_who_asks_say_nothing_unless_they_are_trusted(http: Http) -> None:
    as_nobody = http.with_headers(X_Project_Id="red", X_Roles="reader", X_Identity_Status="Invalid")
    network = await as_nobody.create("network")
    assert network["project_id"] == "default", "everybody is the administrator of the one project"
    assert await http.list("network") == [network]
