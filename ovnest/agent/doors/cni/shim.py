"""The executable that container runtimes call, as a CNI or a netavark plugin: it hands all to the agent.

`ovnest agent setup` writes this file, with the agent's socket in it, where runtimes look for plugins. It
stands alone: it may import nothing of ours. Podman names a command to its plugin; a CNI plugin is called
without any argument.

It is started anew for each call, so what it imports is most of what it costs: `python3 -IS`, and of json, os
and socket only the parts that are written in C, take a third of the time. What goes wrong may cost more.

Source: CNI specification 1.1.0; netavark's "plugin-API.md", API version 1.0.0.
"""

import posix
import sys
from _json import encode_basestring_ascii as quoted
from _json import make_scanner
from _socket import AF_UNIX, SCM_RIGHTS, SOCK_STREAM, SOL_SOCKET, socket

SOCKET = "/run/ovnest/agent.sock"
RELEASE = "0"
VERSIONS = ("0.4.0", "1.0.0", "1.1.0")
NETAVARK_API = "1.0.0"
NEEDS_NAMESPACE = ("ADD", "CHECK")
TIMEOUT_S = 110.0

CONTAINER_UNKNOWN = 3
BAD_ENVIRONMENT = 4
UNREADABLE = 6
TRY_AGAIN = 11
NOT_AVAILABLE = 50

NO_OBJECT = "the network configuration is no JSON object"

ALL_USERS = ["0", "0", "4294967295"]  # of user_namespaces(7), /proc/self/uid_map: nobody is another here
ROOTLESS = (
    "the ovnest agent serves root alone: containers of a rootless runtime are not attached, run it as root "
    "(sudo podman)"
)


class Json:
    """How JSON is read: what json.JSONDecoder, which is not imported, tells the scanner that it calls."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    array_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


class Unanswered(Exception):
    """The agent did not answer, and why."""

    def __init__(self, message: str, *, away: bool) -> None:
        super().__init__(message)
        self.away = away


def main() -> int:
    """Do what the runtime says; the status to end with."""
    if len(sys.argv) > 1:
        return netavark(*sys.argv[1:])
    environment = {name.decode(): value.decode(errors="replace") for name, value in posix.environ.items()
                   if name.startswith(b"CNI_")}  # fmt: skip
    return cni(environment, sys.stdin.read())


def cni(environment: "dict[str, str]", config: str) -> int:
    """Do what CNI_COMMAND says."""
    command, path = environment.get("CNI_COMMAND", ""), posix.environ.get(b"CNI_NETNS", b"")
    if command == "VERSION":
        return versions(config)
    files = []
    if command in NEEDS_NAMESPACE:
        if not path:
            return refuse(config, BAD_ENVIRONMENT, f"{command} needs CNI_NETNS")
        try:
            files.append(posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC))
        except OSError as error:
            what = environment["CNI_NETNS"]
            return refuse(config, CONTAINER_UNKNOWN, f"network namespace {what}: {error.strerror}")
    said = ",".join(f"{quoted(name)}:{quoted(value)}" for name, value in environment.items())
    try:
        answer = ask(f'{{"verb":"cni","environment":{{{said}}},"config":{quoted(config)}}}', files)
    except Unanswered as error:
        away = error.away and command == "STATUS"
        return refuse(config, NOT_AVAILABLE if away else TRY_AGAIN, str(error))
    told, _ = make_scanner(Json)(answer, 0)  # type: ignore[arg-type]  # typeshed wants a JSONDecoder
    if "answer" not in told:
        return refuse(config, TRY_AGAIN, told["error"]["message"])
    sys.stdout.write(told["answer"]["output"])
    return int(told["answer"]["status"])


def versions(config: str) -> int:
    """What versions of CNI there are; the agent need not run."""
    import json

    try:
        print(json.dumps({"cniVersion": version_of(config), "supportedVersions": VERSIONS}))
    except ValueError:
        return refuse(config, UNREADABLE, NO_OBJECT)
    return 0


def netavark(command: str, netns: str = "", *_rest: str) -> int:
    """Do what Podman, or its netavark, says."""
    import json

    if command == "info":
        print(json.dumps({"version": RELEASE, "api_version": NETAVARK_API}))
        return 0
    try:
        asked = json.load(sys.stdin)
    except ValueError as error:
        return complain(f"what Podman says is no JSON: {error}")
    files = []
    if command == "setup":
        try:
            files.append(posix.open(netns, posix.O_RDONLY | posix.O_CLOEXEC))
        except OSError as error:
            return complain(f"network namespace {netns}: {error.strerror}")
    try:
        request = json.dumps({"verb": "netavark", "command": command, "asked": asked})
        told = json.loads(ask(request, files))
    except Unanswered as error:
        return complain(str(error))
    if "answer" not in told:
        return complain(told["error"]["message"])
    if told["answer"]["said"]:
        print(f"ovnest: {told['answer']['said']}", file=sys.stderr)
    if told["answer"]["output"] is not None:
        print(json.dumps(told["answer"]["output"]))
    return 0


def ask(request: str, files: "list[int]") -> str:
    """What the agent answers, as JSON.

    Raises:
        Unanswered: it does not.
    """
    line = request.encode() + b"\n"
    descriptors = b"".join(fd.to_bytes(4, sys.byteorder) for fd in files)
    try:
        sock = socket(AF_UNIX, SOCK_STREAM)
        sock.settimeout(TIMEOUT_S)
        sock.connect(SOCKET)
        handed_over = [(SOL_SOCKET, SCM_RIGHTS, descriptors)] if files else []
        rest = line[sock.sendmsg([line], handed_over) :]
        if rest:  # else the agent may have answered already, and not listen any more
            sock.sendall(rest)
        answer = b""
        while not answer.endswith(b"\n"):
            part = sock.recv(65536)
            if not part:
                raise Unanswered("the ovnest agent ended while it was asked", away=False)
            answer += part
    except OSError as error:
        if is_rootless():
            raise Unanswered(ROOTLESS, away=True) from error
        why = error.strerror or str(error)
        raise Unanswered(f"the ovnest agent does not answer at {SOCKET}: {why}", away=True) from error
    return answer.decode()


def is_rootless() -> bool:
    """Whether we are somebody else than the machine's root, be it as root of a namespace of his own."""
    if posix.geteuid() != 0:
        return True
    with open("/proc/self/uid_map") as file:
        return file.read().split() != ALL_USERS


def refuse(config: str, code: int, message: str) -> int:
    """Say an error as CNI wants it."""
    import json

    try:
        version = version_of(config)
    except ValueError:
        version, code, message = VERSIONS[-1], UNREADABLE, NO_OBJECT
    print(json.dumps({"cniVersion": version, "code": code, "msg": message, "details": ""}))
    return 1


def version_of(config: str) -> str:
    """The version of CNI that the runtime speaks.

    Raises:
        ValueError: that is no configuration.
    """
    import json

    found = json.loads(config) if config.strip() else {}
    if not isinstance(found, dict):
        raise ValueError
    return str(found.get("cniVersion") or VERSIONS[-1])


def complain(message: str) -> int:
    """Say an error as netavark wants it."""
    import json

    print(json.dumps({"error": message}))
    return 1


if __name__ == "__main__":
    ended_with = main()
    sys.stdout.flush()
    posix._exit(ended_with)  # all that Python would still tidy up takes it a millisecond
