"""The access control of a Southbound: set up and checked by `ovnest southbound`, tried with a certificate.

A whole OVN central of each release, on loopback, with two chassis that are nothing but their certificates.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from ovnest.sandbox.central import Central
from ovnest.sandbox.embedded import EmbeddedCentral
from ovnest.sandbox.process import attempt
from ovnest.sandbox.release import find_release
from ovnest.sandbox.until import until
from tests.chassis_pki import authority, signed
from tests.dataplane.conftest import chosen_releases
from tests.southbound.chassis_rights import ATTEMPTS, NAMES, Attempt, Facts, registration, rights_table

pytestmark = [pytest.mark.packets, pytest.mark.asyncio(loop_scope="module")]
PAGE = Path(__file__).parents[2] / "docs" / "security.md"


class Place:
    """A central whose Southbound listens for chassis, and their certificates."""

    def __init__(self, directory: Path, central: Central) -> None:
        self.directory = directory
        self.central = central
        self.remote = ""

    async def ovnest(self, *arguments: str) -> tuple[int, str]:
        """The status of `ovnest southbound …`, and what it printed."""
        argv = (
            sys.executable,
            "-m",
            "ovnest",
            "southbound",
            *arguments,
            "--southbound",
            self.central.southbound,
        )
        status, said, complaint = await attempt(*argv)
        assert "Traceback" not in complaint, complaint
        return status, said + complaint

    async def secure(self, *more: str, port: str = "0") -> tuple[int, str]:
        files = {"server-key": "sb.key", "server-cert": "sb.pem", "chassis-ca": "ca.pem"}
        given = [each for name, file in files.items() for each in (f"--{name}", str(self.directory / file))]
        return await self.ovnest("secure", "--listen", f"{port}:127.0.0.1", *given, *more)

    async def transact(self, name: str, *operations: dict[str, Any]) -> list[dict[str, Any]]:
        """What the Southbound answers to that chassis; a refusal is the last."""
        files = (f"{self.directory}/{name}.key", f"{self.directory}/{name}.pem", f"{self.directory}/ca.pem")
        keys = [each for pair in zip(("-p", "-c", "-C"), files, strict=True) for each in pair]
        return await self._transact(*keys, remote=self.remote, operations=operations)

    async def _transact(
        self, *keys: str, remote: str, operations: Sequence[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        request = json.dumps(["OVN_Southbound", *operations])
        status, said, complaint = await attempt("ovsdb-client", *keys, "transact", remote, request)
        assert status == 0, complaint
        answers: list[dict[str, Any]] = json.loads(said)
        return answers

    async def facts(self) -> Facts:
        looked_for = [("Chassis", "name", name, "_uuid") for name in NAMES]
        looked_for.append(("Port_Binding", "logical_port", "own", "datapath"))
        selects = [
            {"op": "select", "table": table, "where": [[column, "==", value]], "columns": [wanted]}
            for table, column, value, wanted in looked_for
        ]
        answers = await self._transact(remote=self.central.southbound, operations=selects)
        own, other, datapath = (next(iter(each["rows"][0].values()))[1] for each in answers)
        return Facts(own=own, other=other, datapath=datapath)

    async def uuid(self, table: str, condition: str) -> str:
        return await self.central.sbctl("--bare", "--columns=_uuid", "find", table, condition)

    async def of_another(self) -> list[Any]:
        """What vm-a must have left as it was: vm-b's rows, and the control's own."""
        whole = ("Chassis", "Encap", "Chassis_Private"), ("name", "chassis_name", "name")
        selects: list[dict[str, Any]] = [
            {"op": "select", "table": table, "where": [[column, "==", "vm-b"]]}
            for table, column in zip(*whole, strict=True)
        ]
        columns = {"Connection": ["target", "role"], "RBAC_Role": [], "RBAC_Permission": ["authorization"]}
        selects += [
            {"op": "select", "table": table, "where": [], **({"columns": names} if names else {})}
            for table, names in {**columns, "SSL": []}.items()
        ]
        answers = await self._transact(remote=self.central.southbound, operations=selects)
        return [sorted(map(json.dumps, each["rows"])) for each in answers]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=chosen_releases())
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """A central, and certificates for its Southbound, vm-a and vm-b; each test goes on from the last."""
    directory = Path(tempfile.mkdtemp(prefix="sb.", dir="/tmp"))  # sockets need a short path
    try:
        authority(directory)
        authority(directory, "stranger")
        for name in ("sb", *NAMES):
            signed(directory, "ca", name)
        release = await find_release(request.param)
        async with EmbeddedCentral(directory / "central", release) as central:
            place = Place(directory, central)
            yield place
    finally:
        shutil.rmtree(directory)


async def _listening(place: Place) -> str:
    """Where the Southbound listens for chassis."""
    status = await until(
        "the Southbound listens",
        lambda: place.central.sbctl(
            "--bare", "--columns=status", "find", "Connection", "role=ovn-controller"
        ),
        accept=lambda seen: "bound_port" in seen,
    )
    port = dict(pair.split("=") for pair in status.split())["bound_port"]
    return f"ssl:127.0.0.1:{port}"


async def test_what_is_open_is_found_and_secured(place: Place) -> None:
    status, said = await place.ovnest("check")
    assert status == 1
    assert "no connection pssl: has the role ovn-controller" in said
    assert "table SSL has no key" in said
    assert "there is no role" not in said  # northd has made it

    status, said = await place.secure("--dry-run")
    assert (status, said.splitlines()[-1]) == (
        0,
        "would let it listen at pssl:0:127.0.0.1 with the role ovn-controller",
    )
    assert await place.central.sbctl("list", "Connection") == ""

    assert await place.secure() == (0, said.replace("would ", "") + GOOD)
    assert await place.secure() == (0, GOOD)  # and once more: nothing is there twice
    place.remote = await _listening(place)

    # A second way in, without the role, is one for every chassis: all have certificates of that CA.
    await place.central.sbctl(
        *("--", "--id=@open", "create", "Connection", "target=ptcp\\:0\\:127.0.0.1"),
        *("--", "add", "SB_Global", ".", "connections", "@open"),
    )
    status, said = await place.ovnest("check")
    assert (status, len(said.splitlines())) == (1, 1)
    assert "connection ptcp:0:127.0.0.1 has no role" in said
    open_way = await place.uuid("Connection", 'role=""')
    await place.central.sbctl("remove", "SB_Global", ".", "connections", open_way)

    # One of the command line stands in no table.
    control = ("ovs-appctl", "-t", f"{place.directory}/central/sb.ctl")
    await attempt(*control, "ovsdb-server/add-remote", "ptcp:0:127.0.0.1")
    status, said = await place.ovnest("check")
    assert status == 1
    assert "--remote=ptcp:0:127.0.0.1, which has no role" in said
    await attempt(*control, "ovsdb-server/remove-remote", "ptcp:0:127.0.0.1")
    assert await place.ovnest("check") == (0, GOOD)


GOOD = "A chassis can write its own rows and what the role ovn-controller lets it: docs/security.md.\n"


async def test_two_chassis_register_themselves(place: Place) -> None:
    await place.central.nbctl(
        *("--wait=sb", "ls-add", "sw", "--", "lsp-add", "sw", "own", "--", "lsp-add", "sw", "other"),
    )
    for number, name in enumerate(NAMES, 1):
        answers = await place.transact(name, *registration(name, f"192.0.2.{number}"))
        assert all("error" not in each for each in answers), answers
    facts = await place.facts()
    binding = {"op": "update", "table": "Port_Binding", "where": [["logical_port", "==", "other"]]}
    (answer,) = await place.transact("vm-b", {**binding, "row": {"chassis": ["uuid", facts.other]}})
    assert answer == {"count": 1}


@pytest.mark.parametrize("attempted", ATTEMPTS, ids=lambda attempted: attempted.words)
async def test_what_a_certificate_can_do_and_what_not(place: Place, attempted: Attempt) -> None:
    facts = await place.facts()
    text = json.dumps(attempted.operations)
    for name in ("own", "other", "datapath"):
        text = text.replace(f"{{{name}}}", getattr(facts, name))
    before = await place.of_another()

    answers = await place.transact("vm-a", *json.loads(text))
    refused = [each for each in answers if each and "error" in each]
    if attempted.allowed:
        assert not refused, refused
        assert all(each.get("count", 1) > 0 for each in answers), answers
    else:
        assert refused, answers
        assert refused[0]["error"] in ("permission error", "constraint violation"), refused
    assert await place.of_another() == before


async def test_who_has_no_certificate_of_the_ca_does_not_even_read(place: Place) -> None:
    for name, ca in (("stranger", "ca"), ("vm-a", "stranger")):
        keys = ("-p", f"{place.directory}/{name}.key", "-c", f"{place.directory}/{name}.pem")
        argv = (*keys, "-C", f"{place.directory}/{ca}.pem", "--timeout=3", "list-dbs", place.remote)
        status, said, _ = await attempt("ovsdb-client", *argv)
        assert (status != 0, said) == (True, ""), (name, ca)


async def test_the_table_in_the_docs_is_what_was_tried() -> None:
    assert rights_table() in PAGE.read_text()
