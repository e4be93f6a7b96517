"""A load of clients that know what they were told, so that what is there afterwards can be judged.

Each client changes only what it has made itself, so it knows what must be there: what was acknowledged, and
of what got no answer one of two things, whole. They share a network, its parents and their tags, so they
compete for addresses, MACs and tags all the time.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from tests.http import Answer, Http, Lost, NotSent

Body = dict[str, Any]
FAMILY = "family"  # the device_id of a VM's port that is deleted with the containers under it
LOOKS = 0.3  # the share of writes after which a client looks
LOOSE = ("updated_at", "subnets")  # not known to who made a tag, or a subnet; the rest must be as told
KEPT = 14  # so many ports has a client before it would rather delete
IN_DOUBT = "may have been made"  # what distinguishes a 503 that may have been done from one that was not


class Creation(Struct, frozen=True, kw_only=True):
    """Things that may have been made: all of them or none."""

    kind: str
    names: tuple[str, ...]


class Change(Struct, frozen=True, kw_only=True):
    """Something that may have changed: all attributes or none."""

    path: str
    change: Body


class Deletion(Struct, frozen=True, kw_only=True):
    """Things that may have been deleted: all of them or none."""

    paths: tuple[str, ...]


Doubt = Creation | Change | Deletion


class Memory:
    """What one client was told: what is there by path, and what is in doubt."""

    def __init__(self) -> None:
        self.there: dict[str, Body] = {}
        self.gone: set[str] = set()
        self.doubts: list[Doubt] = []
        self.acknowledged = 0
        self.doubted = 0
        self.not_done = 0
        self.slowest_s = 0.0

    def of(self, kind: str) -> list[Body]:
        """What this client has made of a kind, nothing in doubt among it."""
        doubtful = set(self.doubtful())
        return [body for path, body in self.all(kind) if path not in doubtful]

    def all(self, kind: str) -> list[tuple[str, Body]]:
        """The same, by path, with what is in doubt."""
        return [(path, body) for path, body in self.there.items() if path.startswith(f"/v2.0/{kind}s/")]

    def made(self, kind: str, bodies: Iterable[Body]) -> None:
        for body in bodies:
            self.there[path_of(kind, body)] = body

    def lost(self, *paths: str) -> None:
        for path in paths:
            del self.there[path]
            self.gone.add(path)

    def doubt(self, doubt: Doubt) -> None:
        self.doubts.append(doubt)
        self.doubted += 1

    def doubtful(self) -> Iterator[str]:
        """The paths of which nobody knows whether they have changed, or are there still."""
        for doubt in self.doubts:
            if isinstance(doubt, Change):
                yield doubt.path
            elif isinstance(doubt, Deletion):
                yield from doubt.paths


class Shared(Struct, frozen=True, kw_only=True):
    """What all clients use: a network with addresses of both families, and VMs' ports on it."""

    network_id: str
    parents: tuple[str, ...]

    @classmethod
    async def make(cls, http: Http) -> "Shared":
        network_id = (await http.create("network", name="shared"))["id"]
        for version, cidr in ((4, "10.0.0.0/16"), (6, "2001:db8::/64")):
            await http.create("subnet", network_id=network_id, ip_version=version, cidr=cidr)
        parents = [await http.create("port", network_id=network_id, name=f"vm{n}") for n in range(3)]
        return cls(network_id=network_id, parents=tuple(parent["id"] for parent in parents))


class Stale(AssertionError):
    """A read does not show a write that was acknowledged before it."""


class Refused(AssertionError):
    """A request of the load was refused; none of them should be."""


class Client:
    """One of the load: asks one thing after another of `http` until told to stop."""

    def __init__(
        self, name: str, http: Http, shared: Shared, chance: random.Random, readers: Sequence[Http]
    ) -> None:
        """`readers` are all servers: what one has acknowledged, each must show from then on."""
        self.name = name
        self.http = http
        self._readers = readers
        self.memory = Memory()
        self._shared = shared
        self._chance = chance
        self._count = 0

    async def ask_something(self) -> bool:
        """One request; whether there was an answer, be it that the Northbound is away.

        Raises:
            Refused: the answer is neither success nor 503.
        """
        ports = self.memory.of("port")
        ways = [self._new_port, self._new_container_port, self._new_bulk, self._new_family, self._new_network]
        if ports:
            ways += [self._rename, self._move, self._readdress, self._tag, self._delete]
        if len(ports) > KEPT:
            ways = [self._delete, self._delete_family]
        if self.memory.of("network"):
            ways += [self._new_subnet, self._change_subnet, self._delete_network]
        return await self._chance.choice(ways)()

    # Ports

    async def _new_port(self) -> bool:
        return await self._create("port", self._port())

    async def _new_container_port(self) -> bool:
        return await self._create("port", self._container_port())

    async def _new_bulk(self) -> bool:
        ways = (self._port, self._container_port)
        return await self._create("port", *(self._chance.choice(ways)() for _ in range(5)))

    async def _new_family(self) -> bool:
        """A VM's port and containers under it, to be deleted together."""
        family = self._family()
        if family is None:
            return await self._create("port", {**self._port(), "device_id": FAMILY})
        parent, children = family
        if len(children) < 2:
            profile = {"binding:profile": {"parent_name": parent["id"]}}
            return await self._create("port", *({**self._port(), **profile} for _ in range(2)))
        return await self._delete_family()

    async def _delete_family(self) -> bool:
        family = self._family()
        if family is None:
            return await self._new_port() if self._own_port() is None else await self._delete()
        parent, children = family
        paths = [path_of("port", port) for port in (parent, *children)]
        return await self._delete_all(f"{paths[0]}?cascade=true", *paths)

    async def _rename(self) -> bool:
        return await self._change("port", self._own_port(), {"description": self._name()})

    async def _move(self) -> bool:
        """Under another parent, with another tag; or out of the VM."""
        profile = {} if self._chance.random() < 0.3 else {"parent_name": self._parent()}
        return await self._change(
            "port", self._own_port(), {"binding:profile": profile, "name": self._name()}
        )

    async def _readdress(self) -> bool:
        change = {
            "fixed_ips": [],
            "name": self._name(),
            "allowed_address_pairs": [{"ip_address": "10.0.0.0/16"}],
        }
        return await self._change("port", self._own_port(), change)

    async def _delete(self) -> bool:
        port = self._own_port()
        if port is None:
            return await self._delete_family()
        path = path_of("port", port)
        return await self._delete_all(path, path)

    async def _tag(self) -> bool:
        port = self._own_port()
        if port is None:
            return await self._new_port()
        path = path_of("port", port)
        wanted = {"tags": sorted({self._name(), self._name()})}
        answer = await self._ask("PUT", f"{path}/tags", wanted, Change(path=path, change=wanted))
        if answer is not None and answer.status == 200:
            self.memory.there[path] |= {**wanted, "revision_number": port["revision_number"] + 1}
        return answer is not None

    # Networks and subnets

    async def _new_network(self) -> bool:
        if len(self.memory.of("network")) > 2:
            return await self._delete_network()
        return await self._create("network", {"name": self._name()})

    async def _new_subnet(self) -> bool:
        network = self._chance.choice(self.memory.of("network"))
        name = self._name()
        cidr = f"172.{16 + self._count // 256 % 16}.{self._count % 256}.0/24"
        wanted = {"network_id": network["id"], "ip_version": 4, "cidr": cidr, "name": name}
        return await self._create("subnet", wanted)

    async def _change_subnet(self) -> bool:
        subnets = self.memory.of("subnet")
        if not subnets:
            return await self._new_subnet()
        change = {"name": self._name(), "dns_nameservers": ["192.0.2.53"], "enable_dhcp": False}
        return await self._change("subnet", self._chance.choice(subnets), change)

    async def _delete_network(self) -> bool:
        network = self._chance.choice(self.memory.of("network"))
        every = self.memory.all("subnet")
        along = [path for path, subnet in every if subnet["network_id"] == network["id"]]
        if not set(along).isdisjoint(self.memory.doubtful()):  # it would decide what is in doubt
            return await self._new_port()
        path = path_of("network", network)
        return await self._delete_all(path, path, *along)

    # What they share

    def _name(self) -> str:
        self._count += 1
        return f"{self.name}-{self._count}"

    def _port(self) -> Body:
        return {"network_id": self._shared.network_id, "name": self._name()}

    def _container_port(self) -> Body:
        return {**self._port(), "binding:profile": {"parent_name": self._parent()}}

    def _parent(self) -> str:
        return self._chance.choice(self._shared.parents)

    def _own_port(self) -> Body | None:
        """A port of ours that is of no family; those come and go together."""
        ports = self.memory.of("port")
        families = {port["id"] for port in ports if port["device_id"] == FAMILY}
        loose = [
            port
            for port in ports
            if port["id"] not in families and port["binding:profile"].get("parent_name") not in families
        ]
        return self._chance.choice(loose) if loose else None

    def _family(self) -> tuple[Body, list[Body]] | None:
        ports = self.memory.of("port")
        for parent in ports:
            if parent["device_id"] == FAMILY:
                named = parent["id"]
                return parent, [p for p in ports if p["binding:profile"].get("parent_name") == named]
        return None

    async def _create(self, kind: str, *wanted: Body) -> bool:
        body = {kind: wanted[0]} if len(wanted) == 1 else {f"{kind}s": wanted}
        doubt = Creation(kind=kind, names=tuple(each["name"] for each in wanted))
        answer = await self._ask("POST", f"/v2.0/{kind}s", body, doubt)
        if answer is not None and answer.status == 201:
            made = [answer.body[kind]] if len(wanted) == 1 else answer.body[f"{kind}s"]
            self.memory.made(kind, made)
            await self._look(path_of(kind, made[-1]))
        return answer is not None

    async def _change(self, kind: str, present: Body | None, change: Body) -> bool:
        if present is None:
            return await self._new_port()
        path = path_of(kind, present)
        answer = await self._ask("PUT", path, {kind: change}, Change(path=path, change=change))
        if answer is not None and answer.status == 200:
            self.memory.there[path] = answer.body[kind]
            await self._look(path)
        return answer is not None

    async def _delete_all(self, asked: str, *paths: str) -> bool:
        answer = await self._ask("DELETE", asked, None, Deletion(paths=paths))
        if answer is not None and answer.status == 204:
            self.memory.lost(*paths)
            await self._look(paths[-1])
        return answer is not None

    async def _look(self, path: str) -> None:
        """Now and then, read through any server what was just acknowledged.

        Raises:
            Stale: it shows something else.
        """
        if self._chance.random() > LOOKS:
            return
        try:
            answer = await self._chance.choice(self._readers)("GET", path)
        except (NotSent, Lost):
            return
        told = self.memory.there.get(path)
        if answer.status == 503:
            return
        shown = next(iter(answer.body.values())) if answer.status == 200 else None
        if (shown and firm(shown)) != (told and firm(told)):
            raise Stale(f"{self.name} was told {told}, and then shown {shown}")

    async def _ask(self, method: str, path: str, body: Any, doubt: Doubt) -> Answer | None:
        """The answer; None when there was none and it is in doubt."""
        memory = self.memory
        try:
            answer = await self.http(method, path, body)
        except NotSent:
            memory.not_done += 1
            return None
        except Lost:
            memory.doubt(doubt)
            return None
        memory.slowest_s = max(memory.slowest_s, answer.took_s)
        if answer.status == 503 and IN_DOUBT in answer.message:
            memory.doubt(doubt)
        elif answer.status == 503:
            memory.not_done += 1
        elif answer.status >= 300:
            raise Refused(f"{method} {path} {body}: {answer.status} {answer.message}")
        else:
            memory.acknowledged += 1
        return answer


def firm(body: Body) -> Body:
    """What its client knows of it for certain."""
    return {name: value for name, value in body.items() if name not in LOOSE}


def path_of(kind: str, body: Body) -> str:
    return f"/v2.0/{kind}s/{body['id']}"
