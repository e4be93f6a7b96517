"""Whatever is done in whatever order: it is done or refused, and what is left is as it should be."""

import os
from random import Random
from secrets import randbits
from typing import Any

import pytest

from ovnest.errors import Refusal
from ovnest.transaction.check import find_all
from tests.front_door import Body, FrontDoor

pytestmark = pytest.mark.ovsdb

STEPS = 250
ROUNDS = 4
HELD = {"network": 4, "subnet": 8, "port": 30}
PROVIDERS: list[Body] = [
    {},
    {"provider:network_type": "flat", "provider:physical_network": "p1"},
    {"provider:network_type": "vlan", "provider:physical_network": "p1", "provider:segmentation_id": 7},
]
CIDRS = ["192.0.2.0/28", "198.51.100.0/30", "2001:db8::/64", "2001:db8:1::/64", "192.0.2.8/29"]
OWNERS = ["", "", "compute:x", "network:dhcp", "network:router_interface", "network:router_gateway"]
MACS = [f"fa:16:3e:00:00:{number:02x}" for number in range(6)]
ADDRESSES = ["192.0.2.3", "192.0.2.9", "198.51.100.2", "2001:db8::5", "203.0.113.1"]


class Anybody:
    """Somebody who does anything; `random` decides."""

    def __init__(self, door: FrontDoor, random: Random) -> None:
        self.door = door
        self.random = random
        self.ids: dict[str, list[str]] = {kind: [] for kind in HELD}
        self.done = 0
        self.refused: dict[str, int] = {}

    async def step(self) -> None:
        """One request, of which the answer is what a look shows afterwards."""
        kind = self.random.choice(["network", "subnet", "port", "port", "port", "port"])
        try:
            await self._ask(kind)
            self.done += 1
        except Refusal as refusal:
            self.refused[refusal.kind] = refusal.status

    async def _ask(self, kind: str) -> None:
        door, known = self.door, self.ids[kind]
        what = self.random.random()
        if not known or (what < 0.45 and len(known) < HELD[kind]):
            made = await door.create(kind, **self._attributes(kind, new=True))
            known.append(made["id"])
        elif what < 0.85:
            key = self.random.choice(known)
            made = await door.update(kind, key, **self._attributes(kind, new=False))
        else:
            key = self.random.choice(known)
            await door.delete(kind, key, **self.random.choice([{}, {"cascade": "true"}]))
            for each in self.ids:
                self.ids[each] = [body["id"] for body in await door.list(each)]
            return
        assert await door.show(kind, made["id"]) == made

    def _attributes(self, kind: str, *, new: bool) -> Body:
        random = self.random
        given: Body = {}
        for name, values in self._values(kind).items():
            if random.random() < 0.3:
                given[name] = random.choice(values)
        if not new:
            return given
        if kind == "network":
            return given | random.choice(PROVIDERS)
        given["network_id"] = self._any("network")
        if kind == "subnet":
            given["cidr"] = cidr = random.choice(CIDRS)
            given["ip_version"] = 6 if ":" in cidr else 4
            if given["ip_version"] == 6:
                given["ipv6_address_mode"] = random.choice([None, "slaac", "dhcpv6-stateful"])
        return given

    def _values(self, kind: str) -> dict[str, list[Any]]:
        if kind == "network":
            return {
                "name": ["a", ""],
                "mtu": [0, 1300, 1000],
                "shared": [True, False],
                "router:external": [True, False],
                "port_security_enabled": [True, False],
            }
        if kind == "subnet":
            return {
                "name": ["s"],
                "enable_dhcp": [True, False],
                "gateway_ip": [None, "192.0.2.1", "198.51.100.1"],
                "dns_nameservers": [[], ["203.0.113.53"]],
                "host_routes": [[], [{"destination": "203.0.113.0/24", "nexthop": "192.0.2.2"}]],
                "service_types": [[], [], [], ["compute:x"]],
            }
        parent = {"parent_name": self._any("port")}
        return {
            "name": ["p"],
            "description": ["d", ""],
            "admin_state_up": [True, False],
            "mac_address": [*MACS, None],
            "device_id": ["", "vm"],
            "device_owner": OWNERS,
            "port_security_enabled": [True, True, False],
            "fixed_ips": [
                [],
                [{"ip_address": self.random.choice(ADDRESSES)}],
                [{"subnet_id": self._any("subnet")}],
                [{"subnet_id": self._any("subnet")}, {"ip_address": self.random.choice(ADDRESSES)}],
            ],
            "allowed_address_pairs": [[], [{"ip_address": self.random.choice(ADDRESSES)}]],
            "extra_dhcp_opts": [
                [{"opt_name": "mtu", "opt_value": "1000"}],
                [{"opt_name": "mtu", "opt_value": None}],
                [{"opt_name": "dns-server", "opt_value": "2001:db8::1", "ip_version": 6}],
            ],
            "binding:host_id": ["", "hv1"],
            "binding:profile": [None, {"x": 1}, parent, {**parent, "tag": self.random.randint(0, 5)}],
        }

    def _any(self, kind: str) -> str:
        nobody = "00000000-0000-4000-8000-000000000000"
        return self.random.choice([*self.ids[kind], nobody]) if self.random.random() < 0.1 else (
            self.random.choice(self.ids[kind] or [nobody])
        )  # fmt: skip


@pytest.mark.parametrize("number", range(ROUNDS))
@pytest.mark.parametrize("settings", [{"parent_delete": "refuse"}, {"parent_delete": "cascade"}])
async def test_anything_is_done_or_refused(door: FrontDoor, number: int) -> None:
    seed = int(os.environ.get("OVNEST_TEST_SEED", "0")) or randbits(32)
    print(f"OVNEST_TEST_SEED={seed}")  # pytest shows it when the test fails
    anybody = Anybody(door, Random(seed))  # noqa: S311  no secret is made from it
    for _ in range(STEPS):
        await anybody.step()
        found = await door.store.read(door.caller, find_all)
        assert not found, found
    assert anybody.done > STEPS / 4
    assert len(anybody.refused) > 5
    assert max(anybody.refused.values()) < 500
