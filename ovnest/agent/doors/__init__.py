"""The front doors: how container runtimes, and people, ask for an attachment.

The idea: each door turns what its runtime says into a `Key` and an `Attachment`, and the engine's answer or
error into what that runtime reads. CNI and netavark come by an executable (`cni.shim`) and the agent's own
socket, as `ovnest agent plug` does; Docker has a socket of its own.

Promised: a door keeps nothing that the journal does not have; it may be asked again after any restart.

Left out: everything about ports, tags and devices.
"""
