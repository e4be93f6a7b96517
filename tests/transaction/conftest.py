"""The same front door as the operations' tests have."""

from tests.operations.conftest import check, door, network, server, settings, subnet

__all__ = ["check", "door", "network", "server", "settings", "subnet"]
