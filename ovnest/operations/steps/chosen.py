"""What a client chose: the attributes of a request that it gave itself.

Policy asks about these: an attribute that has its default counts as not given on create, and any that is
there counts on update.

Source: neutron.policy._is_attribute_explicitly_set.
"""

from functools import cache
from itertools import compress
from operator import is_not
from typing import Any

import msgspec
from msgspec import UNSET, Struct


def chosen(request: Struct) -> dict[str, Any]:
    """The attributes that a request gives, by the name they have at the wire."""
    fields, defaults = _fields(type(request)), _defaults(type(request))
    values = msgspec.structs.astuple(request)
    # The very default is nearly all of it, and passed over without a step in Python.
    given = compress(zip(fields, values, strict=True), map(is_not, values, defaults))
    return {name: value for (_, name, default), value in given if value is not UNSET and value != default}


def changes(update: Struct) -> dict[str, Any]:
    """The fields that an update gives, by the name they have in our Structs."""
    values = ((attribute, getattr(update, attribute)) for attribute, _, _ in _fields(type(update)))
    return {attribute: value for attribute, value in values if value is not UNSET}


@cache
def _fields(kind: type[Struct]) -> tuple[tuple[str, str, Any], ...]:
    return tuple((field.name, field.encode_name, _default(field)) for field in msgspec.structs.fields(kind))


@cache
def _defaults(kind: type[Struct]) -> tuple[Any, ...]:
    return tuple(default for _, _, default in _fields(kind))


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return field.default_factory() if field.default_factory is not msgspec.NODEFAULT else msgspec.NODEFAULT
