"""`ovnest agent`: inside a VM, puts its containers straight onto virtual networks."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ovnest.agent.setup import Action

HELP = "inside a VM: put its containers straight onto virtual networks"

NAMESPACES = Path("/run/netns")
REFUSED = 1
NOT_SET_UP = 2
NOT_AS_IT_SHOULD_BE = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The steps of this verb."""
    from ovnest.agent import settings

    local = argparse.ArgumentParser(add_help=False)
    local.add_argument(
        "--socket",
        type=Path,
        default=settings.SOCKET,
        metavar="PATH",
        help=f"the agent's socket ({settings.SOCKET})",
    )
    state = argparse.ArgumentParser(add_help=False)
    state.add_argument(
        "--state",
        type=Path,
        default=settings.STATE,
        metavar="DIR",
        help=f"where the credential is kept ({settings.STATE})",
    )
    switch = argparse.ArgumentParser(add_help=False)
    switch.add_argument(
        "--ovs", default=settings.OVS, metavar="REMOTE", help=f"the VM's Open vSwitch ({settings.OVS})"
    )
    switch.add_argument(
        "--bridge", default=settings.BRIDGE, metavar="NAME", help=f"its bridge ({settings.BRIDGE})"
    )
    steps = parser.add_subparsers(title="steps", metavar="STEP", required=True)

    run_ = steps.add_parser("run", parents=[local, state, switch], help="the agent itself; systemd starts it")
    run_.add_argument(
        "--docker",
        type=Path,
        nargs="?",
        const=settings.DOCKER_SOCKET,
        metavar="PATH",
        help=f"serve Docker, too, by a socket that it finds ({settings.DOCKER_SOCKET})",
    )
    for name, help in BOUNDS.items():
        run_.add_argument(f"--{name}-s", type=float, metavar="SECONDS", help=help)
    run_.set_defaults(step=_run)

    enroll = steps.add_parser("enroll", parents=[state], help="turn a one-time code into a credential")
    enroll.add_argument(
        "--code-file",
        metavar="FILE",
        help="a file with the code, - for the standard input (default: where systemd or cloud-init leave it)",
    )
    enroll.set_defaults(step=_enroll)

    setup = steps.add_parser(
        "setup", parents=[local, switch], help="make the bridge, and what container runtimes need"
    )
    setup.add_argument("--uplink", metavar="NIC", help="the NIC that is the agent's parent port")
    _add_setup_options(setup)
    setup.set_defaults(step=_setup, name="setup")

    teardown = steps.add_parser("teardown", parents=[local, switch], help="undo setup")
    _add_setup_options(teardown)
    teardown.set_defaults(step=_teardown, name="teardown")

    plug = steps.add_parser("plug", parents=[local], help="put a network namespace on a network")
    _add_namespace(plug)
    plug.add_argument("--network", required=True, metavar="NETWORK", help="by id or name")
    plug.add_argument("--ip", action="append", default=[], metavar="ADDRESS", help="a fixed address")
    plug.add_argument("--mac", metavar="MAC", help="a fixed MAC address")
    plug.add_argument("--name", default="", help="the port's name (the container's)")
    plug.set_defaults(step=_plug)

    unplug = steps.add_parser("unplug", parents=[local], help="take it off again")
    _add_namespace(unplug)
    unplug.set_defaults(step=_unplug)

    status = steps.add_parser("status", parents=[local], help="what is attached, and whether it works")
    status.add_argument("--json", action="store_true", help="as JSON")
    status.set_defaults(step=_status)

    gc = steps.add_parser("gc", parents=[local], help="take away what is left over")
    gc.add_argument("--dry-run", action="store_true", help="only show it")
    gc.set_defaults(step=_gc)

    check = steps.add_parser("check", parents=[local], help="compare what is with what was made")
    check.set_defaults(step=_check)


BOUNDS = {
    "attach": "for all of an attachment",
    "plug": "until Open vSwitch has the device",
    "active": "until the API calls the port active",
    "doubt": "how long a port whose request got no answer may still come to be",
    "reserved": "after which a reservation that nobody adopts is given back",
}


def run(arguments: argparse.Namespace) -> int:
    """0: done; 1: refused, or it cannot be done now; 2: not set up; 3: something is not as it should be."""
    status: int = arguments.step(arguments)
    return status


def _add_namespace(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("namespace", metavar="NETNS", help="its name (ip netns) or its path")
    parser.add_argument("--container", metavar="ID", help="what the attachment is known by (NETNS' name)")
    parser.add_argument("--interface", default="eth0", metavar="NAME", help="its device inside (eth0)")


def _add_setup_options(parser: argparse.ArgumentParser) -> None:
    from ovnest.agent import settings

    parser.add_argument(
        "--cni-dir",
        action="append",
        type=Path,
        metavar="DIR",
        help=f"where runtimes look for CNI plugins ({', '.join(map(str, settings.CNI_DIRECTORIES))})",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")


def _run(arguments: argparse.Namespace) -> int:
    from msgspec.structs import replace

    from ovnest.agent import credential, daemon
    from ovnest.agent.bounds import Bounds
    from ovnest.agent.errors import AgentError
    from ovnest.ovsdb import OvsdbError

    given = {f"{name}_s": getattr(arguments, f"{name}_s") for name in BOUNDS}
    bounds = replace(Bounds(), **{name: value for name, value in given.items() if value is not None})
    site = daemon.Site(
        ovs=arguments.ovs,
        bridge=arguments.bridge,
        socket=arguments.socket,
        bounds=bounds,
        docker=arguments.docker,
    )
    failures: list[str] = []

    async def main(stop: asyncio.Event) -> None:
        try:
            held = credential.load(arguments.state)
            if held is None:
                held = await credential.enroll(credential.code_from(None))
                credential.save(arguments.state, held)
            await daemon.serve(site, daemon.identity_of(arguments.state, held), stop)
        except (AgentError, OvsdbError, OSError) as error:
            failures.append(str(error))

    daemon.run(main)
    return _complain("run", failures[0], NOT_SET_UP) if failures else 0


def _enroll(arguments: argparse.Namespace) -> int:
    from ovnest.agent import credential
    from ovnest.agent.errors import AgentError

    try:
        held = asyncio.run(credential.enroll(credential.code_from(arguments.code_file)))
        credential.save(arguments.state, held)
    except (AgentError, OSError) as error:
        return _complain("enroll", str(error))
    print(f"This machine's agent speaks for {held.subject} ({held.mode}) at {held.url}.")
    return 0


def _setup(arguments: argparse.Namespace) -> int:
    from ovnest.agent import setup

    if arguments.uplink is None:
        return _complain("setup", "say by --uplink which NIC is the agent's parent port", NOT_SET_UP)
    place = _place(arguments)
    return _carry_out(arguments, lambda: setup.plan_setup(place, arguments.uplink))


def _teardown(arguments: argparse.Namespace) -> int:
    from ovnest.agent import setup

    place = _place(arguments)
    return _carry_out(arguments, lambda: setup.plan_teardown(place))


def _place(arguments: argparse.Namespace) -> Any:
    from ovnest.agent import settings, setup

    return setup.Place(
        ovs=arguments.ovs,
        bridge=arguments.bridge,
        socket=arguments.socket,
        cni_directories=tuple(arguments.cni_dir or settings.CNI_DIRECTORIES),
        unit=settings.UNIT,
    )


def _carry_out(arguments: argparse.Namespace, plan: "Callable[[], list[Action]]") -> int:
    from ovnest.agent.errors import AgentError
    from ovnest.ovsdb import OvsdbError

    try:
        for action in plan():
            print(f"{'would ' if arguments.dry_run else ''}{action.what}")
            if not arguments.dry_run:
                action.do()
    except (AgentError, OvsdbError, OSError) as error:
        return _complain(arguments.name, str(error))
    return 0


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
        return _complain("plug", f"{path}: {error.strerror}")
    try:
        answer = _ask("plug", arguments, request, (fd,))
    finally:
        os.close(fd)
    if answer is None:
        return REFUSED
    addresses = ", ".join(each["address"] for each in answer["addresses"]) or "no address"
    tag = "" if answer["tag"] is None else f", tag {answer['tag']}"
    print(f"{arguments.interface} in {path} is port {answer['port_id']}{tag}: {addresses}, {answer['mac']}")
    return 0


def _unplug(arguments: argparse.Namespace) -> int:
    done = _ask("unplug", arguments, {"verb": "unplug", "key": _key(arguments)})
    if done is None:
        return REFUSED
    if not done:
        print("Its device is gone; its port will be deleted as soon as the API can be reached.")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    found = _ask("status", arguments, {"verb": "status"})
    if found is None:
        return REFUSED
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        print(_status_text(found))
    return NOT_AS_IT_SHOULD_BE if found["problems"] else 0


def _status_text(found: dict[str, Any]) -> str:
    heads = ("CONTAINER", "INTERFACE", "PORT", "NETWORK", "ADDRESS", "TAG", "STATE", "SINCE", "REMARK")
    rows = [
        (
            each["name"] or each["container"][:12],
            each["interface"],
            each["port"] or "-",
            each["network"],
            ",".join(each["addresses"]) or "-",
            "-" if each["tag"] is None else str(each["tag"]),
            each["state"],
            datetime.fromtimestamp(each["since"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            each["reason"],
        )
        for each in found["attachments"]
    ]
    lines = [f"agent {found['agent']} of {found['subject']}, API {found['api']}", *_table([heads, *rows])]
    lines += [f"port left over: {each} (ovnest agent gc)" for each in found["orphans"]]
    lines += [f"device left over: {each} (ovnest agent gc)" for each in found["strays"]]
    lines += [f"not understood, left alone: port {each} of the bridge" for each in found["unreadable"]]
    lines += [f"problem: {each}" for each in found["problems"]]
    return "\n".join(lines)


def _gc(arguments: argparse.Namespace) -> int:
    found = _ask("gc", arguments, {"verb": "gc", "dry_run": arguments.dry_run})
    if found is None:
        return REFUSED
    for each in found:
        done = "would go" if arguments.dry_run else "gone" if each["gone"] else "could not go yet"
        print(f"{each['kind']} {each['what']}: {done} ({each['why']})")
    if not found:
        print("Nothing is left over.")
    return 0 if arguments.dry_run or all(each["gone"] for each in found) else NOT_AS_IT_SHOULD_BE


def _check(arguments: argparse.Namespace) -> int:
    found = _ask("check", arguments, {"verb": "check"})
    if found is None:
        return REFUSED
    for each in found:
        print(f"{each['key']}: {each['finding']}")
    if not found:
        print("All is as it was made.")
    return NOT_AS_IT_SHOULD_BE if found else 0


def _ask(
    step: str, arguments: argparse.Namespace, request: dict[str, Any], files: tuple[int, ...] = ()
) -> Any:
    """The agent's answer; None if it refused, or does not answer, which has been said then."""
    from ovnest.agent import local

    try:
        reply = local.ask(arguments.socket, request, files)
    except OSError as error:
        _complain(step, f"no agent answers at {arguments.socket}: {error.strerror or error}")
        return None
    if "error" in reply:
        _complain(step, reply["error"]["message"])
        return None
    return reply["answer"]


def _key(arguments: argparse.Namespace) -> dict[str, str]:
    container = arguments.container or _path(arguments.namespace).name
    return {"container": container, "interface": arguments.interface}


def _path(namespace: str) -> Path:
    return Path(namespace) if "/" in namespace else NAMESPACES / namespace


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _complain(step: str, message: str, status: int = REFUSED) -> int:
    print(f"ovnest agent {step}: {message}", file=sys.stderr)
    return status
