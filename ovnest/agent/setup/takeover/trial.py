"""The verbs: take over on trial, confirm, roll back, give back for good."""

import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from secrets import token_hex
from time import sleep

from msgspec.structs import replace

from ovnest.agent.errors import AgentError, NotSetUp
from ovnest.agent.setup.takeover import dhclient, files, managers, reading, timer
from ovnest.agent.setup.takeover.commands import SYSTEMD
from ovnest.agent.setup.takeover.facts import LINK, NAME_MAX, describe, on_device
from ovnest.agent.setup.takeover.managers import Manager
from ovnest.agent.setup.takeover.record import Record, Records
from ovnest.agent.setup.takeover.steps import CONFIRM, LEAVE, TAKE_OVER, Step, plan_give_back
from ovnest.agent.setup.takeover.work import Work
from ovnest.agent.vm.boot import boot_id
from ovnest.agent.vm.bridge import check_free, has_kernel_datapath, others_on
from ovnest.agent.vm.database import in_database
from ovnest.agent.vm.uplink import check_possible
from ovnest.ovsdb import OvsdbError

RETRY_S = 1.0
LEAVING_WITHIN_S = 30.0

# What a step can fail with, and what ends us at the terminal.
FAILURES = (AgentError, OvsdbError, OSError)


def prepare(records: Records, nic: str, *, bridge: str, ovs: str, within_s: float) -> Record:
    """All that a take-over needs to know; nothing is changed.

    Raises:
        NotSetUp: it cannot be done; the message says why, and what would be right.
        OvsdbError: Open vSwitch does not run.
    """
    if records.find_waiting() is not None:
        raise NotSetUp(
            "a take-over waits already: `ovnest agent setup --confirm` makes it final, and `ovnest agent "
            "setup --roll-back` takes it back"
        )
    if (taken := records.find_taken()) is not None:
        raise NotSetUp(f"{taken.nic} is taken over already; `ovnest agent teardown` gives it back")
    if len(bridge) > NAME_MAX:
        raise NotSetUp(f"a device's name has at most {NAME_MAX} characters, and {bridge} has more")
    userspace = not has_kernel_datapath()
    check_possible(userspace=userspace)
    reading.refuse_what_cannot_be(nic)
    in_database(ovs, lambda tx: check_free(tx, bridge, nic))
    before = reading.read(nic)
    if all(each.scope >= LINK for each in before.addresses):
        raise NotSetUp(f"{nic} has no addresses: `--uplink {nic}` is for a NIC that nothing uses")
    return Record(
        id=token_hex(4),
        nic=nic,
        bridge=bridge,
        ovs=ovs,
        userspace=userspace,
        before=before,
        managed=managers.find(nic, before.index, bridge),
        boot=boot_id(),
        within_s=within_s,
    )


def describe_take_over(record: Record, records: Records) -> Iterator[str]:
    """What will be done, a line for each thing."""
    nic, bridge, managed = record.nic, record.bridge, record.managed
    yield f"write down in {records.waiting_path} what {nic} has: {describe(record.before)}"
    yield f"start what gives it back in {record.within_s:g} s, unless `ovnest agent setup --confirm` comes"
    if SYSTEMD.exists():
        yield f"have a restart before that give it back, too ({timer.GUARD})"
    kind = "in userspace, since the kernel has no openvswitch module" if record.userspace else "in the kernel"
    yield f"make bridge {bridge} ({kind}) with MAC {record.before.mac} and MTU {record.before.mtu}"
    yield f"give {bridge} all that, make {nic} its port, and take it off {nic}"
    for change in managed.runtime:
        yield f"{change.what}, until a restart"
    if managed.manager is Manager.NETWORKD:
        yield f"let systemd-networkd look after {bridge} instead of {nic}"
    for argv in managed.clients:
        yield f"end `{' '.join(argv)}`, and start `{' '.join(dhclient.move(argv, nic, bridge))}`"
    yield f"when it is confirmed: {_what_is_written(record)}"


def take_over(records: Records, record: Record) -> None:
    """Do it, on trial. What cannot be finished is taken back at once.

    Raises:
        AgentError, OvsdbError, OSError: it could not be done, and was taken back.
    """
    with _whatever_becomes_of_the_terminal(), records.alone():
        if records.find_waiting() is not None or records.find_taken() is not None:
            raise NotSetUp("another take-over was faster")
        work = Work(records, record)
        try:
            for step in TAKE_OVER:
                work.do(step)
        except BaseException:
            _give_back(work)
            raise


def check_waits(records: Records) -> Record:
    """What waits to be confirmed.

    Raises:
        NotSetUp: nothing does.
    """
    record = records.find_waiting()
    if record is None:
        raise NotSetUp(
            "no take-over waits to be confirmed: none was made, or its time was over and it was taken back"
        )
    if record.leaving:
        raise NotSetUp(f"{record.nic} is just being given back")
    if not record.whole:
        raise NotSetUp(f"the take-over of {record.nic} is not whole: it is being made, or taken back")
    return record


def describe_confirm(record: Record) -> Iterator[str]:
    """What will be done, a line for each thing."""
    yield _what_is_written(record)
    yield f"make it final that {record.bridge} has taken {record.nic} over"


def confirm(records: Records) -> None:
    """Make it final.

    Raises:
        NotSetUp: nothing waits for that.
    """
    with records.alone():
        work = Work(records, check_waits(records))
        for step in CONFIRM:
            work.do(step)


def roll_back(records: Records, *, after_s: float = 0.0, of: str = "") -> Record | None:
    """Take back what waits, now or in some time; None if nothing does then, which is as well.

    Does not end before all of it is done: what fails is tried again.
    """
    if of:
        timer.wait(records, after_s, of)
    with _whatever_becomes_of_the_terminal(), records.alone(insist=True):
        record = records.find_waiting()
        if record is None or (of and record.id != of):
            return None
        _give_back(Work(records, record))
        return record


def plan_leaving(records: Records) -> Record | None:
    """What giving a NIC back for good needs to know; None if none is taken over.

    Raises:
        NotSetUp: containers are on the bridge, or a file was changed by somebody else since.
        OvsdbError: Open vSwitch does not run.
    """
    if records.find_waiting() is not None:
        raise NotSetUp("a take-over waits to be confirmed; `ovnest agent setup --roll-back` takes it back")
    record = records.find_taken()
    if record is None:
        return None
    others = in_database(record.ovs, lambda tx: others_on(tx, record.bridge))
    if others:
        raise NotSetUp(f"bridge {record.bridge} still has {', '.join(others)}; detach the containers first")
    for change in record.managed.files:
        files.check_revertible(change)
    return replace(
        _as_it_is_now(record), id=token_hex(4), boot=boot_id(), leaving=True, within_s=LEAVING_WITHIN_S
    )


def describe_leaving(record: Record) -> Iterator[str]:
    """What will be done, a line for each thing."""
    yield f"give {record.nic} what {record.bridge} has: {describe(record.before)}"
    for change in record.managed.files:
        yield f"{'remove' if change.before is None else 'put back'} {change.path}"
    yield f"take bridge {record.bridge} away"


def leave(records: Records, record: Record) -> None:
    """Give the NIC back. Should we end before it is done, what was started first finishes it."""
    with _whatever_becomes_of_the_terminal(), records.alone():
        work = Work(records, record)
        for step in LEAVE:
            work.do(step)
        _give_back(work)


def _as_it_is_now(record: Record) -> Record:
    """The record with what the bridge has now, which may have changed since it was taken over."""
    if not reading.exists(record.bridge):
        return record
    now = on_device(reading.read(record.bridge), record.nic)
    before = replace(record.before, addresses=now.addresses, routes=now.routes, neighbours=now.neighbours)
    clients = tuple(
        dhclient.move(client.argv, record.bridge, record.nic) for client in dhclient.find(record.bridge)
    )
    managed = replace(record.managed, clients=record.managed.clients if record.boot == boot_id() else clients)
    return replace(record, before=before, managed=managed)


def _give_back(work: Work) -> None:
    _do_until_done(work, plan_give_back(restarted=work.record.boot != boot_id()))


def _do_until_done(work: Work, steps: Iterable[Step]) -> None:
    """Do the steps. One that fails is tried again, and keeps only the last from being done meanwhile."""
    left = list(steps)
    last = left.pop()
    while left:
        failed = []
        for step in left:
            try:
                work.do(step)
            except FAILURES as error:
                _complain(step, error)
                failed.append(step)
        left = failed
        if left:
            sleep(RETRY_S)
    work.do(last)


def _complain(step: Step, error: Exception) -> None:
    """Say what could not be done, if anybody reads it."""
    try:
        print(
            f"ovnest agent: {step}: {error or type(error).__name__}; trying again",
            file=sys.stderr,
            flush=True,
        )
    except OSError:
        return  # the terminal is gone, which is just when this must go on


def _what_is_written(record: Record) -> str:
    files = [change.what for change in record.managed.files]
    if files:
        return ", ".join(files)
    return (
        f"nothing is written, since neither networkd nor ifupdown looks after {record.nic}: when the machine "
        f"starts, have {record.bridge} given its addresses as {record.nic} has got them"
    )


@contextmanager
def _whatever_becomes_of_the_terminal() -> Iterator[None]:
    """The connection may break by what we do: that must not end us half-way."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
