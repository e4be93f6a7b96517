"""`ovnest agent join`: the VM becomes a chassis of an OVN of VMs."""

import argparse
from pathlib import Path
from typing import Any

from ovnest.agent import settings
from ovnest.cli.agent import _options
from ovnest.cli.agent._asking import NOT_SET_UP, complain
from ovnest.cli.agent._doing import do, guarded, place_of

REGISTERED_WITHIN_S = 60.0


def add_steps(steps: Any) -> None:
    join = steps.add_parser(
        "join",
        parents=[
            _options.local(),
            _options.switch(settings.INTEGRATION_BRIDGE),
            _options.state(),
            _options.runtimes(),
        ],
        help="make the VM a chassis, and what container runtimes need; teardown undoes it",
    )
    join.add_argument("--southbound", required=True, metavar="ssl:IP:PORT", help="where ovn-controller goes")
    join.add_argument(
        "--encap-ip", metavar="IP", help="where the tunnels end (default: the address towards the Southbound)"
    )
    join.add_argument(
        "--certificate", type=Path, metavar="FILE", help="signed by the operator's CA, not by the server"
    )
    join.add_argument(
        "--ca-cert", type=Path, metavar="FILE", help="that CA's, by which the Southbound is known"
    )
    join.add_argument(
        "--within",
        type=float,
        default=REGISTERED_WITHIN_S,
        metavar="SECONDS",
        help=f"in which ovn-controller must have registered ({REGISTERED_WITHIN_S:g})",
    )
    join.add_argument(
        "--system-id-file",
        type=Path,
        default=settings.SYSTEM_ID_FILE,
        metavar="FILE",
        help=f"from which Open vSwitch is told its name at each start ({settings.SYSTEM_ID_FILE})",
    )
    join.set_defaults(step=_join, name="join")


def _join(arguments: argparse.Namespace) -> int:
    from ovnest.agent.setup.chassis import joining
    from ovnest.agent.setup.plan import plan_for_runtimes

    if (arguments.certificate is None) != (arguments.ca_cert is None):
        return complain("join", "--certificate and --ca-cert go together", NOT_SET_UP)
    signed = None
    if arguments.certificate is not None:
        signed = joining.Signed(certificate=arguments.certificate, ca=arguments.ca_cert)
    wish = joining.Wish(
        state=arguments.state,
        ovs=arguments.ovs,
        southbound=arguments.southbound,
        bridge=arguments.bridge,
        system_id_file=arguments.system_id_file,
        encap_ip=arguments.encap_ip,
        signed=signed,
        timeout_s=arguments.within,
    )

    def work() -> None:
        actions, encap = joining.plan_join(wish)
        try:
            do(arguments, [*actions, *plan_for_runtimes(place_of(arguments))])
        except joining.NotSigned as error:
            print(error.request, end="", flush=True)
            raise
        print(
            f"Containers have an MTU of {encap.tunnel_mtu} at most: {encap.device} has {encap.mtu}, and "
            f"Geneve takes {encap.mtu - encap.tunnel_mtu}."
        )

    return guarded(arguments, work)
