import base64
import json
import pickle
import stat
from pathlib import Path

import pytest

from ovnest.identity.key_ring import BadKeyRing, KeyRing, KeyRingFile, new_key, read_ring


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with a ring of one key."""
    made = tmp_path / "keys.json"
    KeyRing([new_key()]).write(made, is_new=True)
    return made


def test_a_ring_is_read_as_it_was_written_and_only_its_owner_can_read_it(path: Path) -> None:
    ring = read_ring(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(ring.signing.secret.reveal()) == 32
    assert ring.verifies(ring.signing.id, b"text", read_ring(path).sign(b"text"))
    assert [each.name for each in path.parent.iterdir()] == ["keys.json"]


def test_a_ring_that_is_there_is_not_replaced_by_a_new_one(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        KeyRing([new_key()]).write(path, is_new=True)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["keys.json"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_ring_that_others_can_read_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(BadKeyRing, match="chmod 600"):
        read_ring(path)


SECRET = base64.b64encode(b"s" * 32).decode()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        '{"keys": []}',
        '{"keys": [{"id": "k1"}]}',
        json.dumps({"keys": [{"id": "k1", "secret": "dG9vIHNob3J0"}]}),
        json.dumps({"keys": [{"id": "k1", "secret": SECRET[:-2] + "!="}]}),
        json.dumps({"keys": [{"id": "k 1", "secret": SECRET}]}),
        json.dumps({"keys": [{"id": "", "secret": SECRET}]}),
        json.dumps({"keys": [{"id": "k1", "secret": SECRET}] * 2}),
        json.dumps({"keys": [{"id": "k1", "secret": SECRET, "announced": True}]}),
        json.dumps({"keys": [{"id": "k1", "secret": SECRET}], "more": 1}),
    ],
)
def test_what_is_no_ring_is_refused_without_showing_what_is_in_it(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(BadKeyRing) as refusal:
        read_ring(path)
    assert SECRET[:8] not in f"{refusal.value!r} {refusal.value.__cause__!r}"


def test_a_ring_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadKeyRing, match="No such file"):
        read_ring(tmp_path / "none.json")


def test_neither_a_key_nor_a_ring_shows_its_secret(path: Path) -> None:
    ring = read_ring(path)
    written = json.loads(path.read_text())["keys"][0]["secret"]
    raw = ring.signing.secret.reveal()
    for shown in (repr(ring.signing), str(ring.signing), repr(ring), f"{ring.signing.secret}"):
        assert written not in shown
        assert repr(raw) not in shown
    with pytest.raises(TypeError):
        pickle.dumps(ring.signing.secret)


def test_a_rotated_ring_signs_with_the_new_key_and_verifies_with_the_one_before() -> None:
    first = KeyRing([new_key()])
    second = first.rotated()
    third = second.rotated()
    signed = first.sign(b"text")
    assert second.signing.id != first.signing.id
    assert second.verifies(first.signing.id, b"text", signed)
    assert not third.verifies(first.signing.id, b"text", signed)
    assert len(third.keys) == 2


def test_an_announced_key_verifies_at_once_and_signs_after_the_next_rotation() -> None:
    ring = KeyRing([new_key()])
    announced = ring.rotated(announce=True)
    assert announced.signing.id == ring.signing.id
    rotated = announced.rotated()
    assert rotated.signing.id == announced.keys[-1].id
    assert not rotated.signing.announced
    # A server that has only the announced ring takes what one with the rotated ring signs, and the other way.
    assert announced.verifies(rotated.signing.id, b"text", rotated.sign(b"text"))
    assert rotated.verifies(ring.signing.id, b"text", ring.sign(b"text"))


def test_another_key_another_text_or_a_cut_signature_does_not_pass() -> None:
    ring = KeyRing([new_key(), new_key()])
    signature = ring.sign(b"text")
    first, second = ring.keys
    assert ring.verifies(first.id, b"text", signature)
    assert not ring.verifies(second.id, b"text", signature)
    assert not ring.verifies("k0", b"text", signature)
    assert not ring.verifies(first.id, b"texT", signature)
    assert not ring.verifies(first.id, b"text", signature[:-1])
    assert not ring.verifies(first.id, b"text", b"")


def test_a_changed_file_comes_into_force_and_a_broken_one_does_not(path: Path) -> None:
    file = KeyRingFile(path)
    before = file.ring.signing.id
    assert not file.reload_if_changed()
    file.ring.rotated().write(path)
    assert file.reload_if_changed()
    after = file.ring.signing.id
    assert after != before
    path.write_text("{")
    with pytest.raises(BadKeyRing):
        file.reload_if_changed()
    assert file.ring.signing.id == after
    assert not file.reload_if_changed()
