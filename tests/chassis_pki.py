"""Keys, certificate requests and an authority for VMs that are chassis, made by openssl as people do."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

P256 = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


def openssl(*arguments: str, stdin: str = "") -> str:
    """What openssl printed."""
    argv = ["/usr/bin/openssl", *arguments]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, input=stdin)
    assert done.returncode == 0, (argv, done.stderr)
    return done.stdout


def authority(directory: Path, name: str = "ca") -> tuple[Path, Path]:
    """The certificate and the key of an authority."""
    certificate, key = directory / f"{name}.pem", directory / f"{name}.key"
    made = ("-keyout", str(key), "-out", str(certificate))
    openssl("req", "-x509", *P256, "-nodes", "-days", "60", "-subj", f"/CN={name}", *made)
    key.chmod(0o600)
    return certificate, key


def request(directory: Path, subject: str, *more: str, key: tuple[str, ...] = P256) -> str:
    """A certificate request for `subject` ("/CN=…"); its key is `request.key`."""
    return openssl(
        "req", "-new", *key, "-nodes", "-subj", subject, "-keyout", str(directory / "request.key"), *more
    )


def signed(directory: Path, authority_name: str, name: str) -> tuple[Path, Path]:
    """A certificate for `name`, signed by hand, and its key."""
    certificate, key = directory / f"{name}.pem", directory / f"{name}.key"
    asked = openssl("req", "-new", *P256, "-nodes", "-subj", f"/CN={name}", "-keyout", str(key))
    ca = ("-CA", str(directory / f"{authority_name}.pem"), "-CAkey", str(directory / f"{authority_name}.key"))
    certificate.write_text(openssl("x509", "-req", *ca, "-days", "30", stdin=asked))
    return certificate, key


def shown(certificate: str) -> str:
    """A certificate in words."""
    return openssl("x509", "-noout", "-text", stdin=certificate)


def dates(certificate: str) -> tuple[int, int]:
    """From when to when it is good, in Unix time."""
    told = openssl("x509", "-noout", "-dates", stdin=certificate)
    begin, end = (line.partition("=")[2] for line in told.splitlines())
    return _seconds(begin), _seconds(end)


def _seconds(text: str) -> int:
    return int(datetime.strptime(text, "%b %d %H:%M:%S %Y %Z").replace(tzinfo=UTC).timestamp())
