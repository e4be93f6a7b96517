"""When northd says `up` of which port: a monitor of the Northbound, read by a thread of its own."""

import socket
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

READ_BYTES = 1 << 20
TIMEOUT_S = 120.0


class UpWatch:
    """`with UpWatch(path of the socket) as watch: watch.when({names})`."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._up: dict[str, float] = {}
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def when(self, names: set[str]) -> dict[str, float]:
        """By name, since when (`time.monotonic`) each of these ports is up; waits until all are.

        Raises:
            AssertionError: some are not, after a long time.
        """
        with self._changed:
            done = self._changed.wait_for(lambda: names <= self._up.keys(), TIMEOUT_S)
            missing = names - self._up.keys()
            assert done, f"{len(missing)} of {len(names)} ports are not up, {next(iter(missing))} for one"
            return {name: self._up[name] for name in names}

    def _read(self) -> None:
        what = {"Logical_Switch_Port": [{"columns": ["name", "up"]}]}
        request = {"id": 0, "method": "monitor", "params": ["OVN_Northbound", None, what]}
        self._socket.sendall(msgspec.json.encode(request))
        decode = msgspec.json.Decoder().decode
        buffer = b""
        while received := self._socket.recv(READ_BYTES):
            buffer += received
            # Between two messages there is nothing, and inside there are no braces but JSON's own.
            if not buffer.endswith(b"}") or buffer.count(b"{") != buffer.count(b"}"):
                continue
            now = time.monotonic()
            for message in decode(b"[" + buffer.replace(b'}{"', b'},{"') + b"]"):
                self._handle(message, now)
            buffer = b""

    def _handle(self, message: dict[str, Any], now: float) -> None:
        if message.get("method") == "echo":
            self._socket.sendall(msgspec.json.encode({"id": "echo", "result": [], "error": None}))
            return
        tables = message["params"][1] if message.get("method") == "update" else message.get("result") or {}
        with self._changed:
            for change in tables.get("Logical_Switch_Port", {}).values():
                row = change.get("new")
                if row is None:
                    self._up.pop(change["old"]["name"], None)
                elif row.get("up") is True:
                    self._up.setdefault(row["name"], now)
                else:
                    self._up.pop(row["name"], None)
            self._changed.notify_all()

    def __enter__(self) -> "UpWatch":
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._socket.close()
