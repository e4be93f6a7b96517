"""What a route is: the methods of a path, each with the function that answers it."""

from collections.abc import Awaitable, Callable, Mapping

from ovnest.api.requests import Request
from ovnest.api.responses import Response
from ovnest.caller import Caller

Handle = Callable[[Request, Caller], Awaitable[Response]]
Methods = Mapping[str, Handle]
