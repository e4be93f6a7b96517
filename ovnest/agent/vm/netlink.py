"""What is common to all that asks the kernel by netlink.

Source: netlink(7), rtnetlink(7).
"""

from typing import Any

from pyroute2.netlink.exceptions import NetlinkError

from ovnest.agent.errors import NotSetUp

IFF_UP = 0x1


class accept:
    """`with accept(errno.X):` that outcome is as good as success, whoever tells it."""

    def __init__(self, *codes: int) -> None:
        self._codes = codes

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        match error:
            case NetlinkError():
                return error.code in self._codes
            case OSError():
                return error.errno in self._codes
        return False


def link_of(ip: Any, name: str) -> Any:
    """The device as the kernel describes it.

    Raises:
        NotSetUp: there is none.
    """
    found = ip.link_lookup(ifname=name)
    if not found:
        raise NotSetUp(f"there is no NIC {name}")
    return ip.link("get", index=found[0])[0]
