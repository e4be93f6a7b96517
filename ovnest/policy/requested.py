"""Which rules a request has to pass: the action's own, and one for each attribute that it sets.

Source: neutron.policy._build_match_rule.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET, Struct

_LISTS = (list, tuple)


def rules_for_create(resource: str, attributes: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
    """The rules for creating a resource with these attributes, by their names at the wire.

    An attribute that is given with its default counts as not given, as in Neutron.
    """
    asked_for = {
        name: value
        for name, value in attributes.items()
        if name not in defaults or not _same(value, defaults[name])
    }
    return _rules(f"create_{resource}", asked_for)


def rules_for_update(resource: str, attributes: Mapping[str, Any]) -> list[str]:
    """The rules for changing these attributes; each that is given counts, whatever its value."""
    return _rules(f"update_{resource}", attributes)


def _rules(action: str, attributes: Mapping[str, Any]) -> list[str]:
    rules = [action]
    for name, value in attributes.items():
        rules.append(f"{action}:{name}")
        if isinstance(value, _LISTS):
            rules += [f"{action}:{name}:{part}" for part in _parts(value)]
    return rules


def _parts(items: Sequence[Any]) -> list[str]:
    # The keys given in a list of objects, each once: fixed_ips: [{"ip_address": …}].
    parts: dict[str, None] = {}
    for item in items:
        if isinstance(item, Mapping):
            parts |= dict.fromkeys(item)
        elif isinstance(item, Struct):
            values = ((name, getattr(item, name)) for name in item.__struct_fields__)
            parts |= {name: None for name, value in values if value is not None and value is not UNSET}
    return list(parts)


def _same(value: Any, default: Any) -> bool:
    return bool(list(value) == default if isinstance(value, tuple) else value == default)
