"""The policy file: reading it strictly, and reading it again when it has changed.

JSON or YAML, one mapping of rule names to rules. What two readers could understand differently is
refused: a name that stands twice, a rule that is not a string.
"""

import json
import os
from collections.abc import Hashable, Iterable
from typing import Any

import yaml

from ovnest.errors.policy import BadPolicy
from ovnest.policy.catalogue import Catalogue
from ovnest.policy.policy import Policy

SIZE_MAX_BYTES = 1024 * 1024

_Signature = tuple[int, int, int] | None


class PolicyFile:
    """A policy file and the policy in force.

    `policy` changes only in `reload_if_changed`, and only to a good one; what is asked under the one
    before stays with that.
    """

    def __init__(self, path: str, catalogue: Catalogue, in_force: Policy | None = None) -> None:
        """Read the file; or begin with the policy that is in force, and look at the file soon.

        Raises:
            BadPolicy: it is missing or refused.
        """
        self.path = path
        self._catalogue = catalogue
        self._signature = _signature(path) if in_force is None else None
        self.policy = load(path, catalogue) if in_force is None else in_force

    def reload_if_changed(self) -> bool:
        """Read the file again if it is another than last time; True when a new policy is in force.

        Raises:
            BadPolicy: it has changed and is refused. The old policy stays, and the file is not looked at
                again until it changes once more.
        """
        signature = _signature(self.path)
        if signature == self._signature:
            return False
        self._signature = signature
        self.policy = load(self.path, self._catalogue)
        return True


def load(path: str, catalogue: Catalogue) -> Policy:
    """The policy that the file makes of a catalogue's default rules.

    Raises:
        BadPolicy: it cannot be read, or something in it cannot be.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(SIZE_MAX_BYTES + 1)
    except OSError as error:
        raise BadPolicy(path, (f"It cannot be read: {error.strerror}.",)) from error
    if len(content) > SIZE_MAX_BYTES:
        raise BadPolicy(path, (f"It is larger than {SIZE_MAX_BYTES} bytes.",))
    try:
        rules = read_rules(content.decode("utf-8"))
    except ValueError as error:
        raise BadPolicy(path, (str(error),)) from error
    return Policy(catalogue, rules, path)


def read_rules(text: str) -> dict[str, str]:
    """The rules in the text of a policy file; none if there is nothing but comments in it.

    Raises:
        ValueError: it is neither JSON nor YAML, not a mapping, or a name or a rule in it is no string.
    """
    try:
        content = _read_json(text) if text.lstrip().startswith("{") else _read_yaml(text)
    except RecursionError:
        raise ValueError("It is nested too deep.") from None  # its traceback is one line a thousand times
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ValueError("It is not a mapping of rule names to rules.")
    for name, rule in content.items():
        if not isinstance(name, str):
            raise ValueError(f"{name!r}: the name of a rule is a string.")
        if not isinstance(rule, str):
            raise ValueError(
                f"{name}: a rule is a string, such as 'role:member'; \"\" lets everybody, '!' nobody."
            )
    return content


def _signature(path: str) -> _Signature:
    # Not the time alone: an editor may write twice within its grain, or move an older file there.
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        try:
            return _read_yaml(text)  # YAML has braces too, and comments in them
        except ValueError:
            raise ValueError(f"It is not JSON: {error}.") from error


def _read_yaml(text: str) -> Any:
    try:
        return yaml.load(text, Loader=_Strict)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(f"It is not YAML: {' '.join(str(error).split())}.") from error


def _once(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    content: dict[Any, Any] = {}
    for name, value in pairs:
        if not isinstance(name, Hashable):
            raise ValueError(f"{name!r}: the name of a rule is a string.")
        if name in content:
            raise ValueError(f"{name}: it stands there twice.")
        content[name] = value
    return content


class _Strict(yaml.SafeLoader):
    """YAML in which no key may stand twice."""


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    return _once((loader.construct_object(key), loader.construct_object(value)) for key, value in node.value)


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
