"""The executable that container runtimes call, as a CNI or a netavark plugin: it hands all to the agent.

`ovnest agent setup` writes this file, with the agent's socket in it, where runtimes look for plugins. It
stands alone: it may import nothing of ours, and no more of Python than it needs, since it is started anew for
each call. `python3 -IS` makes that quick. Podman names a command to its plugin; a CNI plugin is called
without any argument.

Source: CNI specification 1.1.0; netavark's "plugin-API.md", API version 1.0.0.
"""

import json
import os
import socket
import sys

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

ALL_USERS = ["0", "0", "4294967295"]  # of user_namespaces(7), /proc/self/uid_map: nobody is another here
ROOTLESS = (
    "the ovnest agent serves root alone: containers of a rootless runtime are not attached, run it as root "
    "(sudo podman)"
)


class Unanswered(Exception):
    """The agent did not answer, and why."""

    def __init__(self, message: str, *, away: bool) -> None:
        super().__init__(message)
        self.away = away


def main() -> int:
    """Do what the runtime says; the status to end with."""
    if len(sys.argv) > 1:
        return netavark(*sys.argv[1:])
    return cni(os.environ.get("CNI_COMMAND", ""))


def cni(command: str) -> int:
    """Do what CNI_COMMAND says."""
    text = sys.stdin.read()
    try:
        config = json.loads(text) if text.strip() else {}
        version = str(config.get("cniVersion") or VERSIONS[-1])
    except (ValueError, AttributeError):
        return refuse(VERSIONS[-1], UNREADABLE, "the network configuration is no JSON object")
    if command == "VERSION":
        print(json.dumps({"cniVersion": version, "supportedVersions": VERSIONS}))
        return 0
    environment = {name: value for name, value in os.environ.items() if name.startswith("CNI_")}
    files = []
    path = os.environ.get("CNI_NETNS", "")
    if command in NEEDS_NAMESPACE:
        if not path:
            return refuse(version, BAD_ENVIRONMENT, f"{command} needs CNI_NETNS")
        try:
            files.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            return refuse(version, CONTAINER_UNKNOWN, f"network namespace {path}: {error.strerror}")
    try:
        told = json.loads(ask({"verb": "cni", "environment": environment, "config": config}, files))
    except Unanswered as error:
        away = error.away and command == "STATUS"
        return refuse(version, NOT_AVAILABLE if away else TRY_AGAIN, str(error))
    if "answer" not in told:
        return refuse(version, TRY_AGAIN, told["error"]["message"])
    sys.stdout.write(told["answer"]["output"])
    return int(told["answer"]["status"])


def netavark(command: str, netns: str = "", *_rest: str) -> int:
    """Do what Podman, or its netavark, says."""
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
            files.append(os.open(netns, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            return complain(f"network namespace {netns}: {error.strerror}")
    try:
        told = json.loads(ask({"verb": "netavark", "command": command, "asked": asked}, files))
    except Unanswered as error:
        return complain(str(error))
    if "answer" not in told:
        return complain(told["error"]["message"])
    if told["answer"]["said"]:
        print(f"ovnest: {told['answer']['said']}", file=sys.stderr)
    if told["answer"]["output"] is not None:
        print(json.dumps(told["answer"]["output"]))
    return 0


def ask(request: object, files: "list[int]") -> bytes:
    """What the agent answers, as JSON.

    Raises:
        Unanswered: it does not.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(TIMEOUT_S)
            sock.connect(SOCKET)
            line = json.dumps(request).encode() + b"\n"
            rest = line[socket.send_fds(sock, [line], files) :]
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
    return answer


def is_rootless() -> bool:
    """Whether we are somebody else than the machine's root, be it as root of a namespace of his own."""
    if os.geteuid() != 0:
        return True
    with open("/proc/self/uid_map") as file:
        return file.read().split() != ALL_USERS


def refuse(version: str, code: int, message: str) -> int:
    """Say an error as CNI wants it."""
    print(json.dumps({"cniVersion": version, "code": code, "msg": message, "details": ""}))
    return 1


def complain(message: str) -> int:
    """Say an error as netavark wants it."""
    print(json.dumps({"error": message}))
    return 1


if __name__ == "__main__":
    sys.exit(main())
