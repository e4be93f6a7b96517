"""What schemathesis is told: half of its random ids become ids of what is there, so that requests get inside.

Its own process reads this file (SCHEMATHESIS_HOOKS). FUZZ_IDS is JSON: the ids by kind, `{"port": [...], …}`.
"""

import json
import os
import zlib
from typing import Any

import schemathesis

IDS: dict[str, list[str]] = json.loads(os.environ["FUZZ_IDS"])
REFERENCES = {"network_id": "network", "subnet_id": "subnet", "parent_name": "port", "parent": "port"}


@schemathesis.hook
def map_path_parameters(context: schemathesis.HookContext, path_parameters: Any) -> Any:
    if isinstance(path_parameters, dict) and "id" in path_parameters and context.operation is not None:
        kind = context.operation.path.split("/")[2].removesuffix("s").replace("-", "_")
        return {**path_parameters, "id": _known(kind, path_parameters["id"])}
    return path_parameters


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    return _referring(body)


def _referring(value: Any) -> Any:
    """The same with known ids wherever an id stands, at any depth."""
    if isinstance(value, list):
        return [_referring(item) for item in value]
    if not isinstance(value, dict):
        return value
    referring = {name: _referring(item) for name, item in value.items()}
    for name, kind in REFERENCES.items():
        if name in referring:
            referring[name] = _known(kind, referring[name])
    return referring


def _known(kind: str, value: Any) -> Any:
    """The value, or an id of that kind; always the same for one value, so that a failure can be repeated."""
    chance = zlib.crc32(repr(value).encode())
    known = IDS.get(kind)
    return value if chance % 2 or not known else known[chance // 2 % len(known)]
