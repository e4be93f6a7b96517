"""The chassis' keys and certificates in the agent's directory, each generation in files of its own.

chassis/chassis.json         which generation is in use
chassis/key-3.pem            its key; the next one's is there while it waits for its certificate
chassis/request-4.pem        what waits to be signed
chassis/certificate-3.pem    its certificate
chassis/ca-3.pem             whose signature the Southbound's certificate must have
"""

import re
import time
from pathlib import Path

import msgspec
from msgspec import Struct

from ovnest.agent import durable
from ovnest.agent.durable import DIRECTORY_OF_OWNER, EVERYBODY_READS, OWNER_ALONE
from ovnest.agent.errors import NotSetUp
from ovnest.agent.setup.chassis import openssl

DIRECTORY = "chassis"
FILE = "chassis.json"
KEPT = 2
"""So many generations stay: ovn-controller may still be reading the one before."""

_NUMBERED = re.compile(r"(?:key|request|certificate|ca)-([0-9]+)\.pem")


class Files(Struct, frozen=True, kw_only=True):
    """The files of one generation."""

    key: Path
    request: Path
    certificate: Path
    ca: Path


class Held(Struct, frozen=True, kw_only=True):
    """The generation in use; times are Unix time. `by_server`: the server has signed it, and may the next."""

    number: int
    name: str
    by_server: bool
    not_before: int
    not_after: int

    @property
    def renew_at(self) -> float:
        """When a third of its life is left."""
        return self.not_after - (self.not_after - self.not_before) / 3


class Certificates:
    """What is in the directory of an agent whose credential is in `state`."""

    def __init__(self, state: Path) -> None:
        self.directory = state / DIRECTORY

    def files(self, number: int) -> Files:
        return Files(
            **{
                what: self.directory / f"{what}-{number}.pem"
                for what in ("key", "request", "certificate", "ca")
            }
        )

    def find(self) -> Held | None:
        """The generation in use; None where the VM is no chassis, or has no certificate yet.

        Raises:
            NotSetUp: the file is damaged.
        """
        try:
            return msgspec.json.decode((self.directory / FILE).read_bytes(), type=Held)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError:
            raise NotSetUp(f"{self.directory / FILE} is damaged; join again") from None

    def ask(self, name: str) -> tuple[int, str]:
        """The next certificate's number and request, with the key that waits for it, or else a new one."""
        self.directory.mkdir(mode=DIRECTORY_OF_OWNER, parents=True, exist_ok=True)
        held = self.find()
        number = held.number + 1 if held is not None else 1
        files = self.files(number)
        if not files.key.exists():
            openssl.make_key(files.key)
        text = openssl.request(files.key, name)
        durable.write(files.request, text.encode(), EVERYBODY_READS)
        return number, text

    def accept(self, number: int, name: str, certificate: str, ca: str, *, by_server: bool) -> Held:
        """Keep what was signed, once it is found to be ours; `use` takes it into use.

        Raises:
            NotSetUp: it is for another name or key, is over, or not good yet.
        """
        files = self.files(number)
        durable.write(files.certificate, certificate.encode(), OWNER_ALONE)
        durable.write(files.ca, ca.encode(), OWNER_ALONE)
        seen = openssl.look(files.certificate)
        if seen.subject != f"CN={name}":
            raise NotSetUp(
                f"the certificate is for {seen.subject}; OVN knows a chassis by its name: CN={name}"
            )
        if seen.public_key != openssl.public_key(files.key):
            raise NotSetUp(f"the certificate is not for the key {files.key}: sign {files.request}")
        if not seen.not_before <= time.time() < seen.not_after:
            raise NotSetUp("the certificate is not good now: is this machine's clock right?")
        return Held(
            number=number,
            name=name,
            by_server=by_server,
            not_before=seen.not_before,
            not_after=seen.not_after,
        )

    def use(self, held: Held) -> None:
        """Write down that this is the generation in use, so that the next request has another key."""
        durable.keep(self.directory, FILE, held)
        self.files(held.number).request.unlink(missing_ok=True)

    def prune(self) -> None:
        """Delete the files of generations that are long out of use."""
        held = self.find()
        if held is None:
            return
        for path in self.directory.iterdir():
            match = _NUMBERED.fullmatch(path.name)
            if match is not None and int(match[1]) <= held.number - KEPT:
                path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete all of it."""
        for path in self.directory.iterdir():
            path.unlink()
        self.directory.rmdir()
