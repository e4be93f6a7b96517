"""A lease for a VM or a container, asked for by ISC's dhclient, which speaks DHCP and DHCPv6.

dhclient stays and renews the lease as in any machine, until the node is taken away. Its script only writes
down what was offered; we apply it.
"""

from ipaddress import IPv4Address, IPv4Network, ip_interface

from ovnest.sandbox.errors import CommandFailed, SandboxError
from ovnest.sandbox.node import Node

LEASE_TIMEOUT_S = 10

CONFIGURATION = """
option classless-routes code 121 = array of unsigned integer 8;
request subnet-mask, routers, domain-name-servers, domain-name, interface-mtu, classless-routes;
also request dhcp6.name-servers, dhcp6.domain-search;
initial-interval 1;
backoff-cutoff 2;
"""

SCRIPT = """#!/bin/sh
case $reason in BOUND|BOUND6|RENEW|RENEW6|REBIND|REBIND6|REBOOT) ;; *) exit 0 ;; esac
env | sed -n 's/^new_//p' >"$OVNEST_LEASE.unfinished"
mv "$OVNEST_LEASE.unfinished" "$OVNEST_LEASE"
"""


async def lease(node: Node, device: str, version: int, timeout_s: int) -> dict[str, str]:
    """Ask on `device`, take the address and the routes, and give what was offered: `ip_address`, ….

    Raises:
        SandboxError: nobody answered.
    """
    files = {
        part: node.directory / f"dhclient{version}.{part}"
        for part in ("conf", "script", "lease", "db", "pid")
    }
    files["conf"].write_text(f"{CONFIGURATION}timeout {timeout_s};\n")
    files["script"].write_text(SCRIPT)
    files["script"].chmod(0o755)
    files["lease"].unlink(missing_ok=True)
    options = ("-cf", "-sf", "-lf", "-pf")
    paths = (files[part] for part in ("conf", "script", "db", "pid"))
    told = tuple(str(each) for pair in zip(options, paths, strict=True) for each in pair)
    try:
        await node.run("dhclient", f"-{version}", "-1", *told, "-e", f"OVNEST_LEASE={files['lease']}", device)
    except CommandFailed as failure:
        raise SandboxError(
            f"{node.name} was offered no DHCPv{version} lease: {failure.output[-500:]}"
        ) from failure
    pairs = (line.partition("=") for line in files["lease"].read_text().splitlines())
    offered = {name: value for name, _, value in pairs}
    flags = " nodad" if version == 6 else ""
    mtu = offered.get("interface_mtu")
    await node.namespace.ip(
        *([f"link set {device} mtu {mtu}"] if mtu else []),
        f"address replace {address(offered, version)} dev {device}{flags}",
        *(f"route replace {target} {way} dev {device}" for target, way in routes(offered)),
    )
    return offered


def address(offered: dict[str, str], version: int) -> str:
    """The leased address with its prefix length: 128 by DHCPv6, which does not say what is on the link."""
    if version == 6:
        return f"{offered['ip6_address']}/128"
    return str(ip_interface(f"{offered['ip_address']}/{offered['subnet_mask']}"))


def routes(offered: dict[str, str]) -> list[tuple[str, str]]:
    """What to route where: ("default", "via 192.0.2.1") ….

    Classless routes replace the router option.

    Source: RFC 3442, "DHCP Client Behavior"; a router of 0.0.0.0 means that the target is on the link.
    """
    if "classless_routes" not in offered:
        return [("default", f"via {router}") for router in offered.get("routers", "").split()[:1]]
    numbers = [int(each) for each in offered["classless_routes"].split()]
    found = []
    while numbers:
        length = numbers.pop(0)
        significant = (length + 7) // 8
        destination, router, numbers = (
            numbers[:significant],
            numbers[significant : significant + 4],
            numbers[significant + 4 :],
        )
        network = IPv4Network((bytes(destination).ljust(4, b"\0"), length))
        via = IPv4Address(bytes(router))
        found.append((str(network) if length else "default", f"via {via}" if int(via) else "scope link"))
    return found
