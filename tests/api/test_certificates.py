"""Certificates of VMs that are chassis: who gets one, for what, and what it says."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ovnest.identity.chassis_ca import VALID_S
from ovnest.identity.key_ring import KeyRing, new_key
from ovnest.sandbox.until import until
from tests.agent_side import AgentSide, Answer, certificate, url_for_agents
from tests.agent_site import refused
from tests.asking import Api
from tests.chassis_pki import authority, dates, openssl, request, shown
from tests.ovsdb.servers import Server as Database
from tests.ovsdb.servers import standalone
from tests.serving import Server
from tests.southbound.test_watcher import SCHEMA, write

pytestmark = pytest.mark.api
PATH = "/agent/v1/certificate"


class Place:
    """A server with a CA for chassis, and what it needs to be started."""

    def __init__(self, directory: Path, northbound: str, southbound: Database) -> None:
        self.directory = directory
        self.southbound = southbound
        self._northbound = northbound
        self._servers: list[Server] = []
        KeyRing([new_key()]).write(directory / "keys.json", is_new=True)
        self._tls = certificate(directory, "server")
        self.ca = authority(directory)

    async def serve(self, *options: str) -> tuple[Api, AgentSide]:
        cert, key = self._tls
        server = await Server.start(
            *("--northbound", self._northbound, "--agent-listen", "127.0.0.1:0"),
            *(
                "--agent-keys",
                str(self.directory / "keys.json"),
                "--tls-cert",
                str(cert),
                "--tls-key",
                str(key),
            ),
            *options,
            log=self.directory / f"{len(self._servers)}.log",
        )
        self._servers.append(server)
        return Api(server.url), AgentSide(await url_for_agents(server), cert.read_text())

    @property
    def signs(self) -> tuple[str, ...]:
        """The options of a server that signs."""
        return ("--chassis-ca-cert", str(self.ca[0]), "--chassis-ca-key", str(self.ca[1]))

    @property
    def sees(self) -> tuple[str, ...]:
        """The options of a server that sees which chassis there are."""
        return ("--southbound", self.southbound.remote)

    def stop(self) -> None:
        for server in self._servers:
            server.stop()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with standalone() as northbound, standalone(schema=SCHEMA) as southbound:
        place = Place(tmp_path, northbound.remote, southbound)
        try:
            yield place
        finally:
            place.stop()


async def _code(api: Api, **wanted: Any) -> Answer:
    answer = await api.ask("POST", "/v2.0/agent-codes", {"agent_code": wanted})
    return Answer(status=answer.status, headers={}, body=answer.body)


async def _agent(api: Api, side: AgentSide, **wanted: Any) -> AgentSide:
    made = await _code(api, **wanted)
    assert made.status == 201, made
    return await side.enrolled(made.body["agent_code"]["code"])


async def test_a_chassis_gets_a_certificate_for_its_own_name_and_nothing_more(place: Place) -> None:
    api, side = await place.serve(*place.signs, *place.sees)
    agent = await _agent(api, side, chassis="vm-1")
    extensions = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "subjectAltName=DNS:hv1")
    asked = request(place.directory, "/CN=vm-1", *extensions)

    before = int(time.time())
    answer = await agent.must(200, "POST", PATH, {"request": asked})
    text = shown(answer["certificate"])
    assert "Subject: CN = vm-1\n" in text
    assert "CA:FALSE" in text
    assert "TLS Web Client Authentication" in text
    assert "hv1" not in text  # what the request asked for beside its key
    begin, end = dates(answer["certificate"])
    assert (begin, end) == (answer["not_before"], answer["not_after"])
    assert begin < before
    assert before + VALID_S <= end <= int(time.time()) + VALID_S
    assert answer["ca"] == place.ca[0].read_text()
    (place.directory / "got.pem").write_text(answer["certificate"])
    openssl("verify", "-purpose", "sslclient", "-CAfile", str(place.ca[0]), str(place.directory / "got.pem"))

    again = await agent.must(200, "POST", PATH, {"request": asked})
    assert _serial(again["certificate"]) != _serial(answer["certificate"])


def _serial(pem: str) -> str:
    return openssl("x509", "-noout", "-serial", stdin=pem)


async def test_a_request_that_is_not_the_agents_own_is_refused(place: Place) -> None:
    api, side = await place.serve(*place.signs, *place.sees)
    agent = await _agent(api, side, chassis="vm-1")
    fine = request(place.directory, "/CN=vm-1")
    rsa = ("-newkey", "rsa:2048")
    p384 = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384")
    lines = fine.splitlines()
    lines[2] = lines[2][:-1] + ("A" if lines[2][-1] != "A" else "B")
    for asked, why in (
        (request(place.directory, "/CN=vm-2"), "must be for CN=vm-1"),
        (request(place.directory, "/CN=vm-1/CN=vm-2"), "must be for CN=vm-1"),
        (request(place.directory, "/O=vm-1"), "must be for CN=vm-1"),
        (request(place.directory, "/CN=vm-1", key=rsa), "must have a key on the curve P-256"),
        (request(place.directory, "/CN=vm-1", key=p384), "must have a key on the curve P-256"),
        ("\n".join(lines) + "\n", "not signed by its own key"),
        (fine + fine, "is not one"),
        (fine.replace("REQUEST", "X"), "is not one"),
        ("x" * 5000, "is not one"),
        ("", "is not one"),
    ):
        answer = await agent("POST", PATH, {"request": asked})
        assert why in refused(answer, 400, "CertificateRequestRefused"), asked
    refused(await agent("POST", PATH, {"csr": fine}), 400, "HTTPBadRequest")
    assert (await agent("GET", PATH)).status == 405
    await agent.must(200, "POST", PATH, {"request": fine})  # the control


async def test_who_is_no_chassis_or_no_longer_an_agent_gets_none(place: Place) -> None:
    api, side = await place.serve(*place.signs, *place.sees)
    network = (await api.create("network"))["id"]
    parent = (await api.create("port", network_id=network))["id"]
    nested = await _agent(api, side, parent=parent)
    asked = {"request": request(place.directory, f"/CN={parent}")}
    assert "its VM is no chassis" in refused(await nested("POST", PATH, asked), 403, "AgentNotAllowed")

    agent = await _agent(api, side, chassis="vm-1")
    asked = {"request": request(place.directory, "/CN=vm-1")}
    await agent.must(200, "POST", PATH, asked)
    assert (await api.ask("DELETE", "/v2.0/agent-codes/vm-1")).status == 204
    refused(await agent("POST", PATH, asked), 401, "CredentialRefused")
    refused(await side("POST", PATH, asked), 401, "CredentialRefused")


async def test_where_a_chassis_is_that_nobody_enrolled_no_vm_becomes_one(place: Place) -> None:
    api, side = await place.serve(*place.signs, *place.sees)
    _, trusting = await place.serve(*place.signs, "--one-trust-domain")
    asked = {"request": request(place.directory, "/CN=vm-1")}
    agent = await _agent(api, side, chassis="vm-1")
    waiting = (await _code(api, chassis="vm-2")).body["agent_code"]["code"]
    await _register(place, "vm-1")  # its own row does not stand in its way
    await agent.must(200, "POST", PATH, asked)

    await _register(place, "hv1")

    async def code() -> Answer:
        return await _code(api, chassis="vm-3")

    seen = await until("the hypervisor is seen", code, accept=lambda answer: answer.status == 409)
    said = refused(seen, 409, "ForeignChassis")
    assert "(hv1)" in said
    assert "--one-trust-domain" in said
    refused(await agent("POST", PATH, asked), 409, "ForeignChassis")
    refused(await side.enroll(waiting), 409, "ForeignChassis")
    # The operator may say that they all trust each other.
    await trusting.holding(agent.credential).must(200, "POST", PATH, asked)
    assert (await trusting.enroll(waiting)).status == 201


async def _register(place: Place, name: str) -> None:
    ip = f"192.0.2.{len(name) * 16 + int(name[-1])}"
    await write(
        place.southbound,
        {
            "op": "insert",
            "table": "Encap",
            "row": {"type": "geneve", "ip": ip, "chassis_name": name},
            "uuid-name": "encap",
        },
        {"op": "insert", "table": "Chassis", "row": {"name": name, "encaps": ["named-uuid", "encap"]}},
    )


async def test_what_a_server_was_not_given_it_says(place: Place) -> None:
    blind, _ = await place.serve(*place.signs)
    assert "--southbound" in refused(await _code(blind, chassis="vm-1"), 409, "NoSouthbound")
    api, side = await place.serve(*place.sees)
    agent = await _agent(api, side, chassis="vm-1")
    asked = {"request": request(place.directory, "/CN=vm-1")}
    assert "--chassis-ca-cert" in refused(await agent("POST", PATH, asked), 501, "NoChassisCa")

    gone = f"unix:{place.directory}/nowhere.sock"
    away, _ = await place.serve(*place.signs, "--southbound", gone)
    answer = await _code(away, chassis="vm-2")
    assert "Southbound" in refused(answer, 503, "ServiceUnavailable")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--chassis-ca-cert", "ca.pem"), "--chassis-ca-cert and --chassis-ca-key go together"),
        (("--chassis-ca-cert", "ca.pem", "--chassis-ca-key", "nowhere"), "No such file"),
        (("--chassis-ca-cert", "ca.pem", "--chassis-ca-key", "other.key"), "cannot be used"),
        (("--chassis-ca-cert", "ca.pem", "--chassis-ca-key", "open.key"), "chmod 600"),
        (("--chassis-ca-cert", "leaf.pem", "--chassis-ca-key", "leaf.key"), "no certificate of an authority"),
    ],
)
async def test_a_ca_that_cannot_be_is_refused_at_the_start(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    _, key = authority(tmp_path)
    authority(tmp_path, "other")
    (tmp_path / "open.key").write_text(key.read_text())
    (tmp_path / "open.key").chmod(0o644)
    leaf = ("-subj", "/CN=leaf", "-addext", "basicConstraints=critical,CA:FALSE")
    files = ("-keyout", str(tmp_path / "leaf.key"), "-out", str(tmp_path / "leaf.pem"))
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", *leaf, *files)
    (tmp_path / "leaf.key").chmod(0o600)
    given = [each if each.startswith("--") else str(tmp_path / each) for each in options]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ovnest", "serve", "--listen", "127.0.0.1:0", *given),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2, told
    assert said in told.decode()
