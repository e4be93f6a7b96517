"""A port with all that it stands on, and the rows that follow; what OVSDB takes in a row."""

from typing import Any

from hypothesis import strategies as st

from ovnest.ovsdb import Row
from ovnest.resources.network import Network
from ovnest.resources.port import Port
from ovnest.resources.subnet import Subnet
from ovnest.rows.docs import keys
from ovnest.rows.port.columns import PortContext, PortRows, logical_switch_port
from tests.resources.strategies import texts

Placed = tuple[Network, tuple[Subnet, ...], Port]


def rows_of(placed: Placed, **context: Any) -> PortRows:
    """The rows of a port, where the context is otherwise as given."""
    network, on, port = placed
    return logical_switch_port(
        port, PortContext(network=network, subnets={subnet.id: subnet for subnet in on}, **context)
    )


def sent(row: Row) -> None:
    """Fail on a value that OVSDB would not take: a NUL, an empty key, something that is no string."""
    for name in row.__struct_fields__:
        value = getattr(row, name)
        texts_in = (
            [*value, *value.values()]
            if isinstance(value, dict)
            else value
            if isinstance(value, tuple)
            else ()
        )
        for text in texts_in:
            assert isinstance(text, str), f"{name}: {text!r}"
            assert "\0" not in text


NAMES = [key.name for found in keys().values() for key in found]
ANY_KEYS = st.dictionaries(texts | st.sampled_from(NAMES), texts)
