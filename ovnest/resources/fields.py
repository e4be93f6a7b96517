"""Field types that several resources share, and the coercions from what clients really send.

A coercion takes a plain JSON value and gives the value its Struct wants, or raises `ValueError` with a
reason that completes "Invalid input for <field>. Reason: <reason>.".

Source: neutron_lib.api.converters and neutron_lib.api.validators.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from ovnest.allocation.macs import canonical_mac
from ovnest.errors.fields import HTTPBadRequest, InvalidField

NAME_MAX = 255
DESCRIPTION_MAX = 255
RESOURCE_TAG_MAX = 255
RESOURCE_TAGS_MAX = 50

Name = Annotated[str, Meta(max_length=NAME_MAX)]
Description = Annotated[str, Meta(max_length=DESCRIPTION_MAX)]
Uuid = Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
MacAddress = Annotated[str, Meta(pattern=r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")]

Coercion = Callable[[Any], Any]
Coercions = Mapping[str, Coercion]
S = TypeVar("S", bound=msgspec.Struct)

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TRUE = frozenset({"true", "1"})
_FALSE = frozenset({"false", "0"})
_ABSENT_PATH = re.compile(r" - at `\$(.*)`$")


def is_uuid(value: object) -> bool:
    """Whether `value` is a UUID in its usual text form."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def boolean(value: Any) -> bool:
    """True and false, also as the strings and numbers that clients send for them."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    if isinstance(value, str):
        lowered = value.lower()
        if lowered in _TRUE:
            return True
        if lowered in _FALSE:
            return False
    raise ValueError(f"{value!r} cannot be converted to boolean")


def integer(value: Any) -> int:
    """An integer, also as a decimal string; 42.0 and true are none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    raise ValueError(f"{value!r} is not an integer")


def text(value: Any) -> str:
    """A string as it is."""
    if isinstance(value, str):
        return value
    raise ValueError(f"{value!r} is not a valid string")


def text_or_empty(value: Any) -> str:
    """A string; null means the empty one."""
    return "" if value is None else text(value)


def limited(most: int, base: Coercion = text) -> Coercion:
    """A string of at most `most` characters; `base` says what becomes of anything that is no string."""

    def coerce(value: Any) -> str:
        if type(value) is str and len(value) <= most:
            return value
        string: str = base(value)
        if len(string) > most:
            raise ValueError(f"{string[:32]!r}… exceeds maximum length of {most}")
        return string

    return coerce


def uuid(value: Any) -> str:
    """A UUID, in lower case."""
    if not is_uuid(value):
        raise ValueError(f"{value!r} is not a valid UUID")
    lowered: str = value.lower()
    return lowered


def optional(coerce: Coercion) -> Coercion:
    """null stays null; anything else goes through `coerce`."""
    return lambda value: None if value is None else coerce(value)


def choice(*values: str) -> Coercion:
    """One of the given strings."""

    def coerce(value: Any) -> str:
        if isinstance(value, str) and value in values:
            return value
        raise ValueError(f"{value!r} is not in {list(values)}")

    return coerce


def whole_number(low: int, high: int) -> Coercion:
    """An integer from `low` to `high`, both included."""

    def coerce(value: Any) -> int:
        number = integer(value)
        if not low <= number <= high:
            raise ValueError(f"{number} is not in the range {low} to {high}")
        return number

    return coerce


def ip_address(value: Any) -> str:
    """An IPv4 or IPv6 address in its canonical text."""
    if isinstance(value, str):
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            address = None
        if address is not None and not getattr(address, "scope_id", None):
            return str(address)
    raise ValueError(f"{value!r} is not a valid IP address")


def ip_network(value: Any) -> str:
    """A subnet's CIDR; host bits are cut off, as Neutron does."""
    if isinstance(value, str) and re.fullmatch(r"[0-9a-fA-F:.]+/[0-9]{1,3}", value):
        try:
            return str(ipaddress.ip_network(value, strict=False))
        except ValueError:
            pass
    raise ValueError(f"{value!r} is not a valid IP subnet")


def mac_address(value: Any) -> str:
    """A MAC address as lower-case pairs with colons, from any notation that Neutron takes."""
    return canonical_mac(text(value))


def ip_or_network(value: Any) -> str:
    """An address, or a CIDR of several; a CIDR of one address is that address."""
    if isinstance(value, str) and "/" in value:
        network = ipaddress.ip_network(ip_network(value))
        return str(network.network_address) if network.num_addresses == 1 else str(network)
    return ip_address(value)


def ip_or_network_text(value: Any) -> str:
    """An address or a CIDR, not a multicast one, as the client wrote it: it is shown so again."""
    first = ipaddress.ip_address(ip_or_network(value).partition("/")[0])
    if first.is_multicast:
        raise ValueError(f"'{value}' is a multicast IP address")
    return str(value)


def ip_version(value: Any) -> int:
    """4 or 6."""
    number = integer(value)
    if number not in (4, 6):
        raise ValueError(f"'{number}' is not in [4, 6]")
    return number


def unicast(coerce: Coercion) -> Coercion:
    """A MAC address, not a multicast one (IEEE 802: the lowest bit of the first octet)."""

    def coerce_one(value: Any) -> str:
        mac: str = coerce(value)
        if int(mac[:2], 16) & 1:
            raise ValueError(f"'{value}' is a multicast MAC address")
        return mac

    return coerce_one


def without(characters: str, coerce: Coercion) -> Coercion:
    """A string that is not empty and has none of these characters, which separate it in the database."""

    def coerce_one(value: Any) -> str:
        word: str = coerce(value)
        if not word or any(character in word for character in characters):
            raise ValueError(f"{word!r} is empty or has one of {characters!r} in it")
        return word

    return coerce_one


def one_line(coerce: Coercion) -> Coercion:
    """A string without line breaks."""

    def coerce_one(value: Any) -> str:
        line: str = coerce(value)
        if "\n" in line or "\r" in line:
            raise ValueError("multi-line string is not allowed")
        return line

    return coerce_one


def listed(coerce: Coercion, most: int = 1000) -> Coercion:
    """A list whose every item goes through `coerce`; null means the empty one."""

    def coerce_all(value: Any) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list):
            raise ValueError(f"{value!r} is not a list")
        if len(value) > most:
            raise ValueError(f"the list has {len(value)} items, at most {most} are allowed")
        return [coerce(item) for item in value]

    return coerce_all


def distinct(coerce: Coercion) -> Coercion:
    """A list in which nothing stands twice."""

    def coerce_all(value: Any) -> list[Any]:
        items: list[Any] = coerce(value)
        seen = []
        for item in items:
            if item in seen:
                raise ValueError(f"duplicate items in the list: '{item}'")
            seen.append(item)
        return items

    return coerce_all


def mapping(**keys: Coercion) -> Coercion:
    """An object with just these keys, each through its coercion; keys may be left out."""

    def coerce(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueError(f"{value!r} is not a dictionary")
        unknown = sorted(set(value) - set(keys))
        if unknown:
            raise ValueError(f"unexpected keys supplied: {', '.join(unknown)}")
        return {key: keys[key](item) for key, item in value.items()}

    return coerce


def required(*names: str, of: Coercion) -> Coercion:
    """An object through `of` in which these keys must stand."""

    def coerce(value: Any) -> dict[str, Any]:
        items: dict[str, Any] = of(value)
        missing = [name for name in names if name not in items]
        if missing:
            raise ValueError(f"the required keys {', '.join(missing)} are missing")
        return items

    return coerce


def resource_tags(value: Any) -> list[str]:
    """Tags of a resource: short strings without a slash, each once, in alphabetical order."""
    tags = set(listed(limited(RESOURCE_TAG_MAX), most=RESOURCE_TAGS_MAX)(value))
    for tag in tags:
        if not tag or "/" in tag or "," in tag:
            raise ValueError(f"the tag {tag!r} is empty or has a slash or a comma in it")
    return sorted(tags)


def to_struct(
    body: Mapping[str, Any],
    struct: type[S],
    coercions: Coercions,
    *,
    shown: type[msgspec.Struct] | None = None,
    not_here: str = "",
) -> S:
    """A client's object as `struct`.

    An attribute that is `shown` but not taken is refused with the words `not_here`, which have its name.

    Raises:
        HTTPBadRequest: an attribute is unknown or not taken, or one that must be given is not.
        InvalidField: an attribute's value is refused.
    """
    if not body.keys() <= coercions.keys():
        unknown = sorted(body.keys() - coercions.keys())
        known = () if shown is None else shown.__struct_encode_fields__
        if all(name in known for name in unknown):
            raise HTTPBadRequest(reason=not_here.format(name=unknown[0]))
        names = ", ".join(f"'{name}'" for name in unknown if name not in known)
        raise HTTPBadRequest(reason=f"Unrecognized attribute(s) {names}")
    values = {}
    for name, value in body.items():
        try:
            values[name] = coercions[name](value)
        except ValueError as error:
            raise InvalidField(field=name, reason=str(error)) from error
    if "tenant_id" in values:  # the older name of project_id
        tenant = values.pop("tenant_id")
        if values.setdefault("project_id", tenant) != tenant:
            raise HTTPBadRequest(reason="'project_id' and 'tenant_id' do not match")
    try:
        return msgspec.convert(values, struct)
    except msgspec.ValidationError as error:
        raise _in_neutrons_words(str(error)) from error


def _in_neutrons_words(message: str) -> HTTPBadRequest | InvalidField:
    missing = re.match(r"Object missing required field `(.+?)`", message)
    if missing:
        return HTTPBadRequest(
            reason=f"Failed to parse request. Required attribute '{missing.group(1)}' not specified"
        )
    path = _ABSENT_PATH.search(message)
    if path is None:
        return HTTPBadRequest(reason=message)
    return InvalidField(field=path.group(1).lstrip(".") or "body", reason=message[: path.start()])
