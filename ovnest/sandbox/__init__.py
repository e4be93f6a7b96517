"""A whole OVN on one machine, in network namespaces: for the tests, the demo, and for trying things out.

    central ── underlay ──┬── hv1 ── vm1 ┬── vm1.web   (tag 42)
    NB, SB, northd        │              └── vm1.db    (tag 43)
                          └── hv2 ── vm2

Everything is the real program: ovsdb-server, ovn-northd, ovn-controller, Open vSwitch with its userspace
datapath, Geneve between the hypervisors. A VM is a namespace with an Open vSwitch of its own, which tags what
its containers send. The sandbox makes no logical switch or port: it plugs in what is in the Northbound
already.

    sandbox = await Sandbox.up("demo", chassis=2)
    vm1 = await sandbox.plug_vm("vm1", chassis="hv1", port_id=..., nic=Nic(mac=..., ...))
    web = await vm1.plug_container("web", tag=42, nic=Nic(...))
    await web.pings(vm1)
    await sandbox.down()

Nothing is touched outside `/run/ovnest/<name>` and the namespaces `<name>.<node>`, and nothing is left
behind, however the process that made it ended. It can run this machine's OVN, or another release from a
Debian tree that it makes and keeps.
"""
