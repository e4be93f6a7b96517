"""Inside the VM: plugs its containers into the networks that the hypervisors' OVN runs.

The idea: a container port is a port in the API like any other; what it takes in the VM is a veth pair on
the VM's own bridge, tagged. Five rooms: `doors` (CNI, Docker, Podman, `ovnest agent plug`) turn what is asked
into a request for an `attachment`, whose engine is one state machine for all of them, with the VM's own Open
vSwitch database as its journal. It asks the API by `client`, and works on the machine by `vm`; `setup`
prepares the machine before, and gives it back. `daemon` puts all of it together.

Promised: killed at any instant and started again, it finishes or undoes what was under way. It removes only
what it made, and only when somebody has said so. Its end or restart touches no traffic.

Left out: it keeps no file of state of its own beside its credential, and knows the server by HTTP alone.

    engine = Engine(api, journal, Links(), Nested(parent), Bounds())
    attached = await engine.attach(
        Attachment(key=Key("c1", "eth0"), network="private", door="plug", netns_fd=fd)
    )
    await engine.detach(Key("c1", "eth0"))

States and steps: docs/agent.md.
"""
