"""Reading one rule: oslo.policy's language, with an error where oslo.policy would let nobody pass.

oslo.policy takes a rule that it cannot read for one that nobody passes, and says so only in a log.

Source: oslo_policy.policy, "Policy Rule Expressions".
"""

import re
from collections.abc import Iterator
from typing import TypeAlias

from oslo_policy import policy

Tree: TypeAlias = object  # a check of oslo.policy, whose own base class is private

_OPERATORS = {"and": "a", "or": "a", "not": "n", "(": "(", ")": ")"}
_REDUCTIONS = (("nc", "c"), ("cac", "c"), ("(c)", "c"))


class BrokenRule(ValueError):
    """A rule that cannot be read; the message says where it breaks."""


def read_rule(name: str, text: str) -> Tree:
    """The tree of checks that a rule is, as oslo.policy reads it; an empty rule is passed by everybody.

    Raises:
        BrokenRule: it cannot be read.
    """
    if text:
        _check_form(text)
    return policy.RuleDefault(name, text).check


def _check_form(text: str) -> None:
    tokens = list(_tokens(text))
    for token in tokens:
        if token.lower() not in _OPERATORS and token not in ("@", "!") and not _is_check(token):
            raise BrokenRule(f"'{token}' is no check; one is written kind:value, as role:admin or rule:owner")
    form = "".join(_OPERATORS.get(token.lower(), "c") for token in tokens)
    while any(pattern in form for pattern, _ in _REDUCTIONS):
        for pattern, replacement in _REDUCTIONS:
            form = form.replace(pattern, replacement)
    if form != "c":
        raise BrokenRule("checks, parentheses, and, or and not do not make a whole")


def _is_check(token: str) -> bool:
    kind, colon, value = token.partition(":")
    return bool(kind and colon and value) and not (token[0] in "\"'" and token[0] == token[-1])


def _tokens(text: str) -> Iterator[str]:
    # Parentheses count at the edges of a word only: %(project_id)s has its own.
    for word in re.split(r"\s+", text.strip()):
        inner = word.lstrip("(")
        yield from "(" * (len(word) - len(inner))
        bare = inner.rstrip(")")
        if bare:
            yield bare
        yield from ")" * (len(inner) - len(bare))
