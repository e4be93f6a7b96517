"""ovnest: OVN's virtual networks for virtual machines and the containers inside them.

It speaks the OpenStack Networking (Neutron) v2.0 REST API and keeps everything it knows in OVN's
Northbound database. `docs/architecture.md` has the map of the rooms.
"""

from importlib.metadata import version

__version__ = version("ovnest")
