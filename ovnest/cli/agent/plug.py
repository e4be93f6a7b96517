"""`ovnest agent plug` and `unplug`: a network namespace on a network, without any container runtime."""

import argparse
import os
from pathlib import Path
from typing import Any

from ovnest.cli.agent import _options
from ovnest.cli.agent._asking import REFUSED, ask, complain

NAMESPACES = Path("/run/netns")


def add_steps(steps: Any) -> None:
    plug = steps.add_parser("plug", parents=[_options.local()], help="put a network namespace on a network")
    _add_namespace(plug)
    plug.add_argument("--network", required=True, metavar="NETWORK", help="by id or name")
    plug.add_argument("--ip", action="append", default=[], metavar="ADDRESS", help="a fixed address")
    plug.add_argument("--mac", metavar="MAC", help="a fixed MAC address")
    plug.add_argument("--name", default="", help="the port's name (the container's)")
    plug.set_defaults(step=_plug)

    unplug = steps.add_parser("unplug", parents=[_options.local()], help="take it off again")
    _add_namespace(unplug)
    unplug.set_defaults(step=_unplug)


def _add_namespace(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("namespace", metavar="NETNS", help="its name (ip netns) or its path")
    parser.add_argument("--container", metavar="ID", help="what the attachment is known by (NETNS' name)")
    parser.add_argument("--interface", default="eth0", metavar="NAME", help="its device inside (eth0)")


def _plug(arguments: argparse.Namespace) -> int:
    request = {
        "verb": "plug",
        "key": _key(arguments),
        "network": arguments.network,
        "addresses": arguments.ip,
        "mac": arguments.mac,
        "name": arguments.name,
    }
    path = _path(arguments.namespace)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        return complain("plug", f"{path}: {error.strerror}")
    try:
        answer = ask("plug", arguments, request, (fd,))
    finally:
        os.close(fd)
    if answer is None:
        return REFUSED
    addresses = ", ".join(each["address"] for each in answer["addresses"]) or "no address"
    tag = "" if answer["tag"] is None else f", tag {answer['tag']}"
    print(f"{arguments.interface} in {path} is port {answer['port_id']}{tag}: {addresses}, {answer['mac']}")
    return 0


def _unplug(arguments: argparse.Namespace) -> int:
    done = ask("unplug", arguments, {"verb": "unplug", "key": _key(arguments)})
    if done is None:
        return REFUSED
    if not done:
        print("Its device is gone; its port will be deleted as soon as the API can be reached.")
    return 0


def _key(arguments: argparse.Namespace) -> dict[str, str]:
    container = arguments.container or _path(arguments.namespace).name
    return {"container": container, "interface": arguments.interface}


def _path(namespace: str) -> Path:
    return Path(namespace) if "/" in namespace else NAMESPACES / namespace
