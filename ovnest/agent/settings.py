"""Where things are in the VM, unless said otherwise."""

from pathlib import Path

OVS = "unix:/run/openvswitch/db.sock"
BRIDGE = "br-ovnest"
INTEGRATION_BRIDGE = "br-int"  # of a VM that is a chassis: OVN's own
SYSTEM_ID_FILE = Path("/etc/openvswitch/system-id.conf")
STATE = Path("/var/lib/ovnest")
SOCKET = Path("/run/ovnest/agent.sock")
DOCKER_SOCKET = Path("/run/docker/plugins/ovnest.sock")
CNI_DIRECTORIES = (Path("/opt/cni/bin"), Path("/usr/lib/cni"))
NETAVARK_DIRECTORIES = (Path("/usr/local/libexec/netavark"),)
UNIT = Path("/etc/systemd/system/ovnest-agent.service")
