"""What a container runtime says to a CNI plugin: its environment, and the network's configuration.

Source: CNI specification 1.1.0, sections 1 and 2, and "CONVENTIONS.md" (`ips`, `mac`, CNI_ARGS).
"""

import re
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from ovnest.agent.attachment.request import Attachment, Key
from ovnest.agent.doors.cni.shim import NO_OBJECT, UNREADABLE, VERSIONS

DOOR = "cni"

INCOMPATIBLE = 1
UNSUPPORTED_FIELD = 2
CONTAINER_UNKNOWN = 3
BAD_ENVIRONMENT = 4
BAD_CONFIG = 7

GC_PREFIX = "cni.dev/"

CONTAINER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")
# The kernel makes a number of "%d", and the interface would have another name than the one asked for.
INTERFACE = re.compile(r"[^\s/:%]{1,15}")


class CniError(Exception):
    """An answer that says what is wrong, with CNI's code."""

    def __init__(self, code: int, message: str, details: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class RuntimeConfig(Struct, frozen=True, kw_only=True):
    """What the runtime gives to plugins that have the capabilities `ips` and `mac`."""

    ips: tuple[str, ...] = ()
    mac: str = ""


class CniArgs(Struct, frozen=True, kw_only=True):
    """`args.cni` of the configuration."""

    ips: tuple[str, ...] = ()
    mac: str = ""


class Args(Struct, frozen=True, kw_only=True):
    cni: CniArgs = CniArgs()


class ValidAttachment(Struct, frozen=True, kw_only=True, rename={"container": "containerID"}):
    """One of those that GC is to leave."""

    container: str
    ifname: str


Valid = tuple[ValidAttachment, ...] | UnsetType | None


class PrevDns(Struct, frozen=True, kw_only=True):
    """`dns` of an earlier result, as far as we add to it."""

    nameservers: list[str] | None = None
    search: list[str] | None = None


class PrevIp(Struct, frozen=True, kw_only=True):
    """One of `ips` of an earlier result."""

    address: str = ""


class PrevResult(Struct, frozen=True, kw_only=True):
    """The form of an earlier result, as far as we read it or add to it."""

    interfaces: list[dict[str, Any]] | None = None
    ips: list[PrevIp] | None = None
    routes: list[dict[str, Any]] | None = None
    dns: PrevDns | None = None


class Config(Struct, frozen=True, kw_only=True, rename="camel"):
    """A network's configuration, as far as we read it. `network` is a network's name or id.

    `valid` and `attachments` are both what GC is to leave: the specification's name for it has changed, and
    libcni says both. Go writes an empty list as null, and libcni deletes all then.
    """

    cni_version: str = VERSIONS[0]
    name: str = ""
    network: str = ""
    ipam: dict[str, Any] = {}
    runtime_config: RuntimeConfig = RuntimeConfig()
    args: Args = Args()
    prev_result: dict[str, Any] | None = None
    valid: Valid = field(default=UNSET, name=f"{GC_PREFIX}valid-attachments")
    attachments: Valid = field(default=UNSET, name=f"{GC_PREFIX}attachments")

    @property
    def wanted(self) -> str:
        return self.network or self.name

    @property
    def to_be_left(self) -> frozenset[Key] | None:
        """What GC is to leave, by whichever name; None if nothing was said of it, which is no empty list."""
        said = [each for each in (self.valid, self.attachments) if not isinstance(each, UnsetType)]
        if not said:
            return None
        return frozenset(Key(one.container, one.ifname) for each in said for one in each or ())


class Call(Struct, frozen=True, kw_only=True):
    """One call of the plugin."""

    command: str
    container: str
    interface: str
    netns: str
    args: dict[str, str]
    config: Config

    @property
    def key(self) -> Key:
        return Key(self.container, self.interface)

    def attachment(self, netns_fd: int) -> Attachment:
        """What ADD and CHECK are about."""
        config, args = self.config, self.args
        ips = config.runtime_config.ips or config.args.cni.ips or tuple(filter(None, [args.get("IP")]))
        mac = config.runtime_config.mac or config.args.cni.mac or args.get("MAC", "")
        pod, namespace = args.get("K8S_POD_NAME", ""), args.get("K8S_POD_NAMESPACE", "")
        labels = {"pod": pod, "namespace": namespace, "container": self.container, "runtime": "cni"}
        return Attachment(
            key=self.key,
            network=config.wanted,
            door=DOOR,
            scope=config.name,
            netns_fd=netns_fd,
            addresses=tuple(ip.partition("/")[0] for ip in ips),
            mac=mac or None,
            name=f"{namespace}/{pod}" if namespace and namespace != pod else pod,
            labels={key: value for key, value in labels.items() if value},
            must_be_new=True,
        )


def read_config(config: str | dict[str, Any]) -> dict[str, Any]:
    """The network's configuration, which the executable hands over as it was given it.

    Raises:
        CniError: it is no JSON object.
    """
    if isinstance(config, dict):
        return config  # from an executable that was written by an earlier release
    try:
        return msgspec.json.decode(config, type=dict[str, Any]) if config.strip() else {}
    except msgspec.MsgspecError:
        raise CniError(UNREADABLE, NO_OBJECT) from None


def understand(environment: dict[str, str], config: dict[str, Any]) -> Call:
    """What is asked.

    Raises:
        CniError: it cannot be asked so.
    """
    version = config.get("cniVersion", VERSIONS[0])
    if version not in VERSIONS:
        raise CniError(
            INCOMPATIBLE, f"CNI version {version} is not supported", f"supported are {', '.join(VERSIONS)}"
        )
    try:
        understood = msgspec.convert(config, Config)
        # It is handed on with all that it has, if it can be read: else ADD would fail when all is done.
        msgspec.convert(understood.prev_result or {}, PrevResult)
    except msgspec.ValidationError as error:
        raise CniError(BAD_CONFIG, f"the network configuration cannot be: {error}") from error
    if understood.ipam:
        raise CniError(UNSUPPORTED_FIELD, "ipam: addresses come from the network; leave it out")
    if not understood.name:
        raise CniError(BAD_CONFIG, "the network configuration has no name")
    call = Call(
        command=environment.get("CNI_COMMAND", ""),
        container=environment.get("CNI_CONTAINERID", ""),
        interface=environment.get("CNI_IFNAME", ""),
        netns=environment.get("CNI_NETNS", ""),
        args=_pairs(environment.get("CNI_ARGS", "")),
        config=understood,
    )
    if call.command in ("ADD", "DEL", "CHECK"):
        _check_names(call)
    return call


def _check_names(call: Call) -> None:
    if not CONTAINER_ID.fullmatch(call.container):
        raise CniError(BAD_ENVIRONMENT, f"CNI_CONTAINERID cannot be {call.container!r}")
    if not INTERFACE.fullmatch(call.interface) or call.interface in (".", ".."):
        raise CniError(BAD_ENVIRONMENT, f"CNI_IFNAME cannot be {call.interface!r}")


def _pairs(text: str) -> dict[str, str]:
    """CNI_ARGS, `K=V;K=V`; what we do not know is nothing to us."""
    pairs = (part.partition("=") for part in text.split(";") if part)
    return {key: value for key, _, value in pairs}
