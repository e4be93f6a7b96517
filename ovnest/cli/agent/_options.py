"""Options that several steps share, as parent parsers."""

import argparse
from pathlib import Path

from ovnest.agent import settings


def local() -> argparse.ArgumentParser:
    """Where the agent listens."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--socket",
        type=Path,
        default=settings.SOCKET,
        metavar="PATH",
        help=f"the agent's socket ({settings.SOCKET})",
    )
    return parser


def state() -> argparse.ArgumentParser:
    """Where the credential and the record of a take-over are."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--state",
        type=Path,
        default=settings.STATE,
        metavar="DIR",
        help=f"where the credential and the record of a take-over are kept ({settings.STATE})",
    )
    return parser


def runtimes() -> argparse.ArgumentParser:
    """Where container runtimes look for plugins, and whether anything is to be done at all."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--cni-dir",
        action="append",
        type=Path,
        metavar="DIR",
        help=f"where runtimes look for CNI plugins ({', '.join(map(str, settings.CNI_DIRECTORIES))})",
    )
    parser.add_argument(
        "--netavark-dir",
        action="append",
        type=Path,
        metavar="DIR",
        help=f"where Podman looks for plugins ({', '.join(map(str, settings.NETAVARK_DIRECTORIES))})",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    return parser


def switch(bridge: str = settings.BRIDGE) -> argparse.ArgumentParser:
    """The VM's Open vSwitch and the bridge in it."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--ovs", default=settings.OVS, metavar="REMOTE", help=f"the VM's Open vSwitch ({settings.OVS})"
    )
    parser.add_argument("--bridge", default=bridge, metavar="NAME", help=f"its bridge ({bridge})")
    return parser
