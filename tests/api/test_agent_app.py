"""Agents over real TLS, with two servers on one real Northbound: from code to end."""

import asyncio
import json
import time
from typing import Any

import pytest

from ovnest.caller import Agent
from ovnest.identity.agent_token import issue_code, issue_credential
from ovnest.identity.key_ring import KeyRing, new_key, read_ring
from ovnest.northbound.names import document_uuid
from ovnest.sandbox.until import until
from tests.agent_side import AgentSide, certificate
from tests.agent_site import Site, refused
from tests.identity.test_agent_token import payload_of

pytestmark = [pytest.mark.api, pytest.mark.asyncio(loop_scope="module")]
ABSENT = "00000000-0000-4000-8000-000000000000"


# Enrolling


async def test_a_code_makes_an_agent_that_makes_ports_under_its_parent(site: Site, lan: str, vm: str) -> None:
    answer = await site.side.enroll(await site.code(vm, ports_max=7))
    assert answer.status == 201
    told = answer.body
    assert (told["mode"], told["subject"], told["generation"]) == ("nested", vm, 1)
    assert (told["networks"], told["ports_max"], told["conflict_at"]) == ([lan], 7, None)
    agent = site.side.holding(told["credential"])
    port = await agent.create_port(lan, name="web", device_owner="container:docker")
    assert port["binding:profile"] == {"parent_name": vm, "tag": 1}
    assert port["project_id"] == "default"
    assert port["port_security_enabled"] is True
    assert (await site.api.show("port", port["id"]))["binding:profile"] == port["binding:profile"]
    assert [each["id"] for each in (await agent.must(200, "GET", "/v2.0/ports"))["ports"]] == [port["id"]]
    await agent.must(204, "DELETE", f"/v2.0/ports/{port['id']}")
    assert (await site.api.ask("GET", f"/v2.0/ports/{port['id']}")).status == 404


async def test_a_code_is_good_once_at_whichever_server(site: Site, vm: str) -> None:
    code = await site.code(vm)
    assert (await site.side.enroll(code)).status == 201
    for side in (site.side, site.other_side):
        assert "has been used" in refused(await side.enroll(code), 401, "CodeRefused")


async def test_of_many_who_use_one_code_at_once_one_succeeds(site: Site, vm: str) -> None:
    code = await site.code(vm)
    sides = [site.side, site.other_side] * 8
    answers = await asyncio.gather(*(side.enroll(code, f"n{at}") for at, side in enumerate(sides)))
    assert sorted(answer.status for answer in answers) == [201] + [401] * 15


async def test_a_lost_answer_to_an_enrolment_is_given_again_to_the_same_agent_only(
    site: Site, vm: str
) -> None:
    code = await site.code(vm)
    first = await site.side.enroll(code, "nonce-1")
    again = await site.other_side.enroll(code, "nonce-1")
    assert (again.status, again.body) == (201, first.body)
    refused(await site.side.enroll(code, "nonce-2"), 401, "CodeRefused")
    refused(await site.side.enroll(code), 401, "CodeRefused")
    renewed = await site.side.holding(first.body["credential"]).renew("r1")
    assert renewed.status == 200
    refused(await site.side.enroll(code, "nonce-1"), 401, "CodeRefused")


async def test_a_newer_code_ends_the_one_before_and_the_agent_goes_on_until_it_is_used(
    site: Site, vm: str, agent: AgentSide
) -> None:
    old = await site.code(vm)
    new = await site.code(vm)
    assert "newer one" in refused(await site.side.enroll(old), 401, "CodeRefused")
    await agent.must(200, "GET", "/v2.0/ports")
    await site.side.enrolled(new)
    assert "revoked" in refused(await agent("GET", "/v2.0/ports"), 401, "CredentialRefused")


async def test_an_expired_code_and_an_expired_credential_are_refused(site: Site, vm: str) -> None:
    code = await site.new_code(parent=vm)
    grant = await grant_of(site, vm)
    ring = read_ring(site.ring)
    late = Agent(mode="nested", subject=vm, grant=grant["code"], expires=int(time.time()) - 1)
    told = await site.side.enroll(issue_code(ring, late, url="https://192.0.2.1", ca=""))
    assert "has expired" in refused(told, 401, "CodeRefused")
    assert (await site.side.enroll(code["code"], "n1")).status == 201
    again = await site.side.enroll(issue_code(ring, late, url="https://192.0.2.1", ca=""), "n1")
    assert "has expired" in refused(again, 401, "CodeRefused")
    old = Agent(mode="nested", subject=vm, grant=grant["code"], generation=1, expires=int(time.time()) - 1)
    told = await site.side.holding(issue_credential(ring, old))("GET", "/v2.0/ports")
    assert "has expired" in refused(told, 401, "CredentialRefused")


async def test_what_another_ring_has_signed_is_worth_nothing(site: Site, vm: str, agent: AgentSide) -> None:
    await site.code(vm)
    grant = await grant_of(site, vm)
    other = KeyRing([new_key()])
    expires = int(time.time()) + 1000
    code = issue_code(
        other, Agent(mode="nested", subject=vm, grant=grant["code"], expires=expires), url="", ca=""
    )
    refused(await site.side.enroll(code), 401, "CodeRefused")
    own = Agent(mode="nested", subject=vm, grant=grant["grant"], generation=1, expires=expires)
    refused(
        await site.side.holding(issue_credential(other, own))("GET", "/v2.0/ports"), 401, "CredentialRefused"
    )
    # The control: with the right ring the very same is let in.
    right = issue_credential(read_ring(site.ring), own)
    await site.side.holding(right).must(200, "GET", "/v2.0/ports")


async def grant_of(site: Site, subject: str) -> dict[str, str]:
    """The permission's row, as the Northbound has it."""
    process = await asyncio.create_subprocess_exec(
        *(
            "ovn-nbctl",
            "--no-leader-only",
            f"--db={site.northbound}",
            "--format=json",
            "--columns=external_ids",
        ),
        *("find", "Copp", f"name=ovnest\\:agent\\:{subject}"),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    ((pairs,),) = json.loads(said)["data"]
    return dict(pairs[1])


async def test_no_secret_stands_in_the_northbound(site: Site, vm: str, agent: AgentSide) -> None:
    row = await grant_of(site, vm)
    ring = json.loads(site.ring.read_text())
    text = json.dumps(row)
    assert row["generation"] == "1"
    assert agent.credential not in text
    assert agent.credential.rpartition(".")[2] not in text
    assert ring["keys"][0]["secret"] not in text


# Renewing


async def test_a_renewal_ends_the_generation_before_on_all_servers(site: Site, agent: AgentSide) -> None:
    answer = await agent.renew("n1")
    assert (answer.status, answer.body["generation"]) == (200, 2)
    newer = agent.holding(answer.body["credential"])
    for side in (site.side, site.other_side):
        await side.holding(newer.credential).must(200, "GET", "/v2.0/ports")
        told = await side.holding(agent.credential)("GET", "/v2.0/ports")
        assert "generation 1" in refused(told, 401, "CredentialSuperseded")
        assert told.headers["www-authenticate"] == "Bearer"


async def test_a_lost_answer_to_a_renewal_is_given_again(site: Site, vm: str, agent: AgentSide) -> None:
    first = await agent.renew("n1")
    again = await site.other_side.holding(agent.credential).renew("n1")
    assert (again.status, again.body) == (200, first.body)
    assert (await site.state(vm))["generation"] == 2
    assert (await site.state(vm))["conflict_at"] is None


async def test_a_request_that_was_under_way_at_the_renewal_is_no_sign_of_a_copy(
    site: Site, vm: str, agent: AgentSide
) -> None:
    newer = agent.holding((await agent.renew("n1")).body["credential"])
    refused(await agent("GET", "/v2.0/ports"), 401, "CredentialSuperseded")
    assert (await newer.renew("n2")).body["conflict_at"] is None


async def test_a_copied_credential_is_noticed_and_both_are_told(
    site: Site, vm: str, agent: AgentSide
) -> None:
    copy = site.other_side.holding(agent.credential)
    newer = agent.holding((await agent.renew("n1")).body["credential"])
    assert "two copies" in refused(await copy.renew("n2"), 401, "CredentialSuperseded")
    told = await newer.must(200, "POST", "/agent/v1/report", {"ports": {}})
    assert abs(told["conflict_at"] - time.time()) < 60
    assert (await newer.renew("n3")).body["conflict_at"] == told["conflict_at"]
    assert (await site.state(vm))["conflict_at"] is not None
    # A new code puts an end to it.
    await site.side.enrolled(await site.code(vm))
    assert (await site.state(vm))["conflict_at"] is None


async def test_a_machine_put_back_to_an_old_snapshot_is_told_at_its_first_request(
    site: Site, vm: str, agent: AgentSide
) -> None:
    newer = agent
    for nonce in ("n1", "n2"):
        newer = newer.holding((await newer.renew(nonce)).body["credential"])
    refused(await agent("GET", "/v2.0/ports"), 401, "CredentialSuperseded")
    assert (await site.state(vm))["conflict_at"] is not None
    await newer.must(200, "GET", "/v2.0/ports")


async def test_a_northbound_put_back_to_an_old_state_locks_no_agent_out(
    site: Site, vm: str, agent: AgentSide
) -> None:
    newer = agent.holding((await agent.renew("n1")).body["credential"])
    newest = newer.holding((await newer.renew("n2")).body["credential"])
    process = await asyncio.create_subprocess_exec(
        *("ovn-nbctl", "--no-leader-only", f"--db={site.northbound}", "set", "Copp"),
        *(document_uuid("agent", vm), "external_ids:generation=1"),
    )
    assert await process.wait() == 0
    answer = await newest.renew("n3")
    assert (answer.status, answer.body["generation"]) == (200, 4)
    refused(await newest("GET", "/v2.0/ports"), 401, "CredentialSuperseded")


# The end


async def test_a_revoked_credential_ends_at_once_through_the_other_server(
    site: Site, lan: str, vm: str, agent: AgentSide
) -> None:
    port = await agent.create_port(lan)
    async with agent.events() as stream, site.other_side.holding(agent.credential).events() as other:
        assert (await site.other_api.ask("DELETE", f"/v2.0/agent-codes/{vm}")).status == 204
        for side in (site.side, site.other_side):
            told = await side.holding(agent.credential)("GET", "/v2.0/ports")
            assert "revoked" in refused(told, 401, "CredentialRefused")
        assert await stream.has_ended()
        assert await other.has_ended()
    refused(await agent.renew("n1"), 401, "CredentialRefused")
    refused(await agent("DELETE", f"/v2.0/ports/{port['id']}"), 401, "CredentialRefused")
    assert (await site.api.ask("GET", f"/v2.0/agent-codes/{vm}")).status == 404
    assert await site.api.show("port", port["id"]), "the ports stay"


async def test_a_revoked_code_cannot_be_used(site: Site, vm: str) -> None:
    code = await site.code(vm)
    assert (await site.api.ask("DELETE", f"/v2.0/agent-codes/{vm}")).status == 204
    assert "revoked" in refused(await site.other_side.enroll(code), 401, "CodeRefused")


async def test_with_its_parent_an_agent_ends(site: Site, lan: str, vm: str, agent: AgentSide) -> None:
    code = await site.code(vm)
    port = await agent.create_port(lan)
    async with site.other_side.holding(agent.credential).events() as stream:
        await site.api.delete("port", vm)
        event = await stream_end(stream)
        assert event in (None, {"port": {"id": port["id"]}})
    refused(await agent("GET", "/v2.0/ports"), 401, "CredentialRefused")
    refused(await site.side.enroll(code), 401, "CodeRefused")
    assert (await site.api.ask("GET", f"/v2.0/agent-codes/{vm}")).status == 404


async def stream_end(stream: Any) -> Any:
    """What still comes on a stream that ends, if anything."""
    data = None
    while True:
        try:
            data = (await stream.next()).data
        except asyncio.IncompleteReadError:
            return data


async def test_a_parent_that_becomes_a_container_port_is_no_agents_parent(
    site: Site, lan: str, vm: str, agent: AgentSide
) -> None:
    above = await site.vm(lan)
    profile = {"parent_name": above}
    await site.api.update("port", vm, **{"binding:profile": profile})
    refused(await agent("GET", "/v2.0/ports"), 401, "CredentialRefused")
    await site.api.update("port", vm, **{"binding:profile": {}})
    await agent.must(200, "GET", "/v2.0/ports")


async def test_keys_can_be_rotated_under_a_running_agent(site: Site, vm: str, agent: AgentSide) -> None:
    before = read_ring(site.ring)
    before.rotated(announce=True).write(site.ring)
    read_ring(site.ring).rotated().write(site.ring)
    front = read_ring(site.ring).signing.id

    async def signs_with_the_new_key() -> bool:
        nonlocal agent
        agent = agent.holding((await agent.renew(f"n{time.monotonic_ns()}")).body["credential"])
        return kid_of(agent.credential) == front

    await until("the server signs with the new key", signs_with_the_new_key)
    await agent.must(200, "GET", "/v2.0/ports")

    async def other_takes_it() -> bool:
        return (await site.other_side.holding(agent.credential)("GET", "/v2.0/ports")).status == 200

    await until("the other server takes it, too", other_takes_it)


def kid_of(credential: str) -> str:
    return str(payload_of(credential)["kid"])


# TLS


async def test_a_new_certificate_is_shown_without_a_restart_even_one_of_another_kind(site: Site) -> None:
    old = (site.directory / "server.pem").read_text(), (site.directory / "server.key").read_text()
    cert, key = certificate(site.directory, "new", kind="rsa")
    pem = cert.read_text()
    try:
        (site.directory / "server.pem").write_text(pem)
        (site.directory / "server.key").write_text(key.read_text())
        trusting_new = AgentSide(site.side.url, pem)

        async def shows_the_new_one() -> bool:
            try:
                return (await trusting_new("GET", "/v2.0/ports")).status == 401
            except OSError:  # the certificate is not the one that is trusted
                return False

        await until("the server shows the new certificate", shows_the_new_one)
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            await site.side("GET", "/v2.0/ports")
    finally:
        (site.directory / "server.pem").write_text(old[0])
        (site.directory / "server.key").write_text(old[1])

    async def shows_the_old_one() -> bool:
        try:
            return all(
                [(await side("GET", "/v2.0/ports")).status == 401 for side in (site.side, site.other_side)]
            )
        except OSError:
            return False

    await until("the servers show the old certificate again", shows_the_old_one)


async def test_a_code_carries_the_certificate_and_the_address(site: Site, vm: str) -> None:
    said = payload_of(await site.code(vm))
    assert said["url"] == site.side.url
    answer = await AgentSide(str(said["url"]), str(said["ca"])).enroll(await site.code(vm))
    assert answer.status == 201


async def test_nobody_is_served_without_tls(site: Site) -> None:
    port = int(site.side.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /v2.0/ports HTTP/1.1\r\nHost: x\r\n\r\n")
    try:
        assert not (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/")
    except ConnectionResetError:
        pass  # as good an answer
    finally:
        writer.close()


# What an agent says


async def test_a_port_is_plugged_when_its_agent_says_so(
    site: Site, lan: str, vm: str, agent: AgentSide
) -> None:
    port = await agent.create_port(lan)
    other = await agent.create_port(lan)
    plain = await site.api.create("port", network_id=lan)
    assert "ovnest:plugged" not in plain
    assert (await site.api.show("port", port["id"]))["ovnest:plugged"] is False
    ports = {port["id"]: {"plugged": True}, other["id"]: {"plugged": False, "reason": "no such device"}}
    await agent.must(200, "POST", "/agent/v1/report", {"ports": {**ports, vm: {"plugged": True}}})
    shown = await site.other_api.show("port", port["id"])
    assert shown["ovnest:plugged"] is True
    found = await site.api.list("port", **{"ovnest:plugged": "false", "network_id": lan})
    assert [each["id"] for each in found] == [other["id"]]
    assert f"plugged.{vm}" not in await grant_of(site, vm), "the parent is none of its own ports"
    await agent.must(200, "POST", "/agent/v1/report", {"ports": {}, "whole": True})
    assert (await site.api.show("port", port["id"]))["ovnest:plugged"] is False
    await agent.must(204, "DELETE", f"/v2.0/ports/{other['id']}")
    assert f"plugged.{other['id']}" not in await grant_of(site, vm)


async def test_without_an_agent_nobody_knows_whether_a_container_port_is_plugged(
    site: Site, lan: str, vm: str
) -> None:
    port = await site.api.create("port", network_id=lan, **{"binding:profile": {"parent_name": vm}})
    assert port["ovnest:plugged"] is None
    assert port["ovnest:status_reason"] == "parent-unbound"
    only = await site.api.list("port", id=port["id"], fields="ovnest:status_reason")
    assert only == [{"ovnest:status_reason": "parent-unbound"}]


async def test_a_tag_rests_until_the_agent_says_that_its_device_is_gone(
    site: Site, lan: str, vm: str, agent: AgentSide
) -> None:
    first = await agent.create_port(lan, **{"binding:profile": {"tag": 4094}})
    await agent.must(204, "DELETE", f"/v2.0/ports/{first['id']}")
    second = await agent.create_port(lan, **{"binding:profile": {"tag": 4093}})
    memory = await tag_memory(site, vm)
    assert "freed.4094" in memory
    told = await agent.must(200, "POST", "/agent/v1/report", {"gone": [4094, 4093, 7]})
    assert told["report_after_s"] > 0
    assert "freed.4094" not in await tag_memory(site, vm)
    assert await site.api.show("port", second["id"])


async def tag_memory(site: Site, parent: str) -> dict[str, str]:
    process = await asyncio.create_subprocess_exec(
        *(
            "ovn-nbctl",
            "--no-leader-only",
            f"--db={site.northbound}",
            "--format=json",
            "--columns=external_ids",
        ),
        *("find", "Copp", f"name=ovnest\\:vlan-tags\\:{parent}"),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    rows = json.loads(said)["data"]
    return dict(rows[0][0][1]) if rows else {}


@pytest.mark.parametrize(
    "body",
    [
        {"ports": []},
        {"ports": {"x": {}}},
        {"ports": {"x": {"plugged": "yes"}}},
        {"gone": ["1"]},
        {"whole": 1},
        [],
        b"{",
    ],
)
async def test_a_report_that_cannot_be_understood_is_400(agent: AgentSide, body: Any) -> None:
    assert (await agent("POST", "/agent/v1/report", body)).status == 400


# Chassis


async def test_a_chassis_agent_makes_ports_that_are_bound_to_it(site: Site, lan: str) -> None:
    made = await site.new_code(chassis="vm-7", networks=[lan], project_id="red")
    agent = await site.side.enrolled(made["code"])
    port = await agent.create_port(lan, name="pod")
    shown = await site.api.show("port", port["id"])
    assert (shown["binding:host_id"], shown["project_id"]) == ("vm-7", "red")
    assert shown["binding:profile"] == {}
    assert "ovnest:plugged" not in shown
    other = await site.api.create("port", network_id=lan, project_id="red", **{"binding:host_id": "vm-8"})
    assert [each["id"] for each in (await agent.must(200, "GET", "/v2.0/ports"))["ports"]] == [port["id"]]
    refused(await agent("DELETE", f"/v2.0/ports/{other['id']}"), 404, "PortNotFound")
    for attributes in (
        {"binding:host_id": "vm-8"},
        {"binding:profile": {"parent_name": other["id"]}},
        {"project_id": "blue"},
    ):
        wanted = {"port": {"network_id": lan, **attributes}}
        refused(await agent("POST", "/v2.0/ports", wanted), 403, "AgentNotAllowed")
    assert (await site.api.ask("DELETE", "/v2.0/agent-codes/vm-7")).status == 204


@pytest.mark.parametrize(
    ("wanted", "status", "kind"),
    [
        ({}, 400, "InvalidInput"),
        ({"parent": ABSENT, "chassis": "x"}, 400, "InvalidInput"),
        ({"parent": ABSENT}, 404, "PortNotFound"),
        ({"parent": "x"}, 400, "HTTPBadRequest"),
        ({"chassis": "a b"}, 400, "HTTPBadRequest"),
        ({"chassis": "../x"}, 400, "HTTPBadRequest"),
        ({"chassis": "x", "networks": [ABSENT]}, 404, "NetworkNotFound"),
        ({"chassis": "x", "ports_max": 0}, 400, "HTTPBadRequest"),
        ({"chassis": "x", "expires_s": 1}, 400, "HTTPBadRequest"),
        ({"chassis": "x", "spam": 1}, 400, "HTTPBadRequest"),
    ],
)
async def test_a_code_that_cannot_be_is_refused(
    site: Site, wanted: dict[str, Any], status: int, kind: str
) -> None:
    answer = await site.api.ask("POST", "/v2.0/agent-codes", {"agent_code": wanted})
    assert (answer.status, answer.body["NeutronError"]["type"]) == (status, kind), answer


async def test_a_container_port_and_a_networks_own_port_are_no_agents_parent(
    site: Site, lan: str, vm: str
) -> None:
    child = await site.vm(lan, **{"binding:profile": {"parent_name": vm}})
    own = await site.vm(lan, device_owner="network:dhcp")
    for parent in (child, own):
        answer = await site.api.ask("POST", "/v2.0/agent-codes", {"agent_code": {"parent": parent}})
        assert (answer.status, answer.body["NeutronError"]["type"]) == (409, "ParentNotForAgents")


async def test_the_permissions_are_listed_without_their_codes(site: Site, vm: str) -> None:
    await site.code(vm, ports_max=3)
    answer = await site.other_api.ask("GET", "/v2.0/agent-codes")
    (found,) = [each for each in answer.body["agent_codes"] if each["subject"] == vm]
    assert (found["state"], found["ports_max"], found["generation"]) == ("waiting", 3, 0)
    assert "code" not in found
    assert found["code_expires_at"] > found["code_expires_at"][:4]
    assert "ovnest1." not in json.dumps(answer.body)
