"""Runs inside a guest, as `ovnest-channel.service`: carries out what is asked over a virtio-serial port.

A request is a line of JSON, `{"id": …, "script": …, "stdin": …, "timeout_s": …}`, and so is its answer:
`{"id": …, "status": …, "output": …, "complaint": …}`, where `status` None means that its time was over. Each
request has a thread of its own, so answers come in the order in which scripts end. This file is copied into
the image: it knows the standard library alone.
"""

import json
import os
import subprocess
import sys
import threading
import time
from typing import Any

PORT = "/dev/virtio-ports/ovnest.channel"
READ_BYTES = 1 << 16
NOBODY_THERE_S = 0.1
LONGEST_OUTPUT = 1 << 20

_writing = threading.Lock()


def main() -> None:
    """Answer for ever."""
    fd = os.open(PORT, os.O_RDWR)
    rest = b""
    while True:
        data = os.read(fd, READ_BYTES)
        if not data:  # nobody has the port open on the other side; the kernel gives no way to wait for one
            time.sleep(NOBODY_THERE_S)
            rest = b""
            continue
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            threading.Thread(target=_answer, args=(fd, line), daemon=True).start()


def _answer(fd: int, line: bytes) -> None:
    try:
        request = json.loads(line)
    except ValueError:
        print(f"not understood: {line[:200]!r}", file=sys.stderr, flush=True)
        return
    answer = json.dumps({"id": request["id"], **_carry_out(request)}).encode() + b"\n"
    with _writing:
        while answer:
            answer = answer[os.write(fd, answer) :]


def _carry_out(request: dict[str, Any]) -> dict[str, Any]:
    process = subprocess.Popen(
        ["/bin/bash", "-c", request["script"]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    status: int | None
    try:
        said, complained = process.communicate(request["stdin"].encode(), timeout=request["timeout_s"])
        status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        said, complained = process.communicate()
        status = None
    return {"status": status, "output": _text(said), "complaint": _text(complained)}


def _text(output: bytes) -> str:
    return output[-LONGEST_OUTPUT:].decode(errors="replace")


if __name__ == "__main__":
    main()
