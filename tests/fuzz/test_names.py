"""Text of every kind that OVSDB can hold comes back as it was sent, by the API and by `ovn-nbctl`."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from tests.fuzz.conftest import Target, attacked
from tests.kinds import STANDARD, path_of
from tests.ovsdb.servers import run

pytestmark = [pytest.mark.fuzz, pytest.mark.asyncio(loop_scope="module")]

WEIRD = (
    "",
    " ",
    "a\tb\nc\rd",
    "'; DROP TABLE ports; --",
    "\"quoted\" \\back\\ 'single'",
    "${HOME} $(id) `id` %s %n {0} {{7*7}}",
    "</script><script>alert(1)</script>",
    "\x01\x1b[31mred\x1b[0m\x7f\x80\x9f",
    "\u00e9 as one, e\u0301 as two",
    "\u202eright to left\u202c \u2066isolated\u2069",
    "zero\u200bwidth\u200djoiner\ufeff",
    "line\u2028and paragraph\u2029",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "\U0010ffff\ufffe\uffff\U0001fffe",
    "\ufffd",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349",
    "\u0130\u0131\u1e9e\u00df",
    "neutron:name",
    "null",
    "[]",
    "=",
    ",",
    "\U0001f600" * 255,
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def target(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    async with attacked(tmp_path_factory.mktemp("names")) as target:
        yield target


@pytest.mark.parametrize("kind", [resource.singular for resource in STANDARD])
@pytest.mark.parametrize("text", WEIRD, ids=lambda text: ascii(text[:12]))
async def test_a_name_is_kept_shown_and_found(target: Target, kind: str, text: str) -> None:
    http = target.http
    network = await http.create("network", name=text, description=text)
    asked: dict[str, Any] = {"network_id": network["id"], "name": text, "description": text}
    if kind == "network":
        made = network
    elif kind == "subnet":
        made = await http.create("subnet", **asked, ip_version=4, cidr="192.0.2.0/24")
    elif kind == "port":
        made = await http.create("port", **asked, device_id=text)
        assert made["device_id"] == text
    else:
        made = await http.create(kind, name=text, description=text)
    assert (made["name"], made["description"]) == (text, text)
    path = path_of(kind, made["id"])
    shown = await http.json(200, "GET", path)
    assert shown[kind] == made
    found = await http.json(200, "GET", f"{path_of(kind)}?name={quote(text)}")
    assert made in found[f"{kind}s"]
    changed = await http.json(200, "PUT", path, {kind: {"name": f"{text[:200]}!"}})
    assert changed[kind]["name"] == f"{text[:200]}!"


@pytest.mark.parametrize("text", [text for text in WEIRD if text], ids=lambda text: ascii(text[:12]))
async def test_keys_and_values_of_a_profile_are_kept(target: Target, text: str) -> None:
    network = await target.http.create("network")
    profile = {text[:200]: [text, {text[:200]: None}]}
    port = await target.http.create("port", network_id=network["id"], binding__profile=profile)
    assert port["binding:profile"] == profile
    shown = await target.http.json(200, "GET", f"/v2.0/ports/{port['id']}")
    assert shown["port"]["binding:profile"] == profile


async def test_ovn_nbctl_reads_the_same_names(target: Target) -> None:
    network = await target.http.create("network")
    for text in WEIRD:
        port = await target.http.create("port", network_id=network["id"], name=text)
        said = await run(
            *(
                "ovn-nbctl",
                "--no-leader-only",
                f"--db={target.northbound}",
                "--format=json",
                "--columns=external_ids",
            ),
            *("list", "Logical_Switch_Port", port["id"]),
        )
        ids = dict(json.loads(said)["data"][0][0][1])
        assert ids["neutron:port_name"] == text


async def test_tags_of_all_kinds_are_kept_and_found(target: Target) -> None:
    tags = sorted({text[:60] for text in WEIRD if text and "/" not in text and "," not in text})
    network = await target.http.create("network")
    path = f"/v2.0/networks/{network['id']}"
    put = await target.http.json(200, "PUT", f"{path}/tags", {"tags": tags})
    assert put["tags"] == tags
    for tag in tags:
        answer = await target.http("GET", f"{path}/tags/{quote(tag, safe='')}")
        assert answer.status == 204, f"{tag!r}: {answer}"
        found = await target.http.json(200, "GET", f"/v2.0/networks?tags={quote(tag)}")
        assert [each["id"] for each in found["networks"]] == [network["id"]]
        assert (await target.http("DELETE", f"{path}/tags/{quote(tag, safe='')}")).status == 204
    assert (await target.http.json(200, "GET", path))["network"]["tags"] == []


async def test_options_that_dhcp_hands_out_may_be_any_text(target: Target) -> None:
    network = await target.http.create("network")
    await target.http.create("subnet", network_id=network["id"], ip_version=4, cidr="192.0.2.0/24")
    lines = [text for text in WEIRD if text and "\n" not in text and "\r" not in text]
    for text in lines:
        option = {"opt_name": "domain-name", "opt_value": text[:255]}
        port = await target.http.create("port", network_id=network["id"], extra_dhcp_opts=[option])
        assert port["extra_dhcp_opts"] == [{**option, "ip_version": 4}]
