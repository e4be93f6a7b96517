"""Databases as the settings name them, and the keys that go with them."""

from pathlib import Path

from ovnest.config import Settings
from ovnest.ovsdb import Tls, check_tls, parse_remotes


def tls_of(settings: Settings) -> Tls | None:
    """Keys and certificates for ssl: databases; None when none are set.

    Raises:
        ValueError: some are set and some are not.
    """
    given = (settings.private_key, settings.certificate, settings.ca_cert)
    if not any(given):
        return None
    if not all(given):
        raise ValueError("--private-key, --certificate and --ca-cert go together")
    return Tls(
        private_key=Path(settings.private_key),
        certificate=Path(settings.certificate),
        ca_certificate=Path(settings.ca_cert),
    )


def check_remotes(remotes: str, settings: Settings) -> None:
    """Whether a database can be spoken to at these remotes with these settings.

    Raises:
        ValueError: a remote is none, or ssl: lacks its key, certificate or authority.
    """
    check_tls(parse_remotes(remotes), tls_of(settings))
