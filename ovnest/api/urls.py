"""The server's own URL, as the client that asks knows it: for links in answers."""

from ovnest.api.requests import Request


def base_url(request: Request) -> str:
    """Scheme and host by which the request came, without a slash at the end.

    Behind a proxy the scheme is what X-Forwarded-Proto says, as in Neutron.
    """
    scheme = "https" if request.peer.is_tls else "http"
    forwarded = request.headers.get("x-forwarded-proto", "")
    if forwarded in ("http", "https"):
        scheme = forwarded
    return f"{scheme}://{request.headers.get('host') or 'localhost'}"
