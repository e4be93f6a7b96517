"""`ovnest agent join`: the VM becomes a chassis, step by step; and what gives it back.

Whatever is set was written down before it, in the directory of the keys, and nothing else is put back.
"""

import asyncio
import socket
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct

from ovnest.agent import durable
from ovnest.agent.attachment.overlay import NAME as OVERLAY
from ovnest.agent.client.api import Api
from ovnest.agent.client.credential import Credential, load
from ovnest.agent.errors import ApiRefused, NotSetUp
from ovnest.agent.setup.chassis import southbound, switch
from ovnest.agent.setup.chassis.certificate import Certificates, Files, Held
from ovnest.agent.setup.chassis.signing import Answer, certify
from ovnest.agent.setup.plan import Action
from ovnest.agent.vm import tunnel
from ovnest.agent.vm.bridge import has_kernel_datapath
from ovnest.agent.vm.database import in_database
from ovnest.ovsdb import Transaction

NO_CA = "NoChassisCa"
BEFORE = "before.json"


class Signed(Struct, frozen=True, kw_only=True):
    """A certificate that the operator's own CA has signed, and that CA's, in files."""

    certificate: Path
    ca: Path


class Wish(Struct, frozen=True, kw_only=True):
    """How the VM is to become a chassis. `encap_ip` None: that from which the Southbound is reached."""

    state: Path
    ovs: str
    southbound: str
    bridge: str
    system_id_file: Path
    encap_ip: str | None = None
    signed: Signed | None = None
    timeout_s: float = 60.0


class Before(Struct, frozen=True, kw_only=True):
    """What was there before we changed it; `system_id` is the file's content, None where there is no file."""

    external_ids: dict[str, str]
    system_id: str | None
    system_id_file: str
    bridge: str
    bridge_was_there: bool


class NotSigned(NotSetUp):
    """The server has no CA: `request` is to be signed by the operator's."""

    def __init__(self, path: Path, request: str) -> None:
        super().__init__(
            f"the server signs no certificates of chassis. Have the request above ({path}) signed by the CA "
            "that the Southbound trusts, and join again with --certificate FILE --ca-cert FILE"
        )
        self.request = request


class _Work:
    """What one action leaves for the next: the certificate that there is by then."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.certificates = Certificates(wish.state)
        self.held: Held | None = None

    @property
    def files(self) -> Files:
        return self.certificates.files(self.certificate.number)

    @property
    def certificate(self) -> Held:
        if self.held is None:
            raise NotSetUp("there is no certificate")
        return self.held


def plan_join(wish: Wish) -> tuple[list[Action], tunnel.Encap]:
    """What joining takes, and where the tunnels will end.

    Raises:
        NotSetUp: the agent is not enrolled as a chassis, or the VM cannot be one of that Southbound.
        OvsdbError: Open vSwitch does not run.
    """
    credential = _credential(wish.state)
    name = credential.subject
    host = southbound.check_remote(wish.southbound)
    encap = tunnel.encap_towards(host) if wish.encap_ip is None else tunnel.encap_at(wish.encap_ip)
    present = switch.look(wish.ovs)
    userspace = not has_kernel_datapath()
    _check_present(present, Certificates(wish.state))
    if userspace and encap.device not in present.userspace_bridges:
        raise NotSetUp(
            "the kernel has no openvswitch module, and in userspace tunnels leave only by a bridge that has "
            f"the address {encap.address} itself, which {encap.device} is not: ovnest agent setup "
            f"--take-over {encap.device} makes one"
        )
    wanted = switch.Wanted(
        name=name,
        hostname=present.external_ids.get(switch.HOSTNAME) or socket.gethostname(),
        southbound=wish.southbound,
        encap_ip=encap.address,
        bridge=wish.bridge,
        userspace=userspace,
    )
    work = _Work(wish)
    who = "the operator's CA" if wish.signed is not None else credential.url
    actions = [
        Action(
            f"have a certificate for {name}, signed by {who}, with a key that stays here",
            partial(_certify, work, credential),
        ),
        Action(
            f"see that the Southbound {wish.southbound} lets a chassis write no more than it must",
            partial(_check_southbound, work),
        ),
        Action(
            f"tell ovn-controller that it is {name}, with Geneve from {encap.address} ({encap.device}) and "
            f"the bridge {wish.bridge}{' in userspace' if userspace else ''}",
            partial(_tell, work, wanted, present),
        ),
        Action(
            f"wait until {name} has registered, for {wish.timeout_s:g} s at most",
            partial(_wait, work, name, encap.address),
        ),
    ]
    return actions, encap


def is_joined(state: Path) -> bool:
    """Whether the VM was made a chassis, or half of that."""
    return Certificates(state).directory.exists()


def plan_leave(state: Path, ovs: str) -> list[Action]:
    """What gives the VM back. Its key and certificate go as well.

    Raises:
        NotSetUp: containers are still attached.
        OvsdbError: Open vSwitch does not run.
    """
    certificates = Certificates(state)
    forget = Action(f"delete the keys in {certificates.directory}", certificates.remove)
    before = _before(certificates)
    if before is None:
        return [forget]
    present = switch.look(ovs)
    name = present.external_ids.get(switch.SYSTEM_ID, "")
    attached = present.attached.get(before.bridge, ())
    if attached:
        raise NotSetUp(f"bridge {before.bridge} still has {', '.join(attached)}; detach the containers first")
    actions = [
        Action(
            f"tell ovn-controller what it was told before, not that it is {name}",
            partial(_untell, ovs, before, present),
        )
    ]
    held = certificates.find()
    remote = present.external_ids.get(switch.REMOTE, "")
    if held is not None and remote.startswith("ssl:"):
        actions.append(
            Action(
                f"take {name} off the Southbound {remote}, if that can be reached",
                partial(_unregister, certificates, held, remote),
            )
        )
    return [*actions, forget]


def _credential(state: Path) -> Credential:
    credential = load(state)
    if credential is None:
        raise NotSetUp("there is no credential: ovnest agent enroll, with a code for a chassis")
    if credential.mode != OVERLAY:
        raise NotSetUp(
            f"this agent speaks for a port ({credential.subject}), so its VM is no chassis: to make it one, "
            "enrol it with a code of `ovnest agent-code create --chassis NAME`"
        )
    return credential


def _before(certificates: Certificates) -> Before | None:
    """What was there before this VM was made a chassis; None while it was not."""
    path = certificates.directory / BEFORE
    return msgspec.json.decode(path.read_bytes(), type=Before) if path.exists() else None


def _check_present(present: switch.Present, certificates: Certificates) -> None:
    remote = present.external_ids.get(switch.REMOTE)
    if remote is not None and _before(certificates) is None:
        raise NotSetUp(
            f"this machine is a chassis already, of {remote}; to give that up: "
            f"ovs-vsctl remove Open_vSwitch . external_ids {switch.REMOTE}"
        )
    if present.foreign_certificate:
        raise NotSetUp(
            f"Open vSwitch's SSL table has a certificate already ({present.foreign_certificate}), which is "
            "not ours, and ovn-controller reads that table, too: ovs-vsctl del-ssl, if nothing needs it"
        )


def _certify(work: _Work, credential: Credential) -> None:
    name = credential.subject
    number, request = work.certificates.ask(name)
    signed = work.wish.signed
    if signed is not None:
        certificate, ca = (path.read_text(errors="replace") for path in (signed.certificate, signed.ca))
    else:
        try:
            answer = asyncio.run(_ask(work.wish.state, credential, request))
        except ApiRefused as error:
            if error.kind == NO_CA:
                raise NotSigned(work.certificates.files(number).request, request) from None
            raise
        certificate, ca = answer.certificate, answer.ca
    work.held = work.certificates.accept(number, name, certificate, ca, by_server=signed is None)


async def _ask(state: Path, credential: Credential, request: str) -> Answer:
    async def header() -> str:
        # Read each time: the daemon may renew it meanwhile.
        return f"Bearer {_credential(state).credential}"

    api = Api(credential.endpoint, header)
    try:
        return await certify(api, request)
    finally:
        api.close()


def _check_southbound(work: _Work) -> None:
    async def check() -> None:
        async with southbound.seen_with(work.wish.southbound, work.files) as client:
            await southbound.check_access_control(client)

    asyncio.run(check())


def _tell(work: _Work, wanted: switch.Wanted, present: switch.Present) -> None:
    path, bridge = work.wish.system_id_file, work.wish.bridge
    text = path.read_text() if path.exists() else None
    if _before(work.certificates) is None:
        before = Before(
            external_ids=present.external_ids,
            system_id=text,
            system_id_file=str(path),
            bridge=bridge,
            bridge_was_there=bridge in present.bridges,
        )
        durable.keep(work.certificates.directory, BEFORE, before)
    work.certificates.use(work.certificate)
    files = work.files

    def operation(tx: Transaction) -> None:
        switch.use_files(tx, files)
        switch.write_settings(tx, wanted)

    in_database(work.wish.ovs, operation)
    if text is not None and text.strip() != wanted.name:
        # Debian's ovs-ctl writes what stands there into the database at each start.
        durable.rewrite(path, f"{wanted.name}\n")
    work.certificates.prune()


def _wait(work: _Work, name: str, address: str) -> None:
    wish = work.wish

    async def wait() -> None:
        async with southbound.seen_with(wish.southbound, work.files) as client:
            await southbound.until_registered(client, name, address, wish.timeout_s)

    asyncio.run(wait())


def _untell(ovs: str, before: Before, present: switch.Present) -> None:
    bridge = None if before.bridge_was_there or before.bridge in present.foreign else before.bridge
    in_database(ovs, lambda tx: switch.put_back(tx, before.external_ids, bridge))
    if before.system_id is not None:
        durable.rewrite(Path(before.system_id_file), before.system_id)


def _unregister(certificates: Certificates, held: Held, remote: str) -> None:
    async def leave() -> None:
        async with southbound.seen_with(remote, certificates.files(held.number)) as client:
            await southbound.unregister(client, held.name)

    try:
        asyncio.run(leave())
    except NotSetUp as error:
        print(f"  {held.name} stays there, until somebody deletes it (ovn-sbctl chassis-del): {error}")
