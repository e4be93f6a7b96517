"""How any refusal is said: Neutron's body, always JSON.

Source: Neutron API reference, "Faults".
"""

import msgspec

from ovnest.api.responses import Response
from ovnest.errors import Refusal, Unavailable
from ovnest.errors.http import HTTPMethodNotAllowed


def refusal_response(refusal: Refusal, project_id: str = "") -> Response:
    """The answer that says `refusal` in Neutron's form."""
    headers = {"Content-Type": "application/json"}
    if isinstance(refusal, Unavailable):
        headers["Retry-After"] = str(refusal.retry_after_s)
    if isinstance(refusal, HTTPMethodNotAllowed):
        headers["Allow"] = refusal.facts["allowed"]
    error = {"type": refusal.kind, "message": str(refusal), "detail": ""}
    body = msgspec.json.encode({"NeutronError": error})
    return Response(status=refusal.status, headers=headers, body=body, project_id=project_id)
