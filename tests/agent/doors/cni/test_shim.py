"""The executable that runtimes call, run by the system's Python: what it says when no agent is there."""

import json
import os
import socket
import subprocess
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from ovnest.agent.setup.plan import write_shim


def call(directory: Path, command: str, config: str, *options: str) -> "subprocess.CompletedProcess[str]":
    """The executable, for an agent whose socket is in that directory; `options` are Python's."""
    path = directory / "cni" / "ovnest"
    write_shim(path, directory / "agent.sock")
    environment = {"CNI_COMMAND": command, "CNI_NETNS": "/proc/self/ns/net", "CNI_IFNAME": "eth0"}
    interpreter = path.read_text().partition("\n")[0].removeprefix("#!").split()
    return subprocess.run(
        [*interpreter, *options, path] if options else [path],
        env={"PATH": os.defpath, **environment},
        input=config,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "config", "code", "said"),
    [
        ("ADD", '{"cniVersion": "1.0.0"}', 11, "does not answer"),
        ("STATUS", '{"cniVersion": "1.1.0"}', 50, "does not answer"),
        ("ADD", "{", 6, "no JSON object"),
        ("VERSION", "[]", 6, "no JSON object"),
    ],
)
def test_errors_are_said_as_cni_words_them(
    tmp_path: Path, command: str, config: str, code: int, said: str
) -> None:
    done = call(tmp_path, command, config)
    told = json.loads(done.stdout)
    assert (done.returncode, told["code"], said in told["msg"]) == (1, code, True), done
    assert not done.stderr


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"answer": {"status": 0, "output": '{"ips": "\u00e4\n"}'}}, 0),
        ({"answer": {"output": '{"ips": "\u00e4\n"}', "status": 0}}, 0),
        (
            {"more": [1.5, None], "answer": {"more": {"output": "no"}, "output": '{"code": 7}', "status": 1}},
            1,
        ),
    ],
)
def test_the_agents_answer_is_read_whatever_the_order_of_its_keys(
    tmp_path: Path, answer: dict[str, Any], status: int
) -> None:
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(tmp_path / "agent.sock"))
        agent.listen()

        def serve() -> None:
            connection, _ = agent.accept()
            with connection, connection.makefile("rwb") as stream:
                stream.readline()
                stream.write(json.dumps(answer).encode() + b"\n")

        thread = Thread(target=serve)
        thread.start()
        done = call(tmp_path, "STATUS", "{}", "-X", "importtime")
        thread.join(timeout=20)
    assert (done.returncode, done.stdout) == (status, answer["answer"]["output"])
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "_socket" in imported
    assert "json" not in imported, "which costs as much as all the rest"
