"""What is there to be attacked: one of each resource, and what a good request for another looks like."""

from typing import Any

from msgspec import Struct

from ovnest.resources.resource import Resource
from tests.http import Http
from tests.kinds import LEAST, WHOLE, path_of

Body = dict[str, Any]
BY_NAME: dict[str, Resource] = {resource.singular: resource for resource in WHOLE}


class Things(Struct, frozen=True, kw_only=True):
    """A network on a wire of its own, with a subnet, a VM's port and a container port, and one of each other
    kind; by kind their ids.
    """

    ids: dict[str, str]

    def good(self, kind: str) -> Body:
        """A body that makes one more, all by itself."""
        network = {"network_id": self.ids["network"]}
        bodies: dict[str, Body] = {
            "subnet": {**network, "ip_version": 4, "cidr": "198.51.100.0/24"},
            "port": network,
        }
        return bodies.get(kind, {"name": "another", **LEAST.get(kind, {})})

    def path(self, kind: str) -> str:
        return path_of(kind, self.ids[kind])

    @classmethod
    async def make(cls, http: Http, vlan: int = 7) -> "Things":
        """New ones, the network being that VLAN."""
        wire: Body = {"provider:physical_network": "wire", "provider:segmentation_id": vlan}
        network = await http.create("network", name="attacked", **wire, provider__network_type="vlan")
        subnet = await http.create(
            "subnet", network_id=network["id"], ip_version=4, cidr="192.0.2.0/24", name="attacked"
        )
        parent = await http.create("port", network_id=network["id"], description="so it has a document row")
        child = await http.create(
            "port", network_id=network["id"], binding__profile={"parent_name": parent["id"]}
        )
        ids = {"network": network["id"], "subnet": subnet["id"], "port": parent["id"], "child": child["id"]}
        for each in WHOLE:
            if each.singular not in ids:
                made = await http.create(each.singular, name="attacked", **LEAST.get(each.singular, {}))
                ids[each.singular] = made["id"]
        return cls(ids=ids)
