"""How long the agent lets things take."""

from msgspec import Struct


class Bounds(Struct, frozen=True, kw_only=True):
    """Each in seconds.

    `attach_s`: all of an attachment. `plug_s`: until Open vSwitch has the device. `active_s`: until the API
    calls the port active. `detach_api_s`: for the API's part of a removal before it is put off. `doubt_s`:
    for so long after a port was asked for without an answer, it may still come to be. `reserved_s`: a
    reservation that nobody adopts is given back.
    """

    attach_s: float = 30.0
    plug_s: float = 5.0
    active_s: float = 15.0
    detach_api_s: float = 3.0
    doubt_s: float = 30.0
    reserved_s: float = 60.0
