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


def switch() -> argparse.ArgumentParser:
    """The VM's Open vSwitch and the bridge in it."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--ovs", default=settings.OVS, metavar="REMOTE", help=f"the VM's Open vSwitch ({settings.OVS})"
    )
    parser.add_argument(
        "--bridge", default=settings.BRIDGE, metavar="NAME", help=f"its bridge ({settings.BRIDGE})"
    )
    return parser
