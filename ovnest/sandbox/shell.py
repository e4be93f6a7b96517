"""A shell in a sandbox: what stands in its environment."""

import os
import sys

from ovnest.sandbox.node import write_whole
from ovnest.sandbox.sandbox import Sandbox
from ovnest.sandbox.shortcuts import BIN

RC_FILE = "bashrc"


def environment(sandbox: Sandbox) -> dict[str, str]:
    """Our environment, in which OVN's tools talk to the sandbox, and each of its nodes is a command."""
    central = str(sandbox.central.directory)
    return {
        **os.environ,
        "PATH": f"{sandbox.path / BIN}:{os.environ.get('PATH', '')}",
        "OVN_NB_DB": sandbox.northbound,
        "OVN_SB_DB": sandbox.southbound,
        "OVN_RUNDIR": central,
        "OVS_RUNDIR": central,
        "OVNEST_NORTHBOUND": sandbox.northbound,
        "OVNEST_SOUTHBOUND": sandbox.southbound,
    }


def interactive(sandbox: Sandbox) -> list[str]:
    """The command line of bash; in a terminal it says what there is, and its prompt names the sandbox."""
    if not sys.stdin.isatty():
        return ["bash"]
    nodes = ", ".join(node.name for node in sandbox.nodes)
    lines = (
        "[ -r ~/.bashrc ] && . ~/.bashrc",
        f"PATH={sandbox.path / BIN}:$PATH",
        rf"PS1='({sandbox.name}) \w\$ '",
        f"echo 'ovn-nbctl and ovn-sbctl talk to sandbox {sandbox.name}. Its nodes: {nodes}'",
        "echo 'A node runs a command in itself: hv1 ovs-vsctl show'",
    )
    write_whole(sandbox.path / RC_FILE, "\n".join((*lines, "")).encode())
    return ["bash", "--rcfile", str(sandbox.path / RC_FILE), "-i"]
