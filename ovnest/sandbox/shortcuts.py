"""Small commands in `<sandbox>/bin`: one for each node, and the tools of the release that runs."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from ovnest.sandbox.place import Place

BIN = "bin"
TOOLS = (
    *("ovn-nbctl", "ovn-sbctl", "ovn-appctl", "ovn-trace", "ovn-detrace"),
    *("ovs-vsctl", "ovs-ofctl", "ovs-appctl", "ovs-dpctl", "ovsdb-client", "ovsdb-tool"),
)


def write_tools(place: Place) -> None:
    """The tools of the release that the sandbox runs; without them those of this machine would be found."""
    if place.release.tree is None:
        return
    for tool in TOOLS:
        write_script(place.directory / BIN / tool, place.release.argv(f"/usr/bin/{tool}"), {})


def write_script(path: Path, argv: tuple[str, ...], environment: Mapping[str, str]) -> None:
    """A command that runs `argv` with what it is given appended."""
    variables = (f"{name}={shlex.quote(value)}" for name, value in environment.items())
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#!/bin/sh\n{" ".join(("exec env", *variables, shlex.join(argv)))} "$@"\n')
    path.chmod(0o755)
