"""sd_notify: the datagram that systemd waits for."""

import socket
from pathlib import Path

import pytest

from ovnest.api.readiness import READY, notify


def test_systemd_is_told_on_its_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(path)
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        assert notify(READY)
        assert systemd.recv(100) == b"READY=1"


def test_an_abstract_socket_is_reached_too() -> None:
    name = f"ovnest-test-{id(test_an_abstract_socket_is_reached_too)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name)
        systemd.settimeout(5)
        assert notify("STOPPING=1", f"@{name}")
        assert systemd.recv(100) == b"STOPPING=1"


def test_without_systemd_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify(READY)
