"""The certificate that a TLS listener shows, read again when its files change.

Connections that are open keep theirs; each new handshake gets the newest.

Source: ssl.SSLContext.sni_callback, which is called for every handshake, with or without a name in it.
"""

import re
import ssl
from pathlib import Path

from ovnest.config import BadSetting

_END = "-----END CERTIFICATE-----"
_BEGIN = "-----BEGIN CERTIFICATE-----"
_CERTIFICATE = re.compile(f"{_BEGIN}\n[A-Za-z0-9+/=\n]+{_END}")


class ServerTls:
    """A certificate with its chain, and its key. `context` is what a listener takes."""

    def __init__(self, certificate: Path, private_key: Path) -> None:
        """Read the files.

        Raises:
            BadSetting: they cannot be read, or do not belong together.
        """
        self.certificate = certificate
        self._private_key = private_key
        self._signature = self._signed()
        self._current = self._read()
        # A context for each certificate, since in one a new certificate of another kind (an elliptic curve
        # after RSA) would only be put beside the old one.
        self.context = self._read()
        self.context.sni_callback = self._choose

    def reload_if_changed(self) -> bool:
        """Read the files again if they are others than last time; True when a new certificate is in force.

        Raises:
            BadSetting: they have changed and cannot be used, perhaps because only one has been put there yet.
                The old ones stay in force.
        """
        signature = self._signed()
        if signature == self._signature:
            return False
        self._signature = signature
        self._current = self._read()
        return True

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        try:
            context.load_cert_chain(self.certificate, self._private_key)
        except (OSError, ssl.SSLError) as error:
            raise BadSetting(
                f"--tls-cert {self.certificate} with --tls-key {self._private_key} cannot be used: "
                f"{error.strerror or error}"
            ) from error
        return context

    def _choose(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        connection.context = self._current

    def _signed(self) -> tuple[object, ...]:
        return _signature(self.certificate), _signature(self._private_key)


def last_certificate(path: Path) -> str:
    """The last certificate (PEM) in a file: of a chain the one nearest to its root.

    Raises:
        BadSetting: it cannot be read, or has none.
    """
    try:
        text = path.read_text("ascii")
        begin = text.rindex(_BEGIN)
        pem = text[begin : text.index(_END, begin) + len(_END)] + "\n"
        ssl.PEM_cert_to_DER_cert(pem)
    except (OSError, ValueError) as error:
        raise BadSetting(f"{path} has no certificate in it: {error}") from error
    return pem


def certificates(path: Path) -> str:
    """All certificates (PEM) in a file, and nothing else of it.

    Raises:
        BadSetting: it cannot be read, or has none.
    """
    try:
        found = _CERTIFICATE.findall(path.read_text("ascii"))
    except (OSError, ValueError) as error:
        raise BadSetting(f"{path} cannot be read: {error}") from error
    if not found:
        raise BadSetting(f"{path} has no certificate in it")
    return "\n".join(found) + "\n"


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
