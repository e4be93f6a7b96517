"""Every setting once: its name, type, default and one line of help.

A setting is an option of the command line (`--parent-delete cascade`) and a variable of the environment
(`OVNEST_PARENT_DELETE=cascade`); the command line wins. There is no configuration file.

    parser = argparse.ArgumentParser()
    add_options(parser)
    settings = load(parser.parse_args(), os.environ)
"""

import argparse
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

ENVIRONMENT_PREFIX = "OVNEST_"


def _help(line: str, **limits: Any) -> Meta:
    return Meta(description=line, **limits)


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a server; each is documented by its own line."""

    northbound: Annotated[
        str,
        _help("Northbound database, as `ovn-nbctl --db` takes it: unix:PATH, tcp:IP:PORT, ssl:IP:PORT,…"),
    ] = "unix:/var/run/ovn/ovnnb_db.sock"
    southbound: Annotated[
        str, _help("Southbound database, read only, to know which chassis there are; empty: not used")
    ] = ""
    private_key: Annotated[str, _help("private key file (PEM) for ssl: databases")] = ""
    certificate: Annotated[str, _help("certificate file (PEM) for ssl: databases")] = ""
    ca_cert: Annotated[str, _help("file (PEM) of the CA that signed the databases' certificates")] = ""
    durable: Annotated[bool, _help("acknowledge a write only when it is on the database's disk")] = True

    listen: Annotated[str, _help("where the API is served: IP:PORT, [IP]:PORT or unix:PATH")] = (
        "127.0.0.1:9696"
    )
    workers: Annotated[int, _help("processes that serve the API", ge=1, le=64)] = 1
    log_format: Annotated[Literal["text", "json"], _help("form of the logs")] = "text"

    identity: Annotated[
        Literal["none"],
        _help("who is asking; none: everybody is an administrator, so only on loopback or a Unix socket"),
    ] = "none"
    trust_headers: Annotated[
        bool, _help("believe X-Project-Id, X-User-Id and X-Roles; for a proxy in front that sets them")
    ] = False
    allowed_host: Annotated[
        tuple[str, ...], _help("name by which clients may call the server beside loopback's own names")
    ] = ()
    policy_file: Annotated[
        str, _help("rules that differ from the defaults, JSON or YAML; read again when it changes")
    ] = ""

    agent_listen: Annotated[
        str, _help("where agents in VMs are served, over TLS: IP:PORT or [IP]:PORT; empty: nowhere")
    ] = ""
    agent_url: Annotated[
        str, _help("https://HOST:PORT by which agents reach --agent-listen; empty: its address")
    ] = ""
    agent_keys: Annotated[
        str, _help("key ring that signs agents' credentials, the same on all servers; read again on change")
    ] = ""
    tls_cert: Annotated[
        str, _help("certificate file (PEM, with its chain) for --agent-listen; read again on change")
    ] = ""
    tls_key: Annotated[str, _help("private key file (PEM) of --tls-cert; read again on change")] = ""
    tls_ca: Annotated[
        str, _help("certificate file (PEM) that agents trust; empty: the last in --tls-cert")
    ] = ""

    chassis_ca_cert: Annotated[
        str, _help("certificate file (PEM) of the CA that signs certificates of VMs that are chassis")
    ] = ""
    chassis_ca_key: Annotated[str, _help("private key file (PEM) of --chassis-ca-cert")] = ""
    one_trust_domain: Annotated[
        bool, _help("VMs may be chassis beside chassis that no agent has enrolled, and may claim their ports")
    ] = False

    parent_delete: Annotated[
        Literal["refuse", "cascade", "orphan"],
        _help("what deleting a port does to the container ports under it"),
    ] = "refuse"
    base_mac: Annotated[
        str,
        _help(
            "how ports' MAC addresses begin: three octets, the first even, four if the fourth is not 00",
            pattern=r"^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$",
        ),
    ] = "fa:16:3e:00:00:00"
    dns_domain: Annotated[str, _help("domain name that DHCP hands out; empty: none")] = ""
    physical_mtu: Annotated[
        int, _help("MTU of the network between hypervisors; Geneve takes 58 of it", ge=576, le=65535)
    ] = 1500
    max_fixed_ips_per_port: Annotated[int, _help("fixed IPs a port may have", ge=1, le=1000)] = 5
    max_allowed_address_pairs: Annotated[
        int, _help("allowed address pairs a port may have", ge=0, le=1000)
    ] = 10


class BadSetting(Exception):
    """A setting's value cannot be; the message says where it came from and what would be right."""


class Setting(Struct, frozen=True, kw_only=True):
    """What is known of one setting. `annotation` is its type with its limits."""

    name: str
    annotation: Any
    default: Any

    @property
    def option(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return ENVIRONMENT_PREFIX + self.name.upper()

    @property
    def help(self) -> str:
        line: str = get_args(self.annotation)[1].description
        return line

    @property
    def choices(self) -> tuple[str, ...]:
        """All its values; empty where they are not counted."""
        kind = get_args(self.annotation)[0]
        return get_args(kind) if get_origin(kind) is Literal else ()

    @property
    def is_switch(self) -> bool:
        return get_args(self.annotation)[0] is bool

    @property
    def is_list(self) -> bool:
        return get_origin(get_args(self.annotation)[0]) is tuple


SETTINGS = tuple(
    Setting(name=name, annotation=annotation, default=field.default)
    for (name, annotation), field in zip(
        get_type_hints(Settings, include_extras=True).items(), msgspec.structs.fields(Settings), strict=True
    )
)


def add_options(parser: argparse.ArgumentParser, names: Collection[str] | None = None) -> None:
    """Give a verb the options of these settings, all if None. What is not given stays out of the result."""
    for setting in SETTINGS:
        if names is not None and setting.name not in names:
            continue
        help = f"{setting.help} ({_default_text(setting)}; {setting.variable})".replace("%", "%%")
        common: dict[str, Any] = {"dest": setting.name, "default": argparse.SUPPRESS, "help": help}
        if setting.is_switch:
            parser.add_argument(setting.option, action=argparse.BooleanOptionalAction, **common)
        elif setting.is_list:
            parser.add_argument(setting.option, action="append", metavar=_metavar(setting), **common)
        elif setting.choices:
            parser.add_argument(setting.option, choices=setting.choices, **common)
        else:
            parser.add_argument(setting.option, metavar=_metavar(setting), **common)


def load(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Settings:
    """The settings, from the command line, else the environment, else the defaults.

    Raises:
        BadSetting: a value cannot be, or a variable looks like a misspelt setting.
    """
    _check_names(environment)
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        if hasattr(arguments, setting.name):
            values[setting.name] = _value(setting, getattr(arguments, setting.name), setting.option)
        elif setting.variable in environment:
            text = environment[setting.variable]
            given = [part.strip() for part in text.split(",") if part.strip()] if setting.is_list else text
            values[setting.name] = _value(setting, given, setting.variable)
    return Settings(**values)


def _check_names(environment: Mapping[str, str]) -> None:
    # Other OVNEST_ variables exist; only what is nearly a setting's name is taken for one misspelt.
    names = [setting.variable for setting in SETTINGS]
    for variable in environment:
        if variable.startswith(ENVIRONMENT_PREFIX) and variable not in names:
            nearest = get_close_matches(variable, names, n=1, cutoff=0.85)
            if nearest:
                raise BadSetting(f"{variable} is no setting. Did you mean {nearest[0]}?")


def _value(setting: Setting, given: Any, source: str) -> Any:
    try:
        return msgspec.convert(given, setting.annotation, strict=False)
    except msgspec.ValidationError as error:
        raise BadSetting(f"{source} cannot be {given!r}: {_reason(setting, str(error))}") from error


def _reason(setting: Setting, message: str) -> str:
    if setting.choices:
        return f"it is one of {', '.join(setting.choices)}"
    if setting.is_switch:
        return "it is true or false"
    if "matching regex" in message:
        return f"it is written like {setting.default}"
    return message


def _metavar(setting: Setting) -> str:
    return "N" if isinstance(setting.default, int) else setting.name.rpartition("_")[2].upper()


def _default_text(setting: Setting) -> str:
    if setting.is_switch:
        return "default: yes" if setting.default else "default: no"
    if setting.is_list:
        return "may be repeated"
    return f"default: {setting.default}" if setting.default != "" else "default: none"
