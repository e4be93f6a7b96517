"""The keys of the attributes that several kinds have whose row is the resource, or a document.

Source: Neutron API reference, the extensions standard-attr-*; ML2/OVN's `neutron:revision_number`.
"""

from collections.abc import Mapping

from msgspec import Struct

from ovnest.codec import Key, json_of, number, some_text, text

PROJECT = "ovnest:project_id"
REVISION = "neutron:revision_number"

STANDARD: Mapping[str, Key] = {
    "project_id": text(PROJECT, "project_id"),
    "description": some_text("ovnest:description", "description", editable=True),
    "tags": json_of(
        tuple[str, ...], "ovnest:tags", "the resource's tags, a JSON list", absent=(), editable=True
    ),
    "created_at": text("ovnest:created_at", "created_at, UTC"),
    "updated_at": text("ovnest:updated_at", "updated_at, UTC"),
    "revision_number": number(REVISION, "revision_number, raised by each change"),
}


def standard_of(facts: type[Struct]) -> Mapping[str, Key]:
    """Those of a kind: not every kind has them all."""
    return {name: key for name, key in STANDARD.items() if name in facts.__struct_fields__}
