"""Carries the steps out."""

from collections.abc import Callable
from subprocess import SubprocessError
from time import monotonic, sleep

from msgspec.structs import replace
from pyroute2.netlink.exceptions import NetlinkError

from ovnest.agent.crash_point import maybe_crash
from ovnest.agent.errors import LinkFailed
from ovnest.agent.setup.takeover import files, kernel, managers, reading, timer
from ovnest.agent.setup.takeover.announcing import announce
from ovnest.agent.setup.takeover.commands import run
from ovnest.agent.setup.takeover.facts import Facts, on_device, standing_in
from ovnest.agent.setup.takeover.record import Record, Records
from ovnest.agent.setup.takeover.steps import Step
from ovnest.agent.vm import uplink
from ovnest.agent.vm.bridge import add_uplink, make_bridge, remove_bridge
from ovnest.agent.vm.database import await_device, in_database
from ovnest.agent.vm.offload import set_tx_checksum_offload
from ovnest.agent.vm.tables import BRIDGE_BY_NAME, TAKEN_OVER

DEVICE_TIMEOUT_S = 20.0
LET_GO_TIMEOUT_S = 5.0
ADVERTISEMENT_TIMEOUT_S = 3.0
POLL_S = 0.02
KERNEL_DATAPATH_DEVICE = "ovs-system"


class Work:
    """One plan under way."""

    def __init__(self, records: Records, record: Record) -> None:
        self.records = records
        self.record = record
        self._methods: dict[Step, Callable[[], None]] = {
            Step.RECORD: self._record,
            Step.RECORD_LEAVING: self._record,
            Step.START_TIMER: lambda: timer.start(self.records, self.record),
            Step.GUARD_RESTART: lambda: timer.guard(self.records, self.record),
            Step.MAKE_BRIDGE: self._make_bridge,
            Step.COPY: lambda: kernel.give(self.record.bridge, standing_in(self._on_bridge)),
            Step.PLUG_NIC: self._plug_nic,
            Step.CLEAR_NIC: self._clear_nic,
            Step.MOVE_DHCP: lambda: managers.move(self.record.managed, self.record.nic, self.record.bridge),
            Step.ANNOUNCE: self._announce,
            Step.AWAIT_CONFIRMATION: self._await_confirmation,
            Step.WRITE_FILES: self._write_files,
            Step.CONFIRM: self.records.confirm,
            Step.END_TIMER: timer.end,
            Step.RESTORE_FILES: self._restore_files,
            Step.RESTORE_NIC: self._restore_nic,
            Step.REMOVE_BRIDGE: self._remove_bridge,
            Step.RELEASE_NIC: self._release_nic,
            Step.RESTORE_DHCP: self._restore_dhcp,
            Step.ANNOUNCE_NIC: self._announce_nic,
            Step.FORGET: self._forget,
        }

    @property
    def _on_bridge(self) -> Facts:
        return on_device(self.record.before, self.record.bridge, lease_s=self.record.managed.lease_s)

    @property
    def _on_nic(self) -> Facts:
        return on_device(self.record.before, self.record.nic, lease_s=self.record.managed.lease_s)

    def do(self, step: Step) -> None:
        """Carry out one step.

        Raises:
            AgentError, OvsdbError, OSError: it cannot be done now.
        """
        try:
            self._methods[step]()
        except (NetlinkError, SubprocessError) as error:
            raise LinkFailed(f"{step}: {error}") from error
        maybe_crash(step)

    def _record(self) -> None:
        self.records.keep(self.record)

    def _make_bridge(self) -> None:
        record = self.record
        in_database(
            record.ovs,
            lambda tx: make_bridge(
                tx,
                record.bridge,
                record.before.mac,
                userspace=record.userspace,
                mtu=record.before.mtu,
                marks={TAKEN_OVER: record.nic},
            ),
        )
        await_device(record.ovs, record.bridge, DEVICE_TIMEOUT_S)
        mac = reading.mac_of(record.bridge)
        if mac != record.before.mac:
            raise LinkFailed(f"{record.bridge} has the MAC address {mac}, not {record.before.mac}")
        if record.userspace:
            set_tx_checksum_offload(record.bridge, on=False)
            set_tx_checksum_offload(record.nic, on=False)

    def _plug_nic(self) -> None:
        record = self.record
        in_database(
            record.ovs, lambda tx: add_uplink(tx, tx.all(BRIDGE_BY_NAME, record.bridge)[0], record.nic)
        )
        await_device(record.ovs, record.nic, DEVICE_TIMEOUT_S)
        uplink.prepare(record.nic, userspace=record.userspace)

    def _clear_nic(self) -> None:
        # What it has now: a route may have come since.
        kernel.take(self.record.nic, reading.read(self.record.nic))
        kernel.replace_stand_ins(self.record.bridge, self._on_bridge)

    def _announce(self) -> None:
        announce(self.record.bridge, self._on_bridge)
        kernel.settle_router(self.record.bridge, self._on_bridge, ADVERTISEMENT_TIMEOUT_S)

    def _await_confirmation(self) -> None:
        self.record = replace(self.record, whole=True)
        self.records.keep(self.record)

    def _write_files(self) -> None:
        for change in self.record.managed.files:
            files.apply(change)

    def _restore_files(self) -> None:
        for change in (*self.record.managed.files, *self.record.managed.runtime):
            files.revert(change)

    def _restore_nic(self) -> None:
        kernel.allow_ipv6(self.record.nic, self.record.before)
        kernel.give(self.record.nic, standing_in(self._on_nic))

    def _remove_bridge(self) -> None:
        record = self.record
        try:
            in_database(
                record.ovs,
                lambda tx: remove_bridge(tx, record.bridge, whatever_is_on_it=True),
            )
        finally:
            # Whatever the database says, or if it says nothing: the NIC is to have its packets.
            if reading.exists(record.nic):
                self._let_go()

    def _let_go(self) -> None:
        """See to it that the NIC gets its packets, with or without an ovs-vswitchd that does it."""
        nic, bridge = self.record.nic, self.record.bridge
        if self.record.userspace:
            uplink.release()
        give_up = monotonic() + LET_GO_TIMEOUT_S
        while reading.exists(bridge) or reading.master_of(nic) == KERNEL_DATAPATH_DEVICE:
            if monotonic() > give_up:
                break
            sleep(POLL_S)
        if reading.master_of(nic) == KERNEL_DATAPATH_DEVICE:
            for each in (nic, bridge):
                run("ovs-dpctl", "del-if", KERNEL_DATAPATH_DEVICE, each)
        # A switch that lives, and does not know yet, keeps the bridge: then without what is the NIC's.
        if reading.exists(bridge) and not kernel.remove_abandoned(bridge):
            kernel.take(bridge, reading.read(bridge))

    def _release_nic(self) -> None:
        record = self.record
        set_tx_checksum_offload(record.nic, on=not record.before.tx_checksum_offload_off)
        if not record.before.promiscuous:
            kernel.end_promiscuous(record.nic)
        self._complete_nic()

    def _restore_dhcp(self) -> None:
        managers.give_back(self.record.managed, self.record.nic, self.record.bridge)
        self._complete_nic()

    def _complete_nic(self) -> None:
        """What may have gone with the bridge, or by the hands of others."""
        kernel.give(self.record.nic, standing_in(self._on_nic))
        kernel.replace_stand_ins(self.record.nic, self._on_nic)

    def _announce_nic(self) -> None:
        announce(self.record.nic, self.record.before)
        if not kernel.settle_router(self.record.nic, self.record.before, ADVERTISEMENT_TIMEOUT_S):
            kernel.replace_stand_ins(self.record.nic, self.record.before, advertised=True)

    def _forget(self) -> None:
        self.records.forget()
        timer.end()
