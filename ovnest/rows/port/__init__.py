"""Ports: a Logical_Switch_Port, its document row, and its own DHCP options.

`keys` says what stands in the maps, `columns` makes the row and `reading` is its inverse, `lookups` are the
ways to find ports, `check` what else can be wrong with them, and `home` puts it together.
"""

from ovnest.rows.port.home import HOME

__all__ = ["HOME"]
