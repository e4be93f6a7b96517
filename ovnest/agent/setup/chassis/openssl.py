"""Keys and certificates by the program openssl: the agent brings no library for them.

Source: openssl-genpkey(1), openssl-req(1), openssl-x509(1).
"""

import os
import re
import ssl
import subprocess
from pathlib import Path

from msgspec import Struct

from ovnest.agent import durable
from ovnest.agent.durable import OWNER_ALONE
from ovnest.agent.errors import NotSetUp

TIMEOUT_S = 20.0

_SUBJECT = re.compile(r"^subject=(.*)$", re.MULTILINE)
_DATE = re.compile(r"^not(Before|After)=(.*)$", re.MULTILINE)
_PUBLIC_KEY = re.compile(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----\n", re.DOTALL)


class Seen(Struct, frozen=True, kw_only=True):
    """What a certificate says: for whom, from when to when (Unix time), and for which key (PEM)."""

    subject: str
    not_before: int
    not_after: int
    public_key: str


def make_key(path: Path) -> None:
    """A new private key in a file that nobody else could ever read.

    Raises:
        NotSetUp: there is no openssl, or it fails.
        OSError: the file cannot be written.
    """
    with durable.being_written(path, OWNER_ALONE) as fd:
        _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", output=fd)


def request(key: Path, name: str) -> str:
    """A certificate request (PEM) for `name`, signed by that key."""
    return _openssl("req", "-new", "-key", str(key), "-subj", f"/CN={name}")


def look(certificate: Path) -> Seen:
    """What the certificate in a file says.

    Raises:
        NotSetUp: there is none in it.
    """
    told = _openssl(
        *("x509", "-noout", "-subject", "-nameopt", "RFC2253", "-startdate", "-enddate", "-pubkey"),
        *("-in", str(certificate)),
    )
    subject, dates, key = _SUBJECT.search(told), dict(_DATE.findall(told)), _PUBLIC_KEY.search(told)
    if subject is None or key is None or dates.keys() != {"Before", "After"}:
        raise NotSetUp(f"{certificate}: openssl says nothing that is understood")
    return Seen(
        subject=subject[1],
        not_before=ssl.cert_time_to_seconds(dates["Before"]),
        not_after=ssl.cert_time_to_seconds(dates["After"]),
        public_key=key[0],
    )


def public_key(key: Path) -> str:
    """The public half (PEM) of a private key."""
    return _openssl("pkey", "-pubout", "-in", str(key))


def _openssl(*arguments: str, output: int = subprocess.PIPE) -> str:
    try:
        done = subprocess.run(
            ("openssl", *arguments),  # noqa: S607  wherever the distribution has it
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except FileNotFoundError:
        raise NotSetUp("a chassis' key is made by the program openssl: apt install openssl") from None
    except subprocess.TimeoutExpired:
        raise NotSetUp(f"openssl {arguments[0]} does not end") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise NotSetUp(f"openssl {arguments[0]}: {lines[-1]}")
    return done.stdout or ""
