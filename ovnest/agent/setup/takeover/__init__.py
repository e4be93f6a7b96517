"""Takes over the VM's only NIC: it becomes the bridge's port, and the bridge the VM's own NIC.

The idea: whoever does this sits far away, and reaches the machine by that very NIC. So it is done on trial:
what gives all of it back is started first, as a process of its own, and does so unless `ovnest agent setup
--confirm` comes in time. What the machine reads at its next start is written only then, so that a restart is
a way back, too (with systemd, a unit sees to it before anything else is configured).

Promised: whatever becomes of us, of ovs-vswitchd or of the database, the NIC has its addresses, routes, files
and DHCP client again as they were, or it was confirmed. The bridge has the NIC's MAC, so that leases stay.

Left out: NetworkManager, netplan, dhcpcd, and NICs that other devices stand on, all of which are refused.
Packet filters and programs that name the NIC are not looked for.

    record = trial.prepare(place, "eth0", within_s=60)
    trial.take_over(records, record)
    trial.confirm(records)

Steps and files: docs/agent.md.
"""
