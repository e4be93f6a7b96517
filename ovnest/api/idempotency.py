"""The header Idempotency-Key: a create request that may be sent again when its answer was lost."""

import json
import re
from hashlib import sha256
from typing import Any

from ovnest.errors.idempotency_key import InvalidIdempotencyKey
from ovnest.operations.steps.idempotency_key import IdempotencyKey

HEADER = "idempotency-key"
KEY_MAX = 64
_KEY = re.compile(rf"[\x21-\x7e]{{1,{KEY_MAX}}}")
_DIGEST_DIGITS = 16


def idempotency_key_of(key: str, items: list[dict[str, Any]], *, is_bulk: bool) -> IdempotencyKey:
    """The key of a request, with a digest of the one object that it wants.

    Raises:
        InvalidIdempotencyKey: it cannot be kept, or the request wants several.
    """
    if not _KEY.fullmatch(key):
        raise InvalidIdempotencyKey(reason=f"has 1 to {KEY_MAX} printable characters, none of them a space")
    if is_bulk:
        raise InvalidIdempotencyKey(reason="goes with one port, and the request asks for several")
    canonical = json.dumps(items[0], sort_keys=True, separators=(",", ":"))
    return IdempotencyKey(key=key, digest=sha256(canonical.encode()).hexdigest()[:_DIGEST_DIGITS])
