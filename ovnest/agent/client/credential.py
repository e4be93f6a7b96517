"""Who the agent is: a one-time code becomes a credential, which is kept in a file and renewed.

The credential is never written anywhere but into its file, which root alone may read. Each renewal raises
its generation: of two copies of one machine the one that renews second is refused, and the other is told.
"""

import asyncio
import base64
import binascii
import logging
import os
import sys
from pathlib import Path
from secrets import token_urlsafe
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ovnest.agent import durable
from ovnest.agent.client.api import Api
from ovnest.agent.client.http import Endpoint
from ovnest.agent.client.trust import PinnedCertificate
from ovnest.agent.errors import ApiRefused, ApiUnreachable, NotSetUp

FILE = "credential.json"
PREFIX = "ovnest1"
RENEW = "/agent/v1/renew"
NONCE_BYTES = 24
RENEW_AGAIN_FIRST_S = 1.0
RENEW_AGAIN_LONGEST_S = 60.0
REFUSED_AGAIN_S = 300.0

# systemd puts what SMBIOS or the unit gives into the unit's directory; cloud-init writes what it is told.
CREDENTIAL_NAME = "ovnest.code"
CODE_FILES = (Path("/etc/ovnest/code"), Path("/run/credentials/@system") / CREDENTIAL_NAME)

_log = logging.getLogger(__name__)


class Code(Struct, frozen=True, kw_only=True):
    """What the agent reads in a code: where to go, and whom to trust there. Only the server can verify it."""

    url: str
    ca: str
    mode: str
    subject: str


class Credential(Struct, frozen=True, kw_only=True):
    """The file. `nonce` is that of a renewal whose answer has not come yet."""

    url: str
    ca: str
    mode: str
    subject: str
    credential: str
    generation: int
    renew_after_s: int = 3600
    nonce: str = ""

    def __repr__(self) -> str:
        return f"Credential(subject={self.subject!r}, generation={self.generation})"

    @property
    def endpoint(self) -> Endpoint:
        return endpoint(self.url, self.ca)


class Answer(Struct, frozen=True, kw_only=True):
    """What the server says to an enrolment or a renewal."""

    credential: str
    generation: int
    mode: str
    subject: str
    renew_after_s: int = 3600
    conflict_at: int | None = None

    def __repr__(self) -> str:
        return f"Answer(subject={self.subject!r}, generation={self.generation})"


def endpoint(url: str, ca: str) -> Endpoint:
    """The API at `url`, whose server is known by `ca`.

    Raises:
        NotSetUp: those are no URL and no certificate.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise NotSetUp(f"the agent speaks to https:// alone, not to {url}")
    try:
        pinned = PinnedCertificate(ca)
    except ValueError:
        raise NotSetUp("the code has no certificate in it; make one anew") from None
    return Endpoint(host=parts.hostname, port=parts.port or 443, tls=pinned)


def read_code(text: str) -> Code:
    """What a code says.

    Raises:
        NotSetUp: that is no code.
    """
    prefix, _, rest = text.strip().partition(".")
    payload, _, signature = rest.partition(".")
    try:
        if prefix != PREFIX or not signature:
            raise ValueError
        content = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        return msgspec.json.decode(content, type=Code)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        # Without the cause, which might show a piece of the code.
        raise NotSetUp(
            f"that is no code; one begins with {PREFIX} and is made by agent-code create"
        ) from None


def find_code() -> str | None:
    """A code that was left for us: by systemd (from SMBIOS, for example), or by cloud-init in a file."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    files = [Path(directory) / CREDENTIAL_NAME] if directory else []
    for path in (*files, *CODE_FILES):
        if path.is_file():
            return path.read_text().strip()
    return None


def code_from(file: str | None) -> str:
    """The code in `file` ("-": the standard input), or one that was left for us.

    Raises:
        NotSetUp: there is none.
        OSError: the file cannot be read.
    """
    if file is not None:
        return sys.stdin.read() if file == "-" else Path(file).read_text()
    text = find_code()
    if text is None:
        places = ", ".join(map(str, CODE_FILES))
        raise NotSetUp(
            f"there is no credential and no code (looked for {places}, and systemd's {CREDENTIAL_NAME})"
        )
    return text


def load(directory: Path) -> Credential | None:
    """The credential in `directory`; None if there is none.

    Raises:
        NotSetUp: others may read it, or it is damaged.
    """
    path = directory / FILE
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read()
    except FileNotFoundError:
        return None
    if mode & 0o077:
        raise NotSetUp(f"others may read {path}: chmod 600 {path}, and enrol again if others have")
    try:
        return msgspec.json.decode(content, type=Credential)
    except msgspec.MsgspecError:
        raise NotSetUp(f"{path} is damaged; enrol again with a new code") from None


def save(directory: Path, credential: Credential) -> None:
    """Keep the credential, so that it is there even if the machine stops right now."""
    durable.keep(directory, FILE, credential)


class Holder:
    """The credential in use: gives the header for each request, and renews it as long as `run` runs."""

    def __init__(self, directory: Path, credential: Credential) -> None:
        self._directory = directory
        self.credential = credential
        self.problem = ""
        """Why the server does not take the credential; empty if it does."""
        self._settled = asyncio.Event()

    async def header(self) -> str | None:
        """The value of Authorization. A renewal that is under way is waited for: it ends the old one."""
        await self._settled.wait()
        return f"Bearer {self.credential.credential}"

    def told(self, conflict_at: int | None) -> None:
        """What the server says of copies of this machine, whenever it answers."""
        if conflict_at:
            self.problem = (
                "an older generation of this credential is in use elsewhere: is there a copy of this "
                "machine? Revoke it by `ovnest agent-code revoke`, and enrol each with a code of its own"
            )
        elif self.problem:
            self.problem = ""

    def refused(self, error: ApiRefused) -> None:
        """The server does not take the credential, whatever was asked with it."""
        self.problem = str(error)

    async def run(self, api: Api) -> None:
        """Renew now, and then as often as the server says."""
        api.listeners.append(self.refused)
        pause_s = RENEW_AGAIN_FIRST_S
        while True:
            try:
                await self._renew(api)
            except ApiUnreachable as error:
                _log.info("event=not_renewed reason=%s", error)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, RENEW_AGAIN_LONGEST_S)
            except ApiRefused as error:
                self.refused(error)
                _log.error("event=credential_refused reason=%s", error)
                await asyncio.sleep(REFUSED_AGAIN_S)
            else:
                pause_s = RENEW_AGAIN_FIRST_S
                await asyncio.sleep(self.credential.renew_after_s)

    async def _renew(self, api: Api) -> None:
        self._settled.clear()
        try:
            if not self.credential.nonce:
                # Kept before it is sent: if the answer is lost, even by our end, the same is asked again.
                self._take(replace(self.credential, nonce=token_urlsafe(NONCE_BYTES)))
            bearer = f"Bearer {self.credential.credential}"
            answer = await api.post(RENEW, {"nonce": self.credential.nonce}, Answer, bearer=bearer)
            self._take(
                replace(
                    self.credential,
                    credential=answer.credential,
                    generation=answer.generation,
                    renew_after_s=answer.renew_after_s,
                    nonce="",
                )
            )
        finally:
            self._settled.set()
        self.problem = ""
        self.told(answer.conflict_at)
        _log.info("event=renewed generation=%d", answer.generation)

    def _take(self, credential: Credential) -> None:
        save(self._directory, credential)
        self.credential = credential
