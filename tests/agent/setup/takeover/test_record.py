"""The record of a take-over, and that only one process works on it."""

import subprocess
import sys
from pathlib import Path

import pytest

from ovnest.agent.errors import NotSetUp
from ovnest.agent.setup.takeover import record
from ovnest.agent.setup.takeover.facts import Address, Facts, Hop, Neighbour, Route, on_device, standing_in
from ovnest.agent.setup.takeover.managers import Managed, Manager
from ovnest.agent.setup.takeover.record import Record, Records

HOLDER = """
import signal, sys
from pathlib import Path
from ovnest.agent.setup.takeover.record import Records
with Records(Path(sys.argv[1])).alone():
    print("held", flush=True)
    signal.pause()
"""
FACTS = Facts(
    name="eth0",
    index=2,
    mac="fa:16:3e:00:00:07",
    mtu=1442,
    addresses=(
        Address(family=2, address="192.0.2.7", length=24, label="eth0:1", valid_s=90, dynamic=True),
        Address(family=10, address="2001:db8::7", length=64),
    ),
    routes=(
        Route(
            family=2, destination=None, length=0, table=254, proto=16, scope=0, kind=1, gateway="192.0.2.1"
        ),
        Route(
            family=10,
            destination=None,
            length=0,
            table=254,
            proto=9,
            scope=0,
            kind=1,
            gateway="fe80::1",
            metric=1024,
            expires_s=300,
            hops=(Hop(gateway="fe80::1", device=None, weight=0, flags=0),),
        ),
    ),
    neighbours=(Neighbour(family=2, address="192.0.2.1", mac="02:00:00:00:00:01", state=4, flags=0),),
)


def recorded() -> Record:
    return Record(
        id="1",
        nic="eth0",
        bridge="br-ovnest",
        ovs="unix:/x",
        userspace=False,
        before=FACTS,
        managed=Managed(manager=Manager.IFUPDOWN, clients=(("dhclient", "eth0"),)),
        boot="b",
        within_s=60.0,
    )


def test_what_waits_is_confirmed_by_a_rename(tmp_path: Path) -> None:
    records = Records(tmp_path / "state")
    assert records.find_waiting() is None
    records.keep(recorded())
    assert records.find_waiting() == recorded()
    assert records.waits("1")
    assert not records.waits("2"), "another trial's time is not this one's"
    records.confirm()
    assert records.find_waiting() is None
    assert records.find_taken() == recorded()
    records.forget()
    assert list(records.directory.iterdir()) == []
    records.waiting_path.write_text("{")
    with pytest.raises(NotSetUp, match="cannot be read"):
        records.find_waiting()


def test_one_process_at_a_time_and_one_that_hangs_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = Records(tmp_path)
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(NotSetUp, match="another `ovnest agent setup`"), records.alone():
            pytest.fail("two hold it")
        monkeypatch.setattr(record, "LOCK_PATIENCE_S", 0.1)
        with records.alone(insist=True):
            assert holder.wait(10) == -9
    finally:
        holder.kill()
        holder.communicate()
    with records.alone():
        assert (tmp_path / record.LOCK).read_text() != str(holder.pid)


def test_facts_follow_to_another_device() -> None:
    moved = on_device(FACTS, "br-ovnest", lease_s=3600)
    assert moved.addresses[0].label == "br-ovnest:1"
    assert moved.addresses[0].valid_s == 3600, "until a new client has renewed it"
    assert moved.addresses[1] == FACTS.addresses[1]
    assert on_device(FACTS, "br-with-13char").addresses[0].label == "br-with-13char"
    assert [each.metric for each in standing_in(FACTS).routes] == [None, 1025]
