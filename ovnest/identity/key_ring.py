"""The key ring: the secrets that agents' codes and credentials are signed with, in one file for all servers.

The first key signs, all of them verify. So a ring is changed without locking anybody out: a new key is put
in front, and the old one stays behind it until nothing that it signed is in use.

    {"keys": [{"id": "k1a2b3c4", "secret": "<32 bytes in base64>"}, …]}

The file is readable by its owner alone, or refused. A secret never shows in a log or a traceback: its type
hides it.
"""

import base64
import binascii
import hmac
import os
import secrets
import stat
import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from ovnest.config import BadSetting

SECRET_BYTES = 32
KEPT = 2  # keys that stay when a new one is put in front, that one counted
SIZE_MAX_BYTES = 64 * 1024


class Secret:
    """Bytes that nobody is to see: neither `repr` nor `str` shows them, and pickling them is refused."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """The bytes themselves."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not to be pickled")


class Key(Struct, frozen=True, kw_only=True):
    """One key. An `announced` one only verifies yet: the next rotation puts it in front."""

    id: str
    secret: Secret
    announced: bool = False


class _WrittenKey(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    id: str
    secret: str
    announced: bool = False

    def __repr__(self) -> str:
        return f"_WrittenKey(id={self.id!r})"


class _Written(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    keys: list[_WrittenKey]


class BadKeyRing(BadSetting):
    """The key ring's file cannot be used; the message says what is wrong with it, never what is in it."""


class KeyRing:
    """The keys of one file, the signing one first."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self.keys = tuple(keys)
        self._by_id = {key.id: key for key in keys}

    @property
    def signing(self) -> Key:
        """The key that signs."""
        return self.keys[0]

    def sign(self, text: bytes) -> bytes:
        """The signature of `text` by the first key: HMAC-SHA256 (RFC 2104)."""
        return _mac(self.signing, text)

    def verifies(self, key_id: str, text: bytes, signature: bytes) -> bool:
        """Whether that key has signed `text` so; takes the same time whatever is wrong with a signature."""
        key = self._by_id.get(key_id)
        return key is not None and hmac.compare_digest(_mac(key, text), signature)

    def rotated(self, *, announce: bool = False) -> "KeyRing":
        """The ring with a new key in front, and of the old ones the one that signed until now.

        `announce`: the new key goes to the end instead, where it only verifies; the next rotation then puts
        that one in front. So every server knows a key before any server signs with it.
        """
        waiting = [key for key in self.keys if key.announced]
        if announce:
            return KeyRing((*self.keys, new_key(announced=True)))
        first = msgspec.structs.replace(waiting[0], announced=False) if waiting else new_key()
        others = [key for key in self.keys if key.id != first.id]
        return KeyRing((first, *others[: KEPT - 1]))

    def write(self, path: Path, *, is_new: bool = False) -> None:
        """Put the ring in a file that only its owner can read, all of it or nothing.

        Raises:
            FileExistsError: it is to be new, and there is a file of that name.
        """
        written = _Written(
            keys=[
                _WrittenKey(
                    id=key.id,
                    secret=base64.b64encode(key.secret.reveal()).decode(),
                    announced=key.announced,
                )
                for key in self.keys
            ]
        )
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # of mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(written), indent=1) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                os.link(name, path)  # fails where rename would replace
                os.unlink(name)
            else:
                os.rename(name, path)
        except BaseException:
            os.unlink(name)
            raise


def new_key(*, announced: bool = False) -> Key:
    """A key of the system's randomness."""
    return Key(
        id=f"k{secrets.token_hex(4)}", secret=Secret(secrets.token_bytes(SECRET_BYTES)), announced=announced
    )


def read_ring(path: Path) -> KeyRing:
    """The ring in a file.

    Raises:
        BadKeyRing: it cannot be read, others can read it, or it is no ring.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(SIZE_MAX_BYTES)
    except OSError as error:
        raise BadKeyRing(f"The key ring {path} cannot be read: {error.strerror}.") from error
    if mode & 0o077:
        raise BadKeyRing(
            f"The key ring {path} has mode {mode:04o}; others must not read it: chmod 600 {path}"
        )
    try:
        written = msgspec.json.decode(content, type=_Written)
    except msgspec.DecodeError:
        # Without the cause: its text could have a piece of the file in it.
        raise BadKeyRing(f"The key ring {path} is none: make one with ovnest agent-keys create") from None
    keys = [_read(path, key) for key in written.keys]
    if not keys or keys[0].announced or len({key.id for key in keys}) < len(keys):
        raise BadKeyRing(f"The key ring {path} has no key that signs, or the same id twice.")
    return KeyRing(keys)


class KeyRingFile:
    """A ring that follows its file: `ring` changes only in `reload_if_changed`, and only to a good one."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            BadKeyRing: it is refused.
        """
        self.path = path
        self._signature = _signature(path)
        self.ring = read_ring(path)

    def reload_if_changed(self) -> bool:
        """Read the file again if it is another than last time; True when another ring is in force.

        Raises:
            BadKeyRing: it has changed and is refused. The old ring stays, until the file changes once more.
        """
        signature = _signature(self.path)
        if signature == self._signature:
            return False
        self._signature = signature
        self.ring = read_ring(self.path)
        return True


def _read(path: Path, written: _WrittenKey) -> Key:
    try:
        secret = base64.b64decode(written.secret, validate=True)
    except binascii.Error:
        secret = b""
    if len(secret) != SECRET_BYTES or not written.id.isascii() or not written.id.isalnum():
        raise BadKeyRing(
            f"The key ring {path} has a key that is not {SECRET_BYTES} bytes, or has no plain id."
        )
    return Key(id=written.id, secret=Secret(secret), announced=written.announced)


def _mac(key: Key, text: bytes) -> bytes:
    return hmac.digest(key.secret.reveal(), text, sha256)


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
