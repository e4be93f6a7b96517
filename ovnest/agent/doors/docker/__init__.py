"""The front door for Docker: its network driver and its IPAM driver, of scope local.

The idea: Docker joins what exists, and makes a network only where it is told of none and the agent has the
right. One of its networks stands for a network of the API, a pool of addresses
for one of that network's subnets, and an endpoint for a port. Docker asks for addresses before it makes an
endpoint, and never names the container: a port is made when its first address is asked for, known by the
MAC address, and becomes the endpoint's when that is made. What is asked for and not used in time is given
back.

Promised: nothing is kept beside the journal. A pool's id says which network and subnet it is, so both ends
may be restarted. A container gets no NIC but ours.

Left out: published ports, as containers are reached at their own addresses; Docker's swarm.

    docker network create -d ovnest --ipam-driver ovnest --ipam-opt network=private net1
    docker run --network net1 --ip 192.0.2.10 …

Source: Docker's plugin API; libnetwork's "Remote Drivers" and "IPAM Driver".
"""
