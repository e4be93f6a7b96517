"""The judge: whether what is there is what the clients of a load were told.

Two witnesses: the API's own lists, against the clients' memories; and the rows as `ovsdb-client` reads them,
for what must be there once only.
"""

import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from ovnest.sandbox.until import patience
from tests.faults.workload import Body, Change, Client, Creation, Deletion, Doubt, Memory, firm, path_of
from tests.http import Http

KINDS = ("network", "subnet", "port")
SHOWN = 10


class Verdict:
    """What a look has found, and how much of the doubtful had been done."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.done = 0
        self.not_done = 0


async def judge(http: Http, clients: Sequence[Client]) -> Verdict:
    """Compare, settle each client's doubts by what is there, and fail if anything is not as told."""
    lists = [(kind, await http.list(kind)) for kind in KINDS]
    found = {path_of(kind, body): body for kind, bodies in lists for body in bodies}
    verdict = Verdict()
    for client in clients:
        _settle(client.memory, found, verdict)
    problems = verdict.problems
    for client in clients:
        problems += _differences(client, found)
    problems += _strangers(clients, found)
    problems += _clashes(*(bodies for _, bodies in lists))
    assert not problems, f"{len(problems)} things are wrong:\n" + "\n".join(problems[:SHOWN])
    return verdict


def _settle(memory: Memory, found: dict[str, Body], verdict: Verdict) -> None:
    """All or nothing of each doubt; what is there then is what the client knows from now on."""
    for doubt in memory.doubts:
        done = _outcome(doubt, memory, found)
        if isinstance(done, str):
            verdict.problems.append(f"half-made: {done}: {doubt}")
        verdict.done += done is True
        verdict.not_done += done is False
    memory.doubts.clear()


def _outcome(doubt: Doubt, memory: Memory, found: dict[str, Body]) -> bool | str:
    """Whether it was done; what is wrong if that cannot be said."""
    match doubt:
        case Creation(kind=kind, names=names):
            made = [
                (path, body)
                for path, body in found.items()
                if path.startswith(f"/v2.0/{kind}s/") and body["name"] in names
            ]
            if made and sorted(body["name"] for _, body in made) != sorted(names):
                return f"there are {[body['name'] for _, body in made]}"
            memory.there |= made
            return bool(made)
        case Deletion(paths=paths):
            left = [path for path in paths if path in found]
            if left and len(left) != len(paths):
                return f"left are {left}"
            if not left:
                memory.lost(*paths)
            return not left
        case Change(path=path, change=change):
            if path not in found:
                return "it is gone"
            before, after = memory.there[path], found[path]
            if after["revision_number"] == before["revision_number"]:
                return False
            memory.there[path] = after
            if after["revision_number"] != before["revision_number"] + 1:
                return f"revision {before['revision_number']} became {after['revision_number']}"
            unlike = [name for name, value in change.items() if not _is_as_asked(name, value, after)]
            return f"unlike what was asked: {unlike} in {after}" if unlike else True


def _is_as_asked(name: str, value: Any, after: Body) -> bool:
    if name == "binding:profile":
        return bool(after[name].get("parent_name") == value.get("parent_name"))
    if name == "allowed_address_pairs":
        return [pair["ip_address"] for pair in after[name]] == [pair["ip_address"] for pair in value]
    return bool(after[name] == value)


def _differences(client: Client, found: dict[str, Body]) -> Iterator[str]:
    memory = client.memory
    for path, told in memory.there.items():
        there = found.get(path)
        if there is None:
            yield f"{client.name} was told of {path}, and it is not there: {told}"
        elif firm(there) != firm(told):
            differing = {key: (told[key], there[key]) for key in told if told[key] != there[key]}
            yield f"{client.name}: {path} is not as told (told, there): {differing}"
    for path in memory.gone & found.keys():
        yield f"{client.name} was told that {path} is deleted, and it is there"


def _strangers(clients: Sequence[Client], found: dict[str, Body]) -> Iterator[str]:
    known = {path for client in clients for path in client.memory.there}
    prefixes = tuple(f"{client.name}-" for client in clients)
    for path, body in found.items():
        if path not in known and body["name"].startswith(prefixes):
            yield f"nobody was told of {path}: {body}"


def _clashes(networks: list[Body], subnets: list[Body], ports: list[Body]) -> Iterator[str]:
    """What is held twice, and what belongs to nothing."""
    by_network: dict[str, set[str]] = {network["id"]: set() for network in networks}
    for subnet in subnets:
        by_network[subnet["network_id"]].add(subnet["id"])
    for network in networks:
        if set(network["subnets"]) != by_network[network["id"]]:
            yield f"network {network['id']} shows {network['subnets']}, not {by_network[network['id']]}"
    cidrs = {subnet["id"]: ip_network(subnet["cidr"]) for subnet in subnets}
    port_ids = {port["id"] for port in ports}
    for port in ports:
        for fixed in port["fixed_ips"]:
            if ip_address(fixed["ip_address"]) not in cidrs[fixed["subnet_id"]]:
                yield f"port {port['id']} has {fixed}"
        profile = port["binding:profile"]
        if profile and (profile["parent_name"] not in port_ids or not 1 <= profile["tag"] <= 4094):
            yield f"container port {port['id']} has the profile {profile}"
    addresses = [(p["network_id"], ip["ip_address"]) for p in ports for ip in p["fixed_ips"]]
    yield from _twice("address", addresses)
    yield from _twice("MAC address", [(port["network_id"], port["mac_address"]) for port in ports])
    profiles = [port["binding:profile"] for port in ports]
    yield from _twice("tag", [(p["parent_name"], p["tag"]) for p in profiles if p])


def rows_clash(remote: str) -> list[str]:
    """What the rows themselves say twice, or hold in no switch or in two, read without any code of ours."""
    ports = _select(remote, "Logical_Switch_Port", "name", "addresses", "parent_name", "tag", "external_ids")
    switches = _select(remote, "Logical_Switch", "name", "ports")
    home = {port: switch["name"] for switch in switches for port in _set(switch["ports"])}
    held = [port for switch in switches for port in _set(switch["ports"])]
    tags = [(port["parent_name"], port["tag"]) for port in ports if _set(port["parent_name"])]
    addresses = [
        (home.get(port["_uuid"][1]), word)
        for port in ports
        for text in _set(port["addresses"])
        for word in text.split()
    ]
    return [
        *_twice("reference to a port", held),
        *_twice("name", [port["name"] for port in ports]),
        *_twice("tag", [(parent, str(tag)) for parent, tag in tags]),
        *_twice("address", [(switch, word) for switch, word in addresses if word != "unknown"]),
        *(f"port {port['name']} is in no switch" for port in ports if port["_uuid"][1] not in home),
    ]


def _twice(what: str, held: Iterable[Any]) -> Iterator[str]:
    for each, count in Counter(held).items():
        if count > 1:
            yield f"{what} {each} is there {count} times"


def _select(remote: str, table: str, *columns: str) -> list[Body]:
    operation = {"op": "select", "table": table, "where": [], "columns": ["_uuid", *columns]}
    command = ("ovsdb-client", "transact", remote, json.dumps(["OVN_Northbound", operation]))
    done = subprocess.run(command, capture_output=True, text=True, timeout=20 * patience(), check=True)
    rows: list[Body] = json.loads(done.stdout)[0]["rows"]
    return rows


def _set(value: Any) -> list[Any]:
    """An OVSDB set as a list (RFC 7047, 5.1): one atom stands bare."""
    if isinstance(value, list) and value[0] == "set":
        return [item[1] if isinstance(item, list) else item for item in value[1]]
    return [value[1] if isinstance(value, list) else value]
