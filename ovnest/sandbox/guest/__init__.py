"""Real virtual machines on a sandbox's hypervisors: Debian with its own kernel and systemd, run by QEMU.

    guest = await Machine.start(sandbox, "vm1", "hv1", suite="bookworm", nics=(nic_of_eth0, nic_of_eth1))
    await guest.run("docker version")          # root's bash in it; see `channel`
    await guest.reboot()
    await guest.stop()

Its NICs are taps on the hypervisor's br-int, bound to ports by their ids, as Nova does it. A guest boots an
image (see `image`, built once and kept in OVNEST_CACHE), on a disk of its own that is thrown away with it.
Inside it Open vSwitch has the kernel's datapath, and whatever runtime that Debian ships. What we build
ourselves, the agent, comes on a second disk (see `software`).

Where QEMU can use KVM is found out by booting a kernel, not by looking at /dev/kvm. Without KVM a guest takes
about ten seconds to boot, and has the speed of some ten years ago.
"""
