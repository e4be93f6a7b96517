"""Who asks: from a request's headers to a Caller, or a refusal.

Each way is a file, named as the setting `identity` names it. What a caller may do is not decided here;
policy does that.

    identity = from_settings(settings)
    caller = identity.identify(headers, peer, request_id="req-…")
"""

from collections.abc import Mapping
from typing import Protocol

from ovnest.caller import Caller
from ovnest.config import Settings
from ovnest.identity.none import NoIdentity, Peer


class Identity(Protocol):
    """One way to know who asks."""

    def identify(self, headers: Mapping[str, str], peer: Peer, request_id: str = "") -> Caller:
        """The caller of a request with these headers, whose names are in lower case.

        Raises:
            Refusal: it does not say who asks, or it is not one that is answered.
        """


def from_settings(settings: Settings) -> Identity:
    """The way that the settings name.

    Raises:
        BadSetting: the settings would let in whom they should not.
    """
    return NoIdentity(settings)


__all__ = ["Identity", "NoIdentity", "Peer", "from_settings"]
