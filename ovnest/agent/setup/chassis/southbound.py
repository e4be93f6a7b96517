"""The Southbound as this VM's certificate sees it: whether its access control is on, and whether we are in.

Source: ovn-sb(5), Chassis, Encap, RBAC_Role; RFC 7047, 5.2.6 (abort).
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import ClassVar

from ovnest.agent.errors import NotPlugged, NotSetUp
from ovnest.agent.setup.chassis.certificate import Files
from ovnest.ovsdb import Client, OperationError, Options, Row, Tls, Unreachable, parse_remotes

DATABASE = "OVN_Southbound"
READY_TIMEOUT_S = 4.0
NEVER_WRITTEN = "ovnest-probe"
_FORBIDDEN = "permission error"
_ABORTED = "aborted"


class Chassis(Row, frozen=True, kw_only=True, gc=False):
    """A chassis that has registered."""

    TABLE: ClassVar[str] = "Chassis"

    name: str = ""


class Encap(Row, frozen=True, kw_only=True, gc=False):
    """An end of its tunnels."""

    TABLE: ClassVar[str] = "Encap"

    chassis_name: str = ""
    ip: str = ""


def check_remote(text: str) -> str:
    """The host of the first of these remotes, if ovn-controller can go to all of them with a certificate.

    Raises:
        NotSetUp: they are not ssl:IP:PORT.
    """
    try:
        remotes = parse_remotes(text)
        for remote in remotes:
            if remote.method != "ssl":
                raise ValueError(f"{remote}: only by ssl: is a chassis known by its certificate")
            ip_address(remote.host)
    except ValueError as error:
        raise NotSetUp(
            f"--southbound {text}: {error}; it is ssl:IP:PORT, of a cluster several with commas"
        ) from None
    return remotes[0].host


@asynccontextmanager
async def seen_with(remote: str, files: Files) -> AsyncIterator[Client]:
    """The Southbound, come to with that certificate.

    Raises:
        NotSetUp: it cannot be reached, or does not take the certificate.
    """
    tls = Tls(private_key=files.key, certificate=files.certificate, ca_certificate=files.ca)
    options = Options(freeze_collector=False, leader_only=False)
    client = Client(remote, DATABASE, tables=(Chassis, Encap), options=options, tls=tls)
    async with client:
        try:
            await client.ready(READY_TIMEOUT_S)
        except Unreachable as error:
            raise NotSetUp(
                f"the Southbound cannot be reached with this chassis' certificate: {error}"
            ) from None
        yield client


async def check_access_control(client: Client) -> None:
    """Return if the Southbound refuses what no chassis may write. Nothing is written in any case.

    Raises:
        NotSetUp: it would let us, so it would let every VM.
    """
    forbidden = {"op": "insert", "table": "RBAC_Role", "row": {"name": NEVER_WRITTEN}}
    try:
        await client.transact(forbidden, {"op": "abort"})
    except OperationError as error:
        if error.code == _FORBIDDEN:
            return
        if error.code != _ABORTED:
            raise NotSetUp(f"the Southbound does not take what a chassis writes: {error}") from None
    raise NotSetUp(
        "the Southbound lets this VM write everything, since its access control is off on this connection. "
        "Whoever runs it puts it on: ovnest southbound secure"
    )


async def until_registered(client: Client, name: str, encap_ip: str, timeout_s: float) -> None:
    """Return when ovn-controller has registered this chassis with that end of its tunnels.

    Raises:
        NotPlugged: it has not, within that time; the message says what is there instead.
    """
    changed = asyncio.Event()
    client.on_change(lambda _changes: changed.set())
    try:
        async with asyncio.timeout(timeout_s):
            while _missing(client, name, encap_ip):
                changed.clear()
                await changed.wait()
    except TimeoutError:
        reason = _missing(client, name, encap_ip)
        raise NotPlugged(f"{name} has not registered within {timeout_s:g} s: {reason}") from None


async def unregister(client: Client, name: str) -> None:
    """Delete this chassis' own rows, which it may."""
    await client.transact(
        *(
            {"op": "delete", "table": table, "where": [["name", "==", name]]}
            for table in ("Chassis_Private", "Chassis")
        )
    )


def _missing(client: Client, name: str, encap_ip: str) -> str:
    replica = client.replica
    if not any(row.name == name for row in replica.rows(Chassis)):
        holders = sorted(_others_with(client, name, encap_ip))
        if holders:
            return f"its tunnels' address {encap_ip} is taken by the chassis {', '.join(holders)}"
        return (
            "ovn-controller has not said anything; does it run (systemctl status ovn-controller), and what "
            "does /var/log/ovn/ovn-controller.log say?"
        )
    ends = sorted(row.ip for row in replica.rows(Encap) if row.chassis_name == name)
    if encap_ip in ends:
        return ""
    return f"it is registered with another end of its tunnels: {', '.join(ends) or 'none'}"


def _others_with(client: Client, name: str, encap_ip: str) -> Iterator[str]:
    for row in client.replica.rows(Encap):
        if row.ip == encap_ip and row.chassis_name != name:
            yield row.chassis_name
