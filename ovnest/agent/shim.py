"""The executable that a container runtime calls as a CNI plugin: it hands everything to the agent.

`ovnest agent setup` writes this file, with the agent's socket in it, where runtimes look for plugins. It
stands alone: it may import nothing of ours, and no more of Python than it needs, since it is started anew for
each call. `python3 -IS` makes that quick.

Source: CNI specification 1.1.0.
"""

import json
import os
import socket
import sys

SOCKET = "/run/ovnest/agent.sock"
VERSIONS = ("0.4.0", "1.0.0", "1.1.0")
NEEDS_NAMESPACE = ("ADD", "CHECK")
TIMEOUT_S = 110.0

CONTAINER_UNKNOWN = 3
BAD_ENVIRONMENT = 4
UNREADABLE = 6
TRY_AGAIN = 11
NOT_AVAILABLE = 50


def main() -> int:
    """Do what CNI_COMMAND says; the status to end with."""
    command = os.environ.get("CNI_COMMAND", "")
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
    return ask(command, version, {"verb": "cni", "environment": environment, "config": config}, files)


def ask(command: str, version: str, request: object, files: "list[int]") -> int:
    """Let the agent answer."""
    away = NOT_AVAILABLE if command == "STATUS" else TRY_AGAIN
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
                    return refuse(version, TRY_AGAIN, "the ovnest agent ended while it was asked")
                answer += part
    except PermissionError:
        return refuse(
            version, away, "the ovnest agent serves root alone: rootless containers are not attached"
        )
    except OSError as error:
        why = error.strerror or str(error)
        return refuse(version, away, f"the ovnest agent does not answer at {SOCKET}: {why}")
    told = json.loads(answer)
    if "answer" not in told:
        return refuse(version, TRY_AGAIN, told["error"]["message"])
    sys.stdout.write(told["answer"]["output"])
    return int(told["answer"]["status"])


def refuse(version: str, code: int, message: str) -> int:
    """Say an error as CNI wants it."""
    print(json.dumps({"cniVersion": version, "code": code, "msg": message, "details": ""}))
    return 1


if __name__ == "__main__":
    sys.exit(main())
