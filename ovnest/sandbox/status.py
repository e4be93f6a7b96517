"""What is in a sandbox, and whether it runs, for people."""

from collections.abc import Sequence

from msgspec import Struct

from ovnest.sandbox.container import Container
from ovnest.sandbox.errors import CommandFailed
from ovnest.sandbox.node import Node
from ovnest.sandbox.release import ovn_version
from ovnest.sandbox.sandbox import Sandbox
from ovnest.sandbox.vm import Vm

HEADINGS = ("NODE", "KIND", "ON", "TAG", "ADDRESSES", "PORT", "RUNS")
ABSENT = "-"


class Status(Struct, frozen=True, kw_only=True):
    """The page that `ovnest sandbox status` prints; `healthy` if everything runs that should."""

    text: str
    healthy: bool


async def look(sandbox: Sandbox) -> Status:
    """Look at every node of the sandbox, and ask its databases."""
    absent = {node.name: [each.name for each in node.daemons if each.pid() is None] for node in sandbox.nodes}
    lines = [
        f"sandbox {sandbox.name}: OVN {await ovn_version(sandbox.place.release)}, in {sandbox.path}",
        await _counted(sandbox),
        "",
        *table([HEADINGS, *(_row(node, absent[node.name]) for node in sandbox.nodes)]),
    ]
    return Status(text="\n".join(lines), healthy=not any(absent.values()))


async def _counted(sandbox: Sandbox) -> str:
    columns = ("--bare", "--columns=_uuid")
    nbctl = sandbox.central.nbctl
    try:
        switches = await nbctl(*columns, "list", "Logical_Switch")
        ports = await nbctl(*columns, "list", "Logical_Switch_Port")
        up = await nbctl(*columns, "find", "Logical_Switch_Port", "up=true")
    except CommandFailed as failure:
        return f"the Northbound does not answer: {failure.output}"
    count = [len(rows.split()) for rows in (switches, ports, up)]
    return f"logical switches: {count[0]}, their ports: {count[1]}, of these up: {count[2]}"


def _row(node: Node, absent: Sequence[str]) -> tuple[str, ...]:
    on, tag, port = ABSENT, ABSENT, ABSENT
    if isinstance(node, Vm):
        on, port = node.chassis.name, node.port_id
    elif isinstance(node, Container):
        on, tag = node.vm.name, str(node.tag)
    daemons = [each.name for each in node.daemons]
    runs = f"lacks {', '.join(absent)}" if absent else ", ".join(daemons) or ABSENT
    return (node.name, node.kind, on, tag, " ".join(node.addresses) or ABSENT, port, runs)


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines with aligned columns."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
