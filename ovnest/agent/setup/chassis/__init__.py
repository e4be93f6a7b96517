"""Makes the VM a chassis: overlay mode's `ovnest agent join`, and the renewal of its certificate.

The idea: the key is made in the VM and stays there; the server signs a request for the one name that the
agent's credential is for, and OVN's access control tells chassis apart by that name. Before ovn-controller
is pointed at a Southbound, we go there ourselves with the certificate and try to write what no chassis may:
where that is let through, every VM could write everything, so we do not join.

A certificate comes with a key of its own, in files of a new name, which Open vSwitch's SSL table then names
all at once: ovn-controller never sees a key beside another's certificate, and its connection stays.

Promised: what was set is written down before, and `ovnest agent teardown` puts it back.

Left out: starting ovn-controller, which is the distribution's; tunnels other than Geneve.
"""
