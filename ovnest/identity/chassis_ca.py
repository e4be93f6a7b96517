"""The authority that signs the certificates of VMs that are chassis, by the program openssl.

Of a request nothing is believed but its public key, and only once the request's own signature has shown
that the asker has the private one: name, validity and use are ours. A certificate cannot be taken back: OVSDB
knows no list of revoked ones. So it is short. Why a program, and no library:
`docs/decisions/0010-openssl.md`.

Source: openssl-ca(1); RFC 5280, 4.2; RFC 5480, 2.1.1; ovn-sb(5), RBAC_Role: a client is known by its
certificate's common name.
"""

import asyncio
import base64
import binascii
import re
import ssl
import stat
import time
from datetime import UTC, datetime
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from msgspec import Struct

from ovnest.config import BadSetting
from ovnest.errors.chassis import CertificateNotSigned, CertificateRequestRefused

VALID_S = 30 * 24 * 3600
BACKDATED_S = 300
"""A certificate is good from a while ago: the clock of who looks at it may be behind ours."""

NAME_MAX = 64  # RFC 5280, appendix A.1: ub-common-name
REQUEST_MAX = 4096
AT_ONCE = 2  # one signature takes some 20 ms of a processor: agents must not take all of them
TIMEOUT_S = 10.0

_REQUEST = re.compile(
    r"\s*-----BEGIN CERTIFICATE REQUEST-----\n[A-Za-z0-9+/=\n]+\n-----END CERTIFICATE REQUEST-----\s*"
)
_PUBLIC_KEY = re.compile(r"-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/=\n]+)-----END PUBLIC KEY-----\n")
_SUBJECT = re.compile(r"^subject=(.*)$", re.MULTILINE)
# How a public key on the curve P-256 begins, up to the two coordinates of its point.
_P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200") + b"\x04"
_P256_BYTES = len(_P256) + 64

_CONFIG = """\
[ca]
default_ca = chassis
[chassis]
database = {directory}/index.txt
new_certs_dir = {directory}
rand_serial = yes
default_md = sha256
unique_subject = no
copy_extensions = none
policy = name
x509_extensions = extensions
[name]
commonName = supplied
[extensions]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class Certificate(Struct, frozen=True, kw_only=True):
    """What was signed, as PEM, and from when to when it is good, in Unix time."""

    pem: str
    not_before: int
    not_after: int


class ChassisCa:
    """Signs with the CA in two files, which are read each time: changed ones are in force at once."""

    def __init__(self, certificate: Path, private_key: Path) -> None:
        """See whether the files can be used.

        Raises:
            BadSetting: they cannot, or there is no openssl.
        """
        _check(certificate, private_key)
        self._certificate = certificate
        self._private_key = private_key
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def sign(self, request: str, name: str, valid_s: int = VALID_S) -> Certificate:
        """A certificate for the chassis `name`, with the key of the request.

        Raises:
            CertificateRequestRefused: the request is none, is for another name, its signature is not by its
                key, or the key is of another kind than we sign.
            CertificateNotSigned: openssl failed.
        """
        if len(name) > NAME_MAX:
            raise CertificateRequestRefused(
                reason=f"is for a name of {len(name)} characters: a certificate's has {NAME_MAX} at most"
            )
        if len(request) > REQUEST_MAX or not _REQUEST.fullmatch(request):
            raise CertificateRequestRefused(reason="is not one (PEM, as openssl req -new makes it)")
        async with self._gate:
            with TemporaryDirectory(prefix="ovnest-ca.") as directory:
                return await self._sign(Path(directory), request, name, valid_s)

    async def _sign(self, directory: Path, request: str, name: str, valid_s: int) -> Certificate:
        (directory / "request").write_text(request)
        await _check_request(directory / "request", name)
        (directory / "index.txt").touch()
        (directory / "config").write_text(_CONFIG.format(directory=directory))
        now = int(time.time())
        begin, end = now - BACKDATED_S, now + valid_s
        status, pem, complaint = await _openssl(
            *("ca", "-batch", "-notext", "-utf8", "-config", str(directory / "config")),
            *("-cert", str(self._certificate), "-keyfile", str(self._private_key), "-passin", "pass:"),
            *("-startdate", _asn1(begin), "-enddate", _asn1(end), "-subj", f"/CN={name}"),
            *("-in", str(directory / "request")),
        )
        if status:
            raise CertificateNotSigned(reason=_last_line(complaint))
        return Certificate(pem=pem, not_before=begin, not_after=end)


def _check(certificate: Path, private_key: Path) -> None:
    files = f"--chassis-ca-cert {certificate} with --chassis-ca-key {private_key}"
    if which("openssl") is None:
        raise BadSetting("--chassis-ca-cert needs the program openssl: apt install openssl")
    try:
        mode = stat.S_IMODE(private_key.stat().st_mode)
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, private_key, password="")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(certificate)
    except (OSError, ssl.SSLError) as error:
        raise BadSetting(f"{files} cannot be used: {error.strerror or error}") from error
    if mode & 0o077:
        raise BadSetting(
            f"{private_key} has mode {mode:04o}; others must not read it: chmod 600 {private_key}"
        )
    if not context.get_ca_certs():
        raise BadSetting(f"{certificate} is no certificate of an authority (basicConstraints CA:TRUE)")


async def _check_request(path: Path, name: str) -> None:
    status, told, _ = await _openssl(
        "req", "-in", str(path), "-verify", "-noout", "-subject", "-pubkey", "-nameopt", "RFC2253"
    )
    if status:
        raise CertificateRequestRefused(reason="cannot be read, or is not signed by its own key")
    subject, key = _SUBJECT.findall(told), _PUBLIC_KEY.findall(told)
    if subject != [f"CN={name}"]:
        raise CertificateRequestRefused(reason=f"must be for CN={name}, and for nothing else")
    if len(key) != 1 or not _is_p256(key[0]):
        raise CertificateRequestRefused(reason="must have a key on the curve P-256")


def _is_p256(text: str) -> bool:
    try:
        key = base64.b64decode(text)
    except binascii.Error:
        return False
    return len(key) == _P256_BYTES and key.startswith(_P256)


async def _openssl(*arguments: str) -> tuple[int, str, str]:
    """The status, standard output and standard error.

    Raises:
        CertificateNotSigned: it could not be run, or took too long.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            "openssl",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise CertificateNotSigned(reason=f"openssl: {error.strerror}") from error
    try:
        async with asyncio.timeout(TIMEOUT_S):
            output, complaint = await process.communicate()
    except TimeoutError:
        raise CertificateNotSigned(reason=f"openssl took more than {TIMEOUT_S:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None  # noqa: S101  communicate() has seen its end
    return process.returncode, output.decode(errors="replace"), complaint.decode(errors="replace")


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "openssl says nothing"


def _asn1(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d%H%M%SZ")
