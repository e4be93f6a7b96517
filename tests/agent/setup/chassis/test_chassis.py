"""A chassis' keys and certificates in files, and a renewal that fails."""

import asyncio
import stat
import time
from pathlib import Path

import pytest

from ovnest.agent.client.api import Api
from ovnest.agent.client.http import Endpoint
from ovnest.agent.durable import keep
from ovnest.agent.errors import NotSetUp
from ovnest.agent.setup.chassis import joining, openssl, signing, southbound
from ovnest.agent.setup.chassis.certificate import KEPT, Certificates, Held
from ovnest.agent.setup.chassis.renewal import Renewal
from ovnest.agent.setup.chassis.switch import Wanted, use_files, write_settings
from ovnest.agent.vm.database import carry_out
from ovnest.identity.chassis_ca import ChassisCa
from ovnest.ovsdb import Transaction
from ovnest.sandbox.until import until
from tests.agent.conftest import BRIDGE, nobody, vsctl
from tests.chassis_pki import authority
from tests.ovsdb.servers import Server

DAY_S = 24 * 3600


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path / "state")


@pytest.fixture
def ca(tmp_path: Path) -> ChassisCa:
    return ChassisCa(*authority(tmp_path))


async def _accepted(
    certificates: Certificates, ca: ChassisCa, *, valid_s: int = 30 * DAY_S, by_server: bool = True
) -> Held:
    """The next certificate, in use."""
    number, asked = certificates.ask("vm-7")
    signed = await ca.sign(asked, "vm-7", valid_s=valid_s)
    held = certificates.accept(number, "vm-7", signed.pem, "the CA\n", by_server=by_server)
    certificates.use(held)
    return held


def _all_modes(directory: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in directory.glob("*key*")}


def test_a_key_can_be_read_by_nobody_else_at_any_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    run = openssl._openssl

    def watched(*arguments: str, output: int = -1) -> str:
        seen.extend(_all_modes(tmp_path))
        return run(*arguments, output=output)

    monkeypatch.setattr(openssl, "_openssl", watched)
    openssl.make_key(tmp_path / "key.pem")
    assert (seen, _all_modes(tmp_path)) == ([0o600], {0o600})


async def test_a_request_keeps_its_key_until_it_is_answered_and_the_next_has_another(
    certificates: Certificates, ca: ChassisCa
) -> None:
    (first, asked), (again, _) = certificates.ask("vm-7"), certificates.ask("vm-7")
    key = certificates.files(first).key
    assert (first, again) == (1, 1)
    assert "BEGIN CERTIFICATE REQUEST" in asked
    assert stat.S_IMODE(certificates.directory.stat().st_mode) == 0o700

    held = await _accepted(certificates, ca)
    assert certificates.find() == held
    assert not certificates.files(1).request.exists()
    await _accepted(certificates, ca)
    assert openssl.public_key(key) != openssl.public_key(certificates.files(2).key)
    await _accepted(certificates, ca)
    certificates.prune()
    numbers = {int(path.stem.rpartition("-")[2]) for path in certificates.directory.glob("*.pem")}
    assert numbers == {2, 3}
    assert len(numbers) == KEPT


async def test_what_was_signed_for_another_is_not_taken(certificates: Certificates, ca: ChassisCa) -> None:
    number, asked = certificates.ask("vm-7")
    good = await ca.sign(asked, "vm-7")
    over = await ca.sign(asked, "vm-7", valid_s=-10)
    certificates.files(2).key.write_text("")
    openssl.make_key(certificates.files(9).key)
    others = await ca.sign(openssl.request(certificates.files(9).key, "vm-7"), "vm-7")
    for pem, name, said in (
        (good.pem, "vm-8", "is for CN=vm-7"),
        (others.pem, "vm-7", "is not for the key"),
        (over.pem, "vm-7", "is this machine's clock right"),
        ("nonsense", "vm-7", "openssl x509"),
    ):
        with pytest.raises(NotSetUp, match=said):
            certificates.accept(number, name, pem, "", by_server=True)
        assert certificates.find() is None


def test_without_openssl_a_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotSetUp, match="apt install openssl"):
        openssl.make_key(tmp_path / "key.pem")


@pytest.mark.parametrize("remote", ["tcp:192.0.2.1:6642", "ssl:sb.example.org:6642", "unix:/x", "", "ssl:"])
def test_a_southbound_is_an_address_by_tls(remote: str) -> None:
    with pytest.raises(NotSetUp, match="ssl:IP:PORT"):
        southbound.check_remote(remote)
    assert southbound.check_remote("ssl:[2001:db8::1]:6642,ssl:192.0.2.1:6642") == "2001:db8::1"


def test_it_is_renewed_when_a_third_is_left() -> None:
    held = Held(number=1, name="vm-7", by_server=True, not_before=0, not_after=30 * DAY_S)
    assert held.renew_at == 20 * DAY_S


@pytest.mark.ovsdb
async def test_a_join_that_was_killed_is_undone_from_wherever_it_was(
    certificates: Certificates, ca: ChassisCa, switch: Server
) -> None:
    state = certificates.directory.parent

    async def leave() -> list[str]:
        def carry_out() -> list[str]:
            actions = joining.plan_leave(state, switch.remote)
            for action in actions:
                action.do()
            return [action.what for action in actions]

        return await asyncio.to_thread(carry_out)

    ids = ("get", "Open_vSwitch", ".", "external_ids")
    await vsctl(switch, "set", "Open_vSwitch", ".", "external_ids:system-id=before")
    before = await vsctl(switch, *ids)

    assert not joining.is_joined(state)
    await _accepted(certificates, ca)  # killed before anything was told: there are keys, and nothing else
    assert joining.is_joined(state)
    assert await leave() == [f"delete the keys in {certificates.directory}"]
    assert not joining.is_joined(state)

    held = await _accepted(certificates, ca)
    keep(
        certificates.directory,
        joining.BEFORE,
        joining.Before(
            external_ids={"system-id": "before"},
            system_id="before\n",
            system_id_file=str(state / "system-id.conf"),
            bridge="br-int",
            bridge_was_there=False,
        ),
    )
    wanted = Wanted(
        name="vm-7",
        hostname="vm-7",
        southbound="ssl:127.0.0.1:1",
        encap_ip="127.0.0.1",
        bridge="br-int",
        userspace=True,
    )

    def tell(tx: Transaction) -> None:
        use_files(tx, certificates.files(held.number))
        write_settings(tx, wanted)

    await carry_out(switch.remote, tell)
    await vsctl(switch, "add-br", "br-int")
    assert "ovn-remote" in await vsctl(switch, *ids)
    said = await leave()
    assert [line.split(",")[0] for line in said][:2] == [
        "tell ovn-controller what it was told before",
        "take vm-7 off the Southbound ssl:127.0.0.1:1",  # which cannot be reached
    ]
    assert await vsctl(switch, *ids) == before
    assert (await vsctl(switch, "get-ssl"), await vsctl(switch, "br-exists", BRIDGE)) == ("", "")
    assert "br-int" not in await vsctl(switch, "list-br")
    assert (state / "system-id.conf").read_text() == "before\n"
    assert not joining.is_joined(state)


@pytest.mark.ovsdb
async def test_a_certificate_that_cannot_be_renewed_is_a_problem_that_is_said(
    certificates: Certificates, ca: ChassisCa, switch: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "TIMEOUT_S", 0.5)
    renewal = Renewal(certificates.directory.parent, switch.remote)
    assert renewal.problem() == ""  # no chassis, no certificate
    await _accepted(certificates, ca)
    assert renewal.problem() == ""
    held = await _accepted(certificates, ca, valid_s=60)
    assert "ends on" in renewal.problem()

    api = Api(Endpoint(host="127.0.0.1", port=1), nobody, timeout_s=0.1)
    task = asyncio.create_task(renewal.run(api))
    try:
        said = await until(
            "it says why", lambda: _problem(renewal), accept=lambda seen: "127.0.0.1:1" in seen, timeout_s=30
        )
        assert said.startswith("the certificate of the chassis vm-7 ends on ")
        assert await vsctl(switch, "get-ssl") == ""
    finally:
        task.cancel()
        api.close()
    assert certificates.find() == held  # the old one stays in use
    assert certificates.files(held.number + 1).key.exists()  # and the next try has the same key
    assert time.time() < held.not_after

    await _accepted(certificates, ca, valid_s=60, by_server=False)
    assert "`ovnest agent join` prints the request" in renewal.problem()


async def _problem(renewal: Renewal) -> str:
    return renewal.problem()
