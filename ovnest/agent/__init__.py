"""Inside the VM: plugs its containers into the networks that the hypervisors' OVN runs.

The idea: a container port is a port in the API like any other; what it takes in the VM is a veth pair on
the VM's own bridge, tagged. Front doors (CNI, Docker, Podman, `ovnest agent plug`) say what they want in the
terms of `wanted`; the `engine` is one state machine for all of them, whose `plan` is a list of named steps
and whose `journal` is the VM's own Open vSwitch database. Killed at any instant and started again, it
finishes or undoes what was under way.

Promised: it removes only what it made, and only when somebody has said so. Its end or restart touches no
traffic.

Left out: it keeps no file of state of its own beside its credential, and knows the server by HTTP alone.

    engine = Engine(api, journal, Links(), Nested(parent), Bounds())
    attached = await engine.attach(
        Attachment(key=Key("c1", "eth0"), network="private", door="plug", netns_fd=fd)
    )
    await engine.detach(Key("c1", "eth0"))

States and steps: docs/agent.md.
"""
