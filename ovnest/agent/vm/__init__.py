"""The VM's kernel and its Open vSwitch: devices, addresses, the bridge and its NIC, frames and flows.

The idea: what is done to the machine is done here, by whoever wants it: an attachment, or the preparation of
the machine. `tables` says which rows of Open vSwitch the agent knows, `link` makes devices by netlink.

Promised: a device or a bridge that carries no mark of ours is left alone.

Left out: why something is done, and in which order. It knows neither the API nor the journal.

    index = await Links().make(Pair(device="ovn1", peer="eth0", mac=mac, mtu=1442), netns_fd, Mark(agent_id))
"""
