"""Real virtual machines on a sandbox's hypervisors: Debian with its own kernel and systemd, run by QEMU.

    machine = Machine(sandbox, "vm1", chassis="hv1", suite="bookworm", ports=(Port(id=…, mac=…), Port(…)))
    await machine.start()
    await machine.run("docker version")        # root's bash in it; see `machine` and `channel`
    await machine.reboot()
    await machine.stop()

Its NICs are taps on the hypervisor's br-int, bound to ports by their ids, as Nova does it. A guest boots an
image (see `image`, built once and kept in OVNEST_CACHE), on a disk of its own that is thrown away with it.
Inside it Open vSwitch has the kernel's datapath, and whatever runtime that Debian ships. What we build
ourselves, the agent, comes on a second disk (see `software`).

Where QEMU can use KVM is found out by booting a kernel, not by looking at /dev/kvm. Without KVM a guest with
Debian 12 takes 15 s of a processor until it answers, and 30 s until systemd has started everything, Docker
among it; where others load both processors that is a minute, and for two guests at once 90 s. An image takes
50 s to build, the disk with the agent 8 s.
"""
