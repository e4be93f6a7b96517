"""Document rows: Structs that OVN has no table for, one attribute a key.

Text stands as it is, anything else as JSON with sorted keys; an attribute that has its default is left
out. A mapping that grows is spread, a key for each of its items, so that a change writes one of them.
The kinds are listed in `DOCUMENTS`, which `docs/northbound.md` is made from.
"""

from typing import Annotated, Any, ClassVar, TypeVar

import msgspec
from msgspec import Meta, Struct

from ovnest.caller import Mode
from ovnest.northbound import external_ids as keys
from ovnest.northbound.names import document_name, document_uuid
from ovnest.northbound.tables import Document
from ovnest.resources.port import AddressPair, DhcpOption

D = TypeVar("D", bound="DocumentFacts")


class DocumentFacts(Struct, frozen=True, kw_only=True):
    """What stands in one document row. `KIND` and `id` make its name; `OF` says whose id that is."""

    KIND: ClassVar[str] = ""
    OF: ClassVar[str] = ""
    SPREAD: ClassVar[tuple[str, ...]] = ()

    id: str


class PortDetails(DocumentFacts, frozen=True, kw_only=True):
    """What a port has beside its row: these change nothing for northd here, and do on the row."""

    KIND: ClassVar[str] = "port"
    OF: ClassVar[str] = "a port"

    description: Annotated[str, Meta(description="description")] = ""
    tags: Annotated[tuple[str, ...], Meta(description="the port's tags")] = ()
    profile: Annotated[
        dict[str, Any], Meta(description="binding:profile, without the parent and tag, which are columns")
    ] = {}
    host_id: Annotated[
        str, Meta(description="binding:host_id, where OVN must not have it as requested-chassis")
    ] = ""
    allowed_address_pairs: Annotated[
        tuple[AddressPair, ...], Meta(description="allowed_address_pairs, as they were sent")
    ] = ()
    extra_dhcp_opts: Annotated[tuple[DhcpOption, ...], Meta(description="extra_dhcp_opts")] = ()


class TagMemory(DocumentFacts, frozen=True, kw_only=True):
    """What is remembered of a parent's tags: the last one given, and when which was freed.

    `freed` maps a tag to the second (Unix time) from which it rests.
    """

    KIND: ClassVar[str] = "tags"
    OF: ClassVar[str] = "the parent of container ports"
    SPREAD: ClassVar[tuple[str, ...]] = ("freed",)

    last: Annotated[int, Meta(description="the tag given last; the next free one after it comes next")] = 0
    freed: Annotated[
        dict[int, int], Meta(description="`freed.<tag>`: since when that tag rests, in Unix time")
    ] = {}


class Plugged(Struct, frozen=True, kw_only=True):
    """What an agent last said of one port; `since` is when it began to say so, in Unix time."""

    plugged: bool
    reason: str = ""
    since: int = 0


class AgentGrant(DocumentFacts, frozen=True, kw_only=True):
    """What the agent of a parent port (or, in mode `overlay`, of a chassis) may do, and what it last said.

    `id` is the port's id or the chassis' name. `code` is the permission that waits to be taken up until
    `code_expires`, `grant` the one that was taken up and has been renewed `generation` times, last by the
    request with that `nonce`. `conflict_at` is when an older generation was seen in use. `plugged` maps a
    port's id to a `Plugged` in JSON. All times are Unix time; 0 and empty mean never. There is no secret
    here, nor the hash of one.
    """

    KIND: ClassVar[str] = "agent"
    OF: ClassVar[str] = "the parent that an agent serves, or an agent's chassis"
    SPREAD: ClassVar[tuple[str, ...]] = ("plugged",)

    mode: Annotated[Mode, Meta(description="`overlay`: the agent of a chassis; absent: of a parent port")] = (
        "nested"
    )
    project_id: Annotated[str, Meta(description="the project that owns the ports it makes")] = ""
    networks: Annotated[tuple[str, ...], Meta(description="networks that it may make ports on")] = ()
    ports_max: Annotated[int, Meta(description="how many ports it may have")] = 0
    networks_max: Annotated[int, Meta(description="how many networks it may make itself")] = 0
    made: Annotated[
        tuple[str, ...], Meta(description="networks that it has made, on which it may make ports, too")
    ] = ()
    code: Annotated[str, Meta(description="the permission that a code waits to be used for")] = ""
    code_expires: Annotated[int, Meta(description="until when it waits, in Unix time")] = 0
    grant: Annotated[str, Meta(description="the permission that the credential in use came from")] = ""
    generation: Annotated[int, Meta(description="how often that credential has been renewed")] = 0
    nonce: Annotated[str, Meta(description="the request that renewed it last")] = ""
    enrolled_at: Annotated[int, Meta(description="when the code was used, in Unix time")] = 0
    renewed_at: Annotated[int, Meta(description="when the credential was renewed last, in Unix time")] = 0
    conflict_at: Annotated[
        int, Meta(description="when an older generation was seen in use, in Unix time")
    ] = 0
    reported_at: Annotated[int, Meta(description="when the agent reported last, in Unix time")] = 0
    plugged: Annotated[
        dict[str, str], Meta(description="`plugged.<port>`: what the agent last said of that port, as JSON")
    ] = {}


DOCUMENTS: tuple[type[DocumentFacts], ...] = (PortDetails, TagMemory, AgentGrant)


def to_document(facts: DocumentFacts) -> Document:
    """The row that holds `facts`."""
    attributes = {keys.KIND: facts.KIND}
    for name, default in _fields(type(facts)):
        value = getattr(facts, name)
        if name in facts.SPREAD:
            attributes.update({f"{name}.{key}": str(item) for key, item in value.items()})
        elif value != default:
            attributes[name] = value if isinstance(value, str) else _json(value)
    return Document(
        uuid=document_uuid(facts.KIND, facts.id),
        name=document_name(facts.KIND, facts.id),
        external_ids=attributes,
    )


def from_document(row: Document, kind: type[D]) -> D:
    """The facts of a row.

    Raises:
        ValueError: a value is not what its attribute can be.
    """
    key = row.name.removeprefix(document_name(kind.KIND, ""))
    values: dict[str, Any] = {"id": key}
    for name in kind.SPREAD:
        prefix = f"{name}."
        values[name] = {
            key.removeprefix(prefix): item for key, item in row.external_ids.items() if key.startswith(prefix)
        }
    for name, default in _fields(kind):
        written = row.external_ids.get(name)
        if written is not None:
            values[name] = written if isinstance(default, str) else msgspec.json.decode(written)
    return msgspec.convert(values, kind, strict=False)


def is_empty(facts: DocumentFacts) -> bool:
    """Whether nothing but defaults stands in it, so that no row need be there."""
    return facts == type(facts)(id=facts.id)


def _fields(kind: type[DocumentFacts]) -> list[tuple[str, Any]]:
    found = _FIELDS.get(kind)
    if found is None:
        found = _FIELDS[kind] = [
            (field.name, field.default if field.default is not msgspec.NODEFAULT else field.default_factory())
            for field in msgspec.structs.fields(kind)
            if field.name != "id"
        ]
    return found


_FIELDS: dict[type[DocumentFacts], list[tuple[str, Any]]] = {}


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted").decode()
