"""Why the agent does not do what it was asked: each says what is wrong, and what would be right."""


class AgentError(Exception):
    """Anything that the caller is told. `retry` says that the same may work later."""

    retry = False


class Fault(AgentError):
    """A bug; the log has the whole."""


class BadRequest(AgentError):
    """What was asked cannot be done as it was asked."""


class AlreadyAttached(AgentError):
    """The key has an attachment, and another one was asked for."""


class InterfaceExists(AgentError):
    """The container has an interface of that name already."""


class NamespaceGone(AgentError):
    """The container's network namespace cannot be entered."""


class NotAttached(AgentError):
    """There is no attachment of that key."""


class NotAsRecorded(AgentError):
    """An attachment is not, or no longer, as it was made."""


class NotPlugged(AgentError):
    """The device did not come up on the bridge, or OVN did not make the port active, within the bound."""

    retry = True


class NotSetUp(AgentError):
    """The agent has no bridge, or no credential, to work with."""


class SwitchAway(AgentError):
    """The VM's Open vSwitch database does not answer, or does not take what was to be written."""

    retry = True


class LinkFailed(AgentError):
    """The kernel does not do what a device needs."""


class ForeignDevice(AgentError):
    """A device has a name of ours and is not ours; it is left alone."""


class ApiRefused(AgentError):
    """The API answered, and refused. `kind` and `status` are Neutron's."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(f"{message} ({kind}, {status})")
        self.status = status
        self.kind = kind


class ApiUnreachable(AgentError):
    """The API did not answer. With `in_doubt`, it may have got the request and done it."""

    retry = True

    def __init__(self, message: str, *, in_doubt: bool) -> None:
        super().__init__(message)
        self.in_doubt = in_doubt
