"""A description: how the agent knows its own ports and networks again, and what people want to know of them.

agent=8144908e-… request=1f0c… namespace=default pod=web
agent=8144908e-… docker=5d1b…
"""

from collections.abc import Mapping

AGENT = "agent"
REQUEST = "request"
DOCKER = "docker"
LENGTH_MAX = 255


def described(agent: str, request: str, labels: Mapping[str, str]) -> str:
    """The text: the agent's id, the idempotency key that it asked for the port with, and labels that fit."""
    text = f"{AGENT}={agent} {REQUEST}={request}"
    for key, value in sorted(labels.items()):
        more = f" {key}={value}"
        if len(text) + len(more) <= LENGTH_MAX and not any(letter.isspace() for letter in key + value):
            text += more
    return text


def of_docker(agent: str, network_id: str) -> str:
    """The text of a network that the agent made for Docker's network of that id."""
    return f"{AGENT}={agent} {DOCKER}={network_id}"


def docker_of(description: str) -> str:
    """For which network of Docker's one of that description was made; empty if for none."""
    return _value(description, DOCKER)


def agent_of(description: str) -> str:
    """Which agent made what has that description; empty if none did."""
    return _value(description, AGENT)


def request_of(description: str) -> str:
    """The idempotency key that its agent asked for it with; empty if none did."""
    return _value(description, REQUEST)


def _value(description: str, key: str) -> str:
    for word in description.split():
        name, equals, value = word.partition("=")
        if name == key and equals:
            return value
    return ""
