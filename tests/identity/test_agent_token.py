import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnest.caller import Agent
from ovnest.errors.agent_code import CodeRefused, CredentialRefused
from ovnest.errors.policy import Unauthorized
from ovnest.identity.agent_token import (
    issue_code,
    issue_credential,
    read_code,
    read_credential,
    refuse_agents,
)
from ovnest.identity.key_ring import KeyRing, new_key

RING = KeyRing([new_key()])
AGENT = Agent(mode="nested", subject="a-parent", grant="a-grant", generation=7, expires=2_000_000_000)
CREDENTIAL = issue_credential(RING, AGENT)
CODE = issue_code(RING, AGENT, url="https://192.0.2.1:9697", ca="-----BEGIN CERTIFICATE-----\n")


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def payload_of(token: str) -> dict[str, object]:
    part = token.split(".")[1]
    found: dict[str, object] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def forged(token: str, **changes: object) -> str:
    """The token with another payload under the signature that it has."""
    prefix, _, signature = token.split(".")
    content = json.dumps({**payload_of(token), **changes}).encode()
    return f"{prefix}.{base64.urlsafe_b64encode(content).rstrip(b'=').decode()}.{signature}"


def test_a_credential_says_who_it_is_for() -> None:
    assert read_credential(RING, bearer(CREDENTIAL)) == AGENT
    assert read_credential(RING, {"authorization": f"bearer {CREDENTIAL}"}) == AGENT
    assert read_credential(RING, {"x-auth-token": CREDENTIAL}) == AGENT


def test_a_code_says_where_to_go_and_whom_to_trust() -> None:
    said = payload_of(CODE)
    assert (said["url"], said["ca"]) == ("https://192.0.2.1:9697", "-----BEGIN CERTIFICATE-----\n")
    assert (said["mode"], said["subject"], said["kind"]) == ("nested", "a-parent", "code")
    assert read_code(RING, CODE).grant == "a-grant"


def test_no_secret_is_in_a_token() -> None:
    for token in (CODE, CREDENTIAL):
        assert base64.b64encode(RING.signing.secret.reveal()).decode()[:10] not in token
        assert set(payload_of(token)) <= {
            *("kid", "kind", "mode", "subject", "grant", "expires"),
            *("generation", "url", "ca"),
        }


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "another-parent"},
        {"mode": "overlay"},
        {"generation": 8},
        {"expires": 3_000_000_000},
        {"grant": "another"},
        {"kid": "k0"},
        {"kind": "code"},
    ],
)
def test_a_credential_with_anything_changed_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(CredentialRefused):
        read_credential(RING, bearer(forged(CREDENTIAL, **change)))


@given(st.integers(0, len(CREDENTIAL) - 1), st.characters(codec="ascii", exclude_categories=["Cc"]))
def test_a_credential_with_one_character_changed_is_refused(place: int, character: str) -> None:
    changed = CREDENTIAL[:place] + character + CREDENTIAL[place + 1 :]
    if changed == CREDENTIAL:
        return
    with pytest.raises(CredentialRefused):
        read_credential(RING, bearer(changed))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": CREDENTIAL},
        {"authorization": f"Basic {CREDENTIAL}"},
        {"authorization": "Bearer"},
        bearer(""),
        bearer(CODE),
        bearer(CREDENTIAL + "."),
        bearer(CREDENTIAL + "." + CREDENTIAL),
        bearer(CREDENTIAL.rpartition(".")[0]),
        bearer(CREDENTIAL.rpartition(".")[0] + "."),
        bearer(CREDENTIAL.replace("ovnest1", "ovnest2")),
        bearer("ovnest1.e30.e30"),
        bearer("ovnest1.AAAAA.AAAAA"),
        bearer("ovnest1." + "A" * 40_000 + ".AAAA"),
        {"x-auth-token": "admin"},
    ],
)
def test_what_is_no_credential_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(CredentialRefused) as refusal:
        read_credential(RING, headers)
    assert refusal.value.status == 401


def test_a_credential_is_no_code() -> None:
    with pytest.raises(CodeRefused):
        read_code(RING, CREDENTIAL)


def test_another_key_ring_takes_neither() -> None:
    other = KeyRing([new_key()])
    with pytest.raises(CredentialRefused):
        read_credential(other, bearer(CREDENTIAL))
    with pytest.raises(CodeRefused):
        read_code(other, CODE)
    # Even with the id of the other ring's key.
    with pytest.raises(CredentialRefused):
        read_credential(other, bearer(forged(CREDENTIAL, kid=other.signing.id)))


def test_a_rotated_ring_takes_both_until_the_key_is_gone() -> None:
    rotated = RING.rotated()
    assert read_credential(rotated, bearer(CREDENTIAL)) == AGENT
    assert read_code(rotated, CODE).subject == AGENT.subject
    assert read_credential(rotated, bearer(issue_credential(rotated, AGENT))) == AGENT
    with pytest.raises(CredentialRefused):
        read_credential(rotated.rotated(), bearer(CREDENTIAL))


@pytest.mark.parametrize("headers", [bearer(CREDENTIAL), {"x-auth-token": CREDENTIAL}, bearer(CODE)])
def test_an_agent_is_refused_where_agents_do_not_belong(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthorized, match="--agent-listen"):
        refuse_agents(headers)


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer abc"}, {"x-auth-token": "gAAAAA"}])
def test_other_tokens_are_none_of_an_agents(headers: dict[str, str]) -> None:
    refuse_agents(headers)
