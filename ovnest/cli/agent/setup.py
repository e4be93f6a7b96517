"""`ovnest agent setup` and `teardown`: the bridge, and what container runtimes and systemd need."""

import argparse
from typing import TYPE_CHECKING, Any

from ovnest.cli.agent import _options
from ovnest.cli.agent._asking import NOT_SET_UP, complain
from ovnest.cli.agent._doing import carry_out, do, guarded, place_of, say

if TYPE_CHECKING:
    from ovnest.agent.setup.plan import Action

CONFIRM_WITHIN_S = 60.0


def add_steps(steps: Any) -> None:
    parents = [_options.local(), _options.switch(), _options.state(), _options.runtimes()]
    setup = steps.add_parser(
        "setup", parents=parents, help="make the bridge, and what container runtimes need"
    )
    what = setup.add_mutually_exclusive_group()
    what.add_argument(
        "--uplink", metavar="NIC", help="a NIC for the containers alone, the agent's parent port"
    )
    what.add_argument(
        "--take-over", metavar="NIC", help="the VM's only NIC, with its addresses, routes and DHCP: on trial"
    )
    what.add_argument("--confirm", action="store_true", help="make the take-over final")
    what.add_argument("--roll-back", action="store_true", help="take the take-over back, which waits")
    setup.add_argument(
        "--confirm-within",
        type=_seconds,
        default=CONFIRM_WITHIN_S,
        metavar="SECONDS",
        help=f"after which a take-over takes itself back ({CONFIRM_WITHIN_S:g})",
    )
    # For the process that waits for that.
    setup.add_argument("--after", type=float, default=0.0, help=argparse.SUPPRESS)
    setup.add_argument("--of", default="", help=argparse.SUPPRESS)
    setup.set_defaults(step=_setup, name="setup")

    teardown = steps.add_parser("teardown", parents=parents, help="undo setup or join")
    teardown.set_defaults(step=_teardown, name="teardown")


def _seconds(text: str) -> float:
    value = float(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1 s")
    return value


def _setup(arguments: argparse.Namespace) -> int:
    from ovnest.agent.setup.plan import plan_setup

    if arguments.take_over is not None:
        return guarded(arguments, lambda: _take_over(arguments))
    if arguments.confirm:
        return guarded(arguments, lambda: _confirm(arguments))
    if arguments.roll_back:
        return guarded(arguments, lambda: _roll_back(arguments))
    if arguments.uplink is None:
        return complain(
            "setup",
            "say by --uplink which NIC is the agent's parent port; if it is the VM's only one, --take-over",
            NOT_SET_UP,
        )
    place = place_of(arguments)
    return carry_out(arguments, lambda: plan_setup(place, arguments.uplink))


def _take_over(arguments: argparse.Namespace) -> None:
    from ovnest.agent.setup.takeover import trial
    from ovnest.agent.setup.takeover.record import Records

    records = Records(arguments.state)
    taken = records.find_taken()
    if taken is not None and taken.nic == arguments.take_over and records.find_waiting() is None:
        print(f"{taken.bridge} has taken {taken.nic} over already.")
        return
    record = trial.prepare(
        records,
        arguments.take_over,
        bridge=arguments.bridge,
        ovs=arguments.ovs,
        within_s=arguments.confirm_within,
    )
    say(arguments, trial.describe_take_over(record, records))
    if arguments.dry_run:
        return
    trial.take_over(records, record)
    print(
        f"{record.bridge} has taken {record.nic} over, on trial. From a new connection, say within "
        f"{record.within_s:g} s: ovnest agent setup --confirm",
        flush=True,
    )


def _confirm(arguments: argparse.Namespace) -> None:
    from ovnest.agent.setup.plan import plan_for_runtimes
    from ovnest.agent.setup.takeover import trial
    from ovnest.agent.setup.takeover.record import Records

    records = Records(arguments.state)
    record = trial.check_waits(records)
    say(arguments, trial.describe_confirm(record))
    if not arguments.dry_run:
        trial.confirm(records)
    do(arguments, plan_for_runtimes(place_of(arguments)))


def _roll_back(arguments: argparse.Namespace) -> None:
    from ovnest.agent.errors import NotSetUp
    from ovnest.agent.setup.takeover import trial
    from ovnest.agent.setup.takeover.record import Records

    records = Records(arguments.state)
    waits = records.find_waiting()
    if waits is None:
        raise NotSetUp("no take-over waits: none was made, or it was confirmed or taken back already")
    say(arguments, trial.describe_leaving(waits))
    if not arguments.dry_run and trial.roll_back(records, after_s=arguments.after, of=arguments.of):
        print(f"{waits.nic} is as it was.", flush=True)


def _teardown(arguments: argparse.Namespace) -> int:
    from ovnest.agent.setup.chassis import joining
    from ovnest.agent.setup.plan import plan_teardown

    place = place_of(arguments)

    def plan() -> list["Action"]:
        joined = joining.is_joined(place.state)
        return plan_teardown(place, joining.plan_leave(place.state, place.ovs) if joined else ())

    return carry_out(arguments, plan)
