"""`ovnest southbound`: lets VMs reach a Southbound as chassis, with no more to write than a chassis must."""

import argparse
import asyncio
import os
import re
import ssl
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from ovnest.api.remotes import tls_of
from ovnest.config import BadSetting, Settings, add_options, load
from ovnest.ovsdb import OvsdbError
from ovnest.southbound.access_control import Southbound, Wanted, findings_of_remotes, served_at

HELP = "set up and check the access control of a Southbound that VMs reach as chassis"
SETTINGS = ("southbound", "private_key", "certificate", "ca_cert")
DEFAULT_SOUTHBOUND = "unix:/var/run/ovn/ovnsb_db.sock"
LISTEN = "6642"
CLEAN, FOUND, COULD_NOT = 0, 1, 2
_LISTEN = re.compile(r"[0-9]{1,5}(:[0-9A-Fa-f.:\[\]]+)?")
_SOCKET = re.compile(r"unix:(.*)\.sock")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The steps of this verb."""
    common = argparse.ArgumentParser(add_help=False)
    add_options(common, SETTINGS)
    common.add_argument(
        "--control",
        metavar="PATH",
        type=Path,
        help="ovsdb-server's control socket (default: of a unix: Southbound, the .ctl beside it)",
    )
    steps = parser.add_subparsers(title="steps", metavar="STEP", required=True)
    check = steps.add_parser(
        "check", parents=[common], help="whether a chassis can write nothing but what it must"
    )
    check.set_defaults(step=_check)
    secure = steps.add_parser(
        "secure", parents=[common], help="listen for chassis with TLS and the role ovn-controller, and check"
    )
    secure.add_argument(
        "--listen", default=LISTEN, metavar="PORT[:IP]", help=f"where chassis come in ({LISTEN})"
    )
    for name, what in (
        ("server-key", "the Southbound's private key (PEM)"),
        ("server-cert", "its certificate (PEM)"),
        ("chassis-ca", "certificate of the CA that signs the chassis' certificates, and nobody else's (PEM)"),
    ):
        secure.add_argument(f"--{name}", required=True, type=Path, metavar="FILE", help=what)
    secure.add_argument("--dry-run", action="store_true", help="only say what would be done")
    secure.set_defaults(step=_secure)


def run(arguments: argparse.Namespace) -> int:
    """0: as it must be; 1: something is not; 2: it could not be looked at, or set up."""
    step: Callable[[argparse.Namespace, Settings, Southbound], Awaitable[int]] = arguments.step
    try:
        settings = load(arguments, os.environ)
        remote = settings.southbound or DEFAULT_SOUTHBOUND

        async def go() -> int:
            async with Southbound(remote, tls_of(settings)) as southbound:
                return await step(arguments, settings, southbound)

        return asyncio.run(go())
    except (BadSetting, OvsdbError, OSError, ValueError) as error:
        print(f"ovnest southbound: {error}", file=sys.stderr)
        return COULD_NOT


async def _check(arguments: argparse.Namespace, settings: Settings, southbound: Southbound) -> int:
    found = [*southbound.findings(), *await _remotes(arguments, settings)]
    for each in found:
        print(each)
    if not found:
        print("A chassis can write its own rows and what the role ovn-controller lets it: docs/security.md.")
    return FOUND if found else CLEAN


async def _secure(arguments: argparse.Namespace, settings: Settings, southbound: Southbound) -> int:
    wanted = _wanted(arguments)
    for action in southbound.plan(wanted):
        print(f"{'would ' if arguments.dry_run else ''}{action}")
    if arguments.dry_run:
        return CLEAN
    await southbound.secure(wanted)
    return await _check(arguments, settings, southbound)


def _wanted(arguments: argparse.Namespace) -> Wanted:
    if not _LISTEN.fullmatch(arguments.listen):
        raise ValueError(f"--listen {arguments.listen}: it is PORT or PORT:IP, as 6642:192.0.2.10")
    files = [path.absolute() for path in (arguments.server_key, arguments.server_cert, arguments.chassis_ca)]
    key, certificate, ca = files
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(ca)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(
            f"{key}, {certificate} and {ca} cannot be used: {error.strerror or error}"
        ) from error
    return Wanted(listen=arguments.listen, private_key=key, certificate=certificate, ca_cert=ca)


async def _remotes(arguments: argparse.Namespace, settings: Settings) -> list[str]:
    control = arguments.control
    if control is None:
        beside = _SOCKET.fullmatch(settings.southbound or DEFAULT_SOUTHBOUND)
        if beside is None:
            return ["what ovsdb-server listens at by its command line was not looked at: name its --control"]
        control = Path(f"{beside[1]}.ctl")
    try:
        return findings_of_remotes(await served_at(control))
    except OSError as error:
        return [f"what ovsdb-server listens at by its command line was not looked at: {control}: {error}"]
