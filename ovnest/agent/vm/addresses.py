"""Addresses and routes of a device: values, no behaviour."""

from msgspec import Struct


class Address(Struct, frozen=True, kw_only=True):
    """An address with its prefix length, and the gateway of its subnet, if that has one."""

    address: str
    gateway: str | None = None


class Route(Struct, frozen=True, kw_only=True):
    """Where to send what goes to `destination`; a default route says 0.0.0.0/0 or ::/0."""

    destination: str
    gateway: str
