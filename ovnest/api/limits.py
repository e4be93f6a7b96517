"""What one client may ask of the HTTP server: sizes, numbers and times, each with the answer past it."""

from msgspec import Struct


class Limits(Struct, frozen=True, kw_only=True):
    """The server's bounds; a client that passes one is answered or cut off, never left hanging.

    Sizes: a request's head past `head_bytes` or with more than `head_fields` headers is 431, a body past
    `body_bytes` 413. Numbers: a connection past `connections` and a request past `requests` in flight are
    503. Times: a head or a body that is not complete in time is 408; a connection without a request is
    closed after `idle_timeout_s`; one that does not take its answer is cut off after `write_timeout_s`
    without progress. `linger_s` is how long a refused sender is still listened to, so that it sees why.
    """

    head_bytes: int = 64 * 1024
    head_fields: int = 256
    body_bytes: int = 1024 * 1024
    connections: int = 1000
    requests: int = 512
    head_timeout_s: float = 10.0
    body_timeout_s: float = 30.0
    idle_timeout_s: float = 75.0
    write_timeout_s: float = 30.0
    linger_s: float = 2.0
