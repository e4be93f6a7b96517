"""Enrolling: a one-time code becomes a credential, even if the agent or the machine ends in between.

The server takes a code once, and gives the same answer again to whoever comes with the same nonce. So the
nonce is kept before it is sent, and goes when the credential is kept.
"""

from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe

import msgspec
from msgspec import Struct

from ovnest.agent import durable
from ovnest.agent.client.api import Api
from ovnest.agent.client.credential import NONCE_BYTES, Answer, Credential, endpoint, read_code, save

FILE = "enrolment.json"
ENROLL = "/agent/v1/enroll"
ENROLL_TIMEOUT_S = 15.0


class Begun(Struct, frozen=True, kw_only=True):
    """The file: an enrolment whose credential is not kept yet. `code` is the code's SHA-256."""

    code: str
    nonce: str


async def enroll(directory: Path, code_text: str) -> Credential:
    """Turn a code into a credential, which is kept in `directory`; the code is used up by that.

    Raises:
        NotSetUp: it is no code.
        ApiRefused: the server does not take it (any more).
        ApiUnreachable: the server does not answer.
        OSError: the directory cannot be written.
    """
    code = read_code(code_text)
    nonce = _begin(directory, code_text.strip())
    api = Api(endpoint(code.url, code.ca), _nobody)
    try:
        answer = await api.post_again(
            ENROLL, {"code": code_text.strip(), "nonce": nonce}, Answer, ENROLL_TIMEOUT_S
        )
    finally:
        api.close()
    made = Credential(
        url=code.url,
        ca=code.ca,
        mode=answer.mode,
        subject=answer.subject,
        credential=answer.credential,
        generation=answer.generation,
        renew_after_s=answer.renew_after_s,
    )
    save(directory, made)
    (directory / FILE).unlink(missing_ok=True)
    return made


def _begin(directory: Path, code: str) -> str:
    """The nonce for that code: the one of an enrolment that was interrupted, or else a new one."""
    digest = sha256(code.encode()).hexdigest()
    before = _find(directory)
    if before is not None and before.code == digest:
        return before.nonce
    begun = Begun(code=digest, nonce=token_urlsafe(NONCE_BYTES))
    durable.keep(directory, FILE, begun)
    return begun.nonce


def _find(directory: Path) -> Begun | None:
    try:
        return msgspec.json.decode((directory / FILE).read_bytes(), type=Begun)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError:
        return None  # of no use; it is written anew


async def _nobody() -> str | None:
    return None
