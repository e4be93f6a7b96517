"""Having a certificate signed by the server."""

from msgspec import Struct

from ovnest.agent.client.api import Api

CERTIFICATE = "/agent/v1/certificate"
TIMEOUT_S = 15.0


class Answer(Struct, frozen=True, kw_only=True):
    """What the server says: the certificate, and the CA by which the Southbound is known (PEM)."""

    certificate: str
    ca: str


async def certify(api: Api, request: str) -> Answer:
    """Have a request signed; may be done twice.

    Raises:
        ApiRefused: the server does not sign it.
        ApiUnreachable: it does not answer.
    """
    return await api.post_again(CERTIFICATE, {"request": request}, Answer, TIMEOUT_S)
