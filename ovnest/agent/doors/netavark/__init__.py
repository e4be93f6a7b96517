"""The front door for Podman: a netavark plugin.

The idea: a network of Podman's stands for one of the API's, which must be there. Podman gives no addresses
on it: `create` answers that it has no IPAM, and what the port got is told when a container is attached.
Podman's own options say which subnets (when the network is made) and which addresses (of a container).

    podman network create -d ovnest -o network=private net1
    podman run --network net1 --ip 192.0.2.10 …

Source: netavark's "plugin-API.md", API version 1.0.0.
"""
