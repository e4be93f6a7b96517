"""Whom the agent trusts: the one certificate that its code named, or what that one has signed.

Where the server shows just the pinned certificate, its name does not matter. Where the pinned one is a CA,
which signs others, too, the server's certificate must be for the host that was asked.
"""

import ssl
from functools import cached_property
from ipaddress import ip_address
from typing import Any


class PinnedCertificate:
    """Trusts the certificate `pem`, and nothing else."""

    def __init__(self, pem: str) -> None:
        """Raises ValueError if that is no certificate."""
        self._pem = pem
        self._der = ssl.PEM_cert_to_DER_cert(pem)

    def context(self) -> ssl.SSLContext:
        return self._context

    @cached_property
    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        # An end of chain that is no CA will do: the server's own certificate may be the pinned one.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.check_hostname = False  # `check` does it, as it depends on what was pinned
        context.load_verify_locations(cadata=self._pem)
        return context

    def check(self, connection: ssl.SSLObject, host: str) -> None:
        if connection.getpeercert(binary_form=True) == self._der:
            return
        certificate = connection.getpeercert() or {}
        if not _is_for(certificate, host):
            raise ssl.SSLError(f"the server's certificate is not for {host}")


def _is_for(certificate: Any, host: str) -> bool:
    """By its subjectAltName alone (RFC 9525): an exact name, an address, or one label by `*`."""
    for kind, name in certificate.get("subjectAltName", ()):
        if kind == "IP Address" and _same_address(name, host):
            return True
        if kind == "DNS" and _matches(name.lower(), host.lower()):
            return True
    return False


def _matches(name: str, host: str) -> bool:
    if name.startswith("*."):
        return "." in host and host.partition(".")[2] == name[2:]
    return name == host


def _same_address(name: str, host: str) -> bool:
    try:
        return ip_address(name) == ip_address(host)
    except ValueError:
        return False
