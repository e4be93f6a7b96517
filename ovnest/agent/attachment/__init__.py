"""Attaching a container: one state machine for all front doors, and what keeps it true.

The idea: `states` says what leads where, `plan` which named steps that takes, `attach` and `detach` carry
them out, and `journal` is where each attachment stands: a port in the VM's own Open vSwitch. `engine` is the
whole, and all that the doors see of it; `nested` and `overlay` are the two ways in which a port is tied to
its device.

Promised: killed at any instant and started again, it finishes or undoes what was under way (`reconcile`).
Something is taken away only when somebody has said so of just that thing.

Left out: how a runtime asks, which is the doors' to know.

    attached = await engine.attach(Attachment(key=key, network="private", door="plug", netns_fd=fd))
    await engine.detach(key)
"""
